package wsgi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file looks at exceptions of real interpreters, and runs code in their frames.

// tragedy is an application whose exceptions are taken.
type tragedy struct {
	*served
	took chan *Exception
}

func stage(t *testing.T) *tragedy {
	p := &tragedy{took: make(chan *Exception, 1)}
	p.served = serveApp(t, "tragedy:application", func(a *App) {
		a.entryTimeout, a.Threads = 300*time.Millisecond, 2
		a.Failed = func(r *resource.Request, e *Exception) bool {
			p.took <- e
			r.Answer([]byte("taken"), nil)
			return true
		}
	})
	return p
}

// exception is that of a path.
func (p *tragedy) exception(path string) *Exception {
	p.Helper()
	form := url.Values{"a": {"1"}, "password": {"hush"}}
	res, err := http.PostForm(p.url+path+"?b=2", form)
	if err != nil {
		p.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "taken" {
		p.Fatalf("%s: %s", path, body)
	}
	return <-p.took
}

// asked is what a question on the loop gives.
func (p *tragedy) asked(f func() *reactor.Deferred[ConsoleAnswer]) (a ConsoleAnswer, err error) {
	done := make(chan struct{})
	p.r.CallFromThread(func() {
		f().Then(func(got ConsoleAnswer) { a = got; close(done) }, func(e error) { err = e; close(done) })
	})
	<-done
	return a, err
}

func (p *tragedy) run(e *Exception, frame int, source string) (ConsoleAnswer, error) {
	return p.asked(func() *reactor.Deferred[ConsoleAnswer] { return e.Run(frame, source) })
}

// local is a variable of a frame.
func (f *ExceptionFrame) local(name string) *ExceptionVariable { return named(f.Locals, name) }

func named(list []ExceptionVariable, name string) *ExceptionVariable {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return &ExceptionVariable{Text: "there is no " + name}
}

// outline is frames and causes in short.
func (e *Exception) outline() string {
	var b strings.Builder
	for i, c := range e.Causes {
		fmt.Fprintf(&b, "%s %s:", c.Link, c.Type)
		for _, f := range e.Frames {
			if f.Cause == i {
				fmt.Fprintf(&b, " %s", strings.TrimPrefix(f.Function, "tragedy."))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestExceptionInFull(t *testing.T) {
	p := stage(t)
	e := p.exception("/chain")
	if got, want := e.outline(), " ValueError: price chain application\nbecause KeyError: price\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	if f := e.Frames[3]; f.Column != 16 || f.End != 31 {
		t.Errorf("columns %d to %d", f.Column, f.End) // catalogue[name]
	}
	for name, want := range map[string]string{
		"password": "••••••",
		"headers":  "{'api_key': '••••••', 'plain': 'shown', 'pair': ('token', '••••••')}",
		"many":     "[0, 1, 2, 3, 4, 5, 6, 7, ...]",
		"cart":     "<tragedy.Cart object",
		"angry":    "<Angry instance",
	} {
		if v := e.Frames[1].local(name); !strings.HasPrefix(v.Text, want) {
			t.Errorf("%s is %s", name, v.Text)
		}
	}
	cart, many, ring := e.Frames[1].local("cart"), e.Frames[1].local("many"), e.Frames[1].local("ring")
	if cart.Type != "tragedy.Cart" || named(cart.Parts, "owner").Text != "'ada'" || len(named(cart.Parts, "items").Parts) != 1 {
		t.Errorf("%+v", cart)
	}
	if many.Type != "list, 1000" || len(many.Parts) != 25 || many.More != 975 || many.Ref == 0 {
		t.Errorf("%+v", many)
	}
	if self := named(ring.Parts, "self"); self.Ref != 0 || !strings.HasSuffix(self.Text, "↺") {
		t.Errorf("%+v", self)
	}
	if len(e.Log) != 2 || e.Log[0].Kind != "WARNING" || e.Log[0].Name != "shop" || e.Log[0].Text != "billing ada" || e.Log[1].Text != "printed here" {
		t.Errorf("%+v", e.Log)
	}
	if got := fmt.Sprint(e.Sections); got != "[{Query [{b 2}]} {Form [{a 1} {password ••••••}]}]" {
		t.Errorf("%s", got)
	}
	all, _ := p.run(e, 1, "1")
	if text := fmt.Sprintf("%+v %+v", e.Frames, all); strings.Contains(text, "hush") {
		t.Errorf("a secret is shown: %s", text)
	}
}

func TestChainsOfExceptions(t *testing.T) {
	p := stage(t)
	if got, want := p.exception("/again").outline(), " TypeError: again application\nwhile handling KeyError: again\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	e := p.exception("/syntax")
	if f := e.Frames[0]; f.File != "made up.py" || f.Line != 1 || f.Column != 19 || f.End != 22 || f.Source == nil || f.Source.Lines[0] != `name = "é" + foo bar` {
		t.Errorf("%+v %+v", f, f.Source)
	}
	if v := <-p.version(); v < 11 {
		t.Skip("this Python has no groups")
	}
	if got, want := p.exception("/group").outline(), " ExceptionGroup: group application\nholds ValueError: price group\nbecause KeyError: price\nholds ValueError: price group\nbecause KeyError: price\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// version is the minor one of the interpreter.
func (p *tragedy) version() chan int {
	minor := make(chan int, 1)
	p.r.CallFromThread(func() {
		p.app.Start().Then(func(i Info) {
			var n int
			_, _ = fmt.Sscanf(i.Version, "3.%d", &n)
			minor <- n
		}, nil)
	})
	return minor
}

// A value that does not end to describe itself costs its own text; one that sleeps where
// nothing can wake it, the variables behind it.
func TestReprThatIsSlow(t *testing.T) {
	p := stage(t)
	e := p.exception("/endless")
	if f := e.Frames[0]; f.local("before").Text != "1" || !strings.Contains(f.local("endless").Text, "too long") || !f.local("endless").Lost || f.local("after").Text != "2" {
		t.Errorf("%+v", f)
	}
	e = p.exception("/drowsy")
	if f := e.Frames[0]; f.local("before").Text != "1" || !strings.Contains(f.local("…").Text, "too long") {
		t.Errorf("%+v", f)
	}
	if res, err := http.Get(p.url + "/threads"); err != nil || res.StatusCode != 200 {
		t.Errorf("%v %v", res, err)
	}
}

func TestConsoleOfAFrame(t *testing.T) {
	p := stage(t)
	e := p.exception("/chain")
	for _, row := range []struct{ source, value, output, err string }{
		{"cart.owner.upper()", "'ADA'", "", ""},
		{"sum(len(i['name']) for i in cart.items) + LIMIT", "10", "", ""},
		{"n = 7\nn + 1", "8", "", ""},
		{"n", "7", "", ""},
		{"_", "7", "", ""},
		{"def twice(x):\n    return 2 * x * n\n\ntwice(3)", "42", "", ""},
		{"[twice(i) for i in range(2)]", "[0, 14]", "", ""},
		{"import math; math.floor(2.5)", "2", "", ""},
		{"print('out'); None", "", "out\n", ""},
		{"import sys; sys.stderr.write('err'); None", "", "err", ""},
		{"for i in range(2):\n    print(i)", "", "0\n1\n", ""},
		{"1 / 0", "", "", "ZeroDivisionError: division by zero"},
		{"nothing", "", "", "NameError"},
		{"foo bar", "", "", "SyntaxError"},
		{"raise SystemExit(3)", "", "", "SystemExit: 3"},
		{"while True: pass", "", "", "was interrupted"},
		{"woken.wait(20)", "", "", "still running"},
		{"woken.set()", "", "", ""},
	} {
		a, err := p.run(e, 1, row.source)
		value := ""
		if a.Value != nil {
			value = a.Value.Text
		}
		if err != nil || a.More || value != row.value || a.Output != row.output || !strings.Contains(a.Error, row.err) || row.err == "" && a.Error != "" {
			t.Errorf("%s: %+v %v", row.source, a, err)
		}
	}
	if a, err := p.run(e, 1, "if n:"); !a.More || err != nil {
		t.Errorf("%+v %v", a, err)
	}
	if a, _ := p.run(e, 0, "name"); a.Value == nil || a.Value.Text != "'distaff'" {
		t.Errorf("another frame: %+v", a)
	}
	if a, _ := p.run(e, 99, "name"); a.Error == "" {
		t.Errorf("no frame: %+v", a)
	}
	if strings.Contains(p.text(), "out") && strings.Contains(p.text(), ": out") {
		t.Error("what the console prints is in the log")
	}
}

func TestPartsOfAVariable(t *testing.T) {
	p := stage(t)
	e := p.exception("/chain")
	parts := func(ref, from int) ConsoleAnswer {
		a, err := p.asked(func() *reactor.Deferred[ConsoleAnswer] { return e.Parts(ref, from) })
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	many := parts(e.Frames[1].local("many").Ref, 25)
	if len(many.Parts) != 100 || many.Parts[0].Name != "25" || many.Left != 875 {
		t.Errorf("%+v", many)
	}
	deep := named(named(e.Frames[1].local("cart").Parts, "items").Parts, "0")
	if len(deep.Parts) != 0 || deep.More != 2 {
		t.Fatalf("%+v", deep)
	}
	for _, want := range []string{"[1, [2, [3, [...]]]]", "[2, [3, [4]]]", "[3, [4]]", "[4]", "4"} {
		list := parts(deep.Ref, 0).Parts
		if len(list) == 0 {
			t.Fatalf("no %s", want)
		}
		if deep = &list[len(list)-1]; deep.Text != want {
			t.Errorf("%s, want %s", deep.Text, want)
		}
	}
	if a := parts(9999, 0); a.Error == "" {
		t.Errorf("%+v", a)
	}
}

func TestFramesAreKeptForAWhile(t *testing.T) {
	p := stage(t)
	e := p.exception("/again")
	for range 9 {
		p.exception("/again")
	}
	if a, err := p.run(e, 0, "1"); err != nil || a.Value == nil {
		t.Errorf("the last ten: %+v %v", a, err)
	}
	last := p.exception("/again")
	if _, err := p.run(e, 0, "1"); err == nil || !strings.Contains(err.Error(), "not kept any more") {
		t.Errorf("one more: %v", err)
	}
	stopped := make(chan struct{})
	p.r.CallFromThread(func() { p.app.Stop().Then(func(struct{}) { close(stopped) }, nil) })
	<-stopped
	if _, err := p.run(last, 0, "1"); err != ErrWorkerGone {
		t.Errorf("after the worker: %v", err)
	}
}

// A worker that is not developed has no console, nor what belongs to one.
func TestNoConsoleInProduction(t *testing.T) {
	for _, word := range []string{"Console", "Developer(BaseException)", "eval(", "exec(compile", "werkzeug", "settrace"} {
		if bytes.Contains(source, []byte(word)) {
			t.Errorf("the program has %q", word)
		}
	}
	s := serveApp(t, "tragedy:application", nil)
	res, err := http.Get(s.url + "/threads")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "MainThread TextIOWrapper" {
		t.Errorf("%s", body)
	}
	res, err = http.Get(s.url + "/chain")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 500 || strings.Contains(string(body), "kept") {
		t.Errorf("%s", body)
	}
}

// lookout observes what an application answers.
type lookout struct {
	resource.Resource
	told chan string
}

func (l *lookout) Pass(r *resource.Request) (resource.Resource, error) {
	r.Observe(l)
	return l.Resource, nil
}

func (l *lookout) ContentReceived([]byte)           {}
func (l *lookout) AnswerBegun(int, protocol.Fields) {}
func (l *lookout) ContentSent([]byte)               {}
func (l *lookout) FileSent(int64)                   {}

func (l *lookout) OriginHead(h *protocol.ResponseHead) {
	l.told <- fmt.Sprintf("%d, Connection: %s", h.Status, h.Fields.Get("Connection"))
}

func (l *lookout) OriginFault(f protocol.Fault) {
	l.told <- fmt.Sprintf("%d bytes, %s", f.Bytes, f.Text)
}

// Where an application does not keep to HTTP, and it is mended on the way, who observes the
// request hears of it.
func TestFaultsOfAnApplication(t *testing.T) {
	l := &lookout{told: make(chan string, 10)}
	s := serveBehind(t, "tragedy:faulty", func(a *App) {
		a.Failed = func(*resource.Request, *Exception) bool { return false }
	}, func(a *App) resource.Resource {
		l.Resource = a
		return l
	})
	for _, row := range []struct{ path, want string }{
		{"/hop", "200, Connection: close"},
		{"/none", "5 bytes, |204, Connection: "},
		{"/pieces", "2 bytes, |304, Connection: "},
		{"/less", "0 bytes, the application gave 3 bytes, and its Content-Length was 9"},
	} {
		s.get(row.path)
		var got []string
		for range strings.Split(row.want, "|") {
			select {
			case text := <-l.told:
				got = append(got, text)
			case <-time.After(5 * time.Second):
				t.Fatalf("%s: got %q only", row.path, got)
			}
		}
		if text := strings.Join(got, "|"); text != row.want {
			t.Errorf("%s: got %s, want %s", row.path, text, row.want)
		}
	}
}

// TestOpenConsole talks to an application while it runs: what its module has is seen as it is
// at each entry, and what is named stays in the console.
func TestOpenConsole(t *testing.T) {
	p := stage(t)
	p.exception("/") // the worker is there
	var e *Exception
	open := func() *reactor.Deferred[ConsoleAnswer] {
		return reactor.Map(p.app.OpenConsole(), func(got *Exception) (ConsoleAnswer, error) {
			e = got
			return ConsoleAnswer{}, nil
		})
	}
	if _, err := p.asked(open); err != nil {
		t.Fatal(err)
	}
	if len(e.Frames) != 1 || e.Frames[0].Function != "tragedy" || e.PID == 0 || !e.Kept() {
		t.Fatalf("%+v", e)
	}
	for _, row := range []struct{ source, want string }{
		{"x = 41", ""}, {"x + 1", "42"}, {"import sys; sys.modules['tragedy'].later = 'now'", ""}, {"later", "'now'"},
		{"hasattr(sys.modules['tragedy'], 'x')", "False"}, {"callable(application)", "True"},
	} {
		a, err := p.run(e, 0, row.source)
		got := ""
		if a.Value != nil {
			got = a.Value.Text
		}
		if err != nil || a.Error != "" || got != row.want {
			t.Errorf("%s: %q, want %q (%v, %s)", row.source, got, row.want, err, a.Error)
		}
	}
	p.r.CallFromThread(func() { p.app.Target = "nobody:x" })
	if _, err := p.asked(open); err == nil || !strings.Contains(err.Error(), "the module nobody is not loaded") {
		t.Error(err)
	}
}
