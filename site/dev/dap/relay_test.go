package dap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// end is one side of a connection in memory, as a test plays it.
type end struct {
	t  *reactortest.Transport
	in decoder
}

// said is what has come since the last call, in short.
func (e *end) said(t *testing.T) (list []message) {
	t.Helper()
	if err := e.in.add(e.t.Take(), func(m message) { list = append(list, m) }); err != nil {
		t.Fatal(err)
	}
	return list
}

func (e *end) send(m message) { e.t.Deliver(m.encode()) }

// short is a message in a word or two.
func short(m message) string {
	switch m.Type {
	case "request":
		return strings.TrimSpace(m.Command + " " + string(m.Arguments))
	case "response":
		return strings.TrimSpace(fmt.Sprintf("%s #%d %v %s%s", m.Command, m.RequestSeq, *m.Success, m.Message, m.Body))
	}
	return strings.TrimSpace("!" + m.Event + " " + string(m.Body))
}

func shorts(list []message) (texts []string) {
	for _, m := range list {
		texts = append(texts, short(m))
	}
	return texts
}

// desk is a relay with an editor, and the Delves that it has connected to.
type desk struct {
	*testing.T
	loop   *reactortest.Loop
	relay  *Relay
	editor *end
	seq    int
	delves []*end
	refuse error
}

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, loop: reactortest.NewLoop(), relay: &Relay{}}
	d.relay.Connect = func(addr string, f reactor.Factory) *reactor.Deferred[reactor.Protocol] {
		if d.refuse != nil {
			return reactor.Failed[reactor.Protocol](d.refuse)
		}
		p := f.BuildProtocol(reactor.Addr{})
		d.delves = append(d.delves, &end{t: d.loop.Connect(p)})
		return reactor.Succeeded(p)
	}
	d.editor = d.connect()
	return d
}

func (d *desk) connect() *end {
	return &end{t: d.loop.Connect(d.relay.BuildProtocol(reactor.Addr{}))}
}

// ask sends a request of the editor.
func (d *desk) ask(command, arguments string) {
	d.seq++
	d.editor.send(message{Seq: 100 + d.seq, Type: "request", Command: command, Arguments: json.RawMessage(arguments)})
	d.loop.Run()
}

// delve is the newest.
func (d *desk) delve() *end { return d.delves[len(d.delves)-1] }

// asked wants the newest Delve to have been asked this, and answers each with a body.
func (d *desk) asked(want string, bodies ...string) {
	d.Helper()
	list := d.delve().said(d.T)
	if got := shorts(list); !slices.Equal(got, []string{want}) {
		d.Fatalf("Delve was asked %q, want %q", got, want)
	}
	yes := true
	for _, body := range bodies {
		d.delve().send(message{Type: "response", RequestSeq: list[0].Seq, Success: &yes, Command: list[0].Command, Body: json.RawMessage(body)})
	}
	d.loop.Run()
}

// happens is an event of the newest Delve.
func (d *desk) happens(name, body string) {
	d.delve().send(message{Type: "event", Event: name, Body: json.RawMessage(body)})
	d.loop.Run()
}

// told wants the editor to have been told this.
func (d *desk) told(want ...string) {
	d.Helper()
	if got := shorts(d.editor.said(d.T)); !slices.Equal(got, want) {
		d.Fatalf("the editor was told\n%q, want\n%q", got, want)
	}
}

func (d *desk) offer() (made *bool) {
	made = new(bool)
	d.relay.Offer(fmt.Sprint("delve", len(d.delves)), func() { *made = true })
	d.loop.Run()
	return made
}

const (
	setOne    = `{"source":{"path":"/a.go"},"breakpoints":[{"line":3},{"line":9}]}`
	breakBody = `{"breakpoints":[{"id":%d,"verified":true},{"id":%d,"verified":true}]}`
)

// begin has the editor make a session with the first Delve.
func (d *desk) begin() {
	d.Helper()
	d.offer()
	d.ask("initialize", `{"clientID":"test"}`)
	d.asked(`initialize {"clientID":"test"}`, `{"a":1}`)
	d.told(`initialize #101 true {"a":1}`)
	d.ask("attach", `{"mode":"remote","stopOnEntry":true}`)
	d.happens("initialized", "")
	d.asked(`attach {"mode":"remote","stopOnEntry":true}`, "")
	d.told("!initialized", "attach #102 true")
	d.ask("setBreakpoints", setOne)
	d.asked("setBreakpoints "+setOne, fmt.Sprintf(breakBody, 5, 6))
	d.told("setBreakpoints #103 true " + fmt.Sprintf(breakBody, 1, 2))
	d.ask("configurationDone", "")
	d.asked("configurationDone", "")
	d.told("configurationDone #104 true")
}

// again wants the session to be made anew, in steps.
func (d *desk) again() {
	d.Helper()
	d.asked(`initialize {"clientID":"test"}`, `{"a":1}`)
	d.happens("capabilities", `{}`)
	if got := shorts(d.delve().said(d.T)); !slices.Equal(got, []string{`attach {"mode":"remote","stopOnEntry":false}`}) {
		d.Fatalf("%q", got)
	}
	d.happens("initialized", "")
	d.asked("setBreakpoints "+setOne, fmt.Sprintf(breakBody, 1, 2)) // its own numbers
	d.asked("configurationDone", "")
}

// TestSession: an editor goes on with the Delve of the next program, and its breakpoints with
// it, under the numbers that it knows.
func TestSession(t *testing.T) {
	d := newDesk(t)
	d.begin()
	d.happens("stopped", `{"hitBreakpointIds":[6],"threadId":7}`)
	d.told(`!stopped {"hitBreakpointIds":[2],"threadId":7}`)
	d.ask("evaluate", `{"expression":"x"}`)
	first := d.delve()

	made := d.offer()
	if *made {
		t.Error("made before it is")
	}
	if !first.t.Disconnecting() {
		t.Error("the first Delve is still held")
	}
	d.told(`!continued {"allThreadsContinued":true,"threadId":7}`, "evaluate #105 false the program was replaced")
	d.ask("threads", "")
	d.again()
	if !*made {
		t.Error("not made")
	}
	d.asked("threads", `{"threads":[]}`)
	d.told(
		`!breakpoint {"breakpoint":{"id":1,"verified":true},"reason":"changed"}`,
		`!breakpoint {"breakpoint":{"id":2,"verified":true},"reason":"changed"}`,
		`!output {"category":"console","output":"spindle dev: a new program; the breakpoints are set in it\n"}`,
		`threads #106 true {"threads":[]}`,
	)
	d.happens("stopped", `{"hitBreakpointIds":[1],"threadId":8}`)
	d.told(`!stopped {"hitBreakpointIds":[1],"threadId":8}`)
	d.happens("breakpoint", `{"breakpoint":{"id":2},"reason":"changed"}`)
	d.told(`!breakpoint {"breakpoint":{"id":2},"reason":"changed"}`)
	d.ask("setBreakpoints", `{"source":{"path":"/b.go"},"breakpoints":[{"line":1}]}`)
	d.asked(`setBreakpoints {"source":{"path":"/b.go"},"breakpoints":[{"line":1}]}`, `{"breakpoints":[{"id":3}]}`)
	d.told(`setBreakpoints #107 true {"breakpoints":[{"id":3}]}`)
}

// TestProgramEnds: the session outlives a program that ends by itself.
func TestProgramEnds(t *testing.T) {
	d := newDesk(t)
	d.begin()
	d.happens("exited", `{"exitCode":3}`)
	d.happens("terminated", "")
	d.delve().t.DeliverEOF()
	d.loop.Run()
	d.relay.Withdraw()
	d.loop.Run()
	d.told()
	if d.editor.t.Disconnecting() {
		t.Fatal("the editor is left")
	}
	d.ask("setBreakpoints", strings.Replace(setOne, "9", "10", 1)) // while nothing runs
	d.told()
	d.offer()
	d.again()
	d.asked("setBreakpoints "+strings.Replace(setOne, "9", "10", 1), fmt.Sprintf(breakBody, 1, 4))
	if got := d.editor.said(t); short(got[len(got)-1]) != "setBreakpoints #105 true "+fmt.Sprintf(breakBody, 1, 3) {
		t.Errorf("%q", shorts(got))
	}
}

// TestReplacedWhileItBegins: what was not answered is asked of the next Delve.
func TestReplacedWhileItBegins(t *testing.T) {
	d := newDesk(t)
	d.offer()
	d.ask("initialize", `{"clientID":"test"}`)
	made := d.offer()
	if !*made {
		t.Error("nothing had to be made anew")
	}
	d.asked(`initialize {"clientID":"test"}`, `{"a":1}`)
	d.told(`initialize #101 true {"a":1}`)
}

// TestNoDelveYet: an editor may come before the program does, and leave.
func TestNoDelveYet(t *testing.T) {
	d := newDesk(t)
	d.ask("initialize", `{}`)
	d.told()
	d.ask("disconnect", "")
	d.told("disconnect #102 true")
	if !d.editor.t.Disconnecting() || d.relay.Clients() != 0 && !d.editor.t.Closed() {
		t.Error("it is held")
	}
}

func TestDisconnect(t *testing.T) {
	d := newDesk(t)
	d.begin()
	d.ask("disconnect", `{"terminateDebuggee":false}`)
	d.asked(`disconnect {"terminateDebuggee":false}`, "")
	d.told("disconnect #105 true")
	d.delve().t.DeliverEOF()
	d.loop.Run()
	if !d.editor.t.Disconnecting() {
		t.Error("the editor is held")
	}
}

// TestNotTakenOver: a Delve that refuses ends the session, and nobody waits for it.
func TestNotTakenOver(t *testing.T) {
	d := newDesk(t)
	d.begin()
	made := d.offer()
	list := d.delve().said(t)
	no := false
	d.delve().send(message{Type: "response", RequestSeq: list[0].Seq, Success: &no, Command: "initialize", Message: "not today"})
	d.loop.Run()
	d.told(`!output {"category":"console","output":"spindle dev: Delve does not take the session over: initialize: not today\n"}`, "!terminated")
	d.editor.t.DeliverEOF()
	d.loop.Run()
	if !*made || d.relay.Clients() != 0 {
		t.Error("it is waited for")
	}
	d = newDesk(t)
	d.begin()
	d.refuse = errors.New("refused")
	d.offer()
	d.told(`!output {"category":"console","output":"spindle dev: Delve does not answer: refused\n"}`, "!terminated")
}

// TestPipe: what is no Debug Adapter Protocol is passed on, until the program is replaced.
func TestPipe(t *testing.T) {
	d := newDesk(t)
	d.editor.t.DeliverString(`{"method"`)
	d.offer()
	d.editor.t.DeliverString(`:"x"}`)
	d.loop.Run()
	if got := d.delve().t.TakeString(); got != `{"method":"x"}` {
		t.Errorf("%q", got)
	}
	d.delve().t.DeliverString(`{"id":1}`)
	d.loop.Run()
	if got := d.editor.t.TakeString(); got != `{"id":1}` {
		t.Errorf("%q", got)
	}
	if made := d.offer(); !*made || !d.editor.t.Disconnecting() {
		t.Error("it goes on")
	}
}

// TestWhenRuns asks until the program runs.
func TestWhenRuns(t *testing.T) {
	d := newDesk(t)
	runs := 0
	d.relay.WhenRuns("delve", func() { runs++ })
	d.loop.Run()
	delve := d.delve().t
	for _, row := range []struct {
		answer string
		want   int
	}{{`{"result":{"State":{"Running":false}}}`, 0}, {`{"result":null,"error":"no"}`, 0}, {`{"result":{"State":{"Running":true}}}`, 1}} {
		if got := delve.TakeString(); got != stateRequest {
			t.Fatalf("asked %q", got)
		}
		delve.DeliverString(row.answer[:9])
		delve.DeliverString(row.answer[9:] + "\n")
		d.loop.Advance(askAgain)
		if runs != row.want {
			t.Errorf("%s: %d", row.answer, runs)
		}
	}
	if !delve.Disconnecting() {
		t.Error("it is held")
	}
}

// TestAllowed: who may not debug is not heard.
func TestAllowed(t *testing.T) {
	for _, row := range []struct {
		may  *reactor.Deferred[bool]
		want bool
	}{{reactor.Succeeded(true), true}, {reactor.Succeeded(false), false}, {reactor.Failed[bool](errors.New("no")), false}} {
		d := newDesk(t)
		d.relay.Allowed = func(_, _ reactor.Addr) *reactor.Deferred[bool] { return row.may }
		d.offer()
		e := d.connect()
		e.t.DeliverString("{}")
		d.loop.Run()
		if got := len(d.delves) == 1; got != row.want || e.t.Aborted() == row.want {
			t.Errorf("%v: passed on %v, aborted %v", row.want, got, e.t.Aborted())
		}
	}
}

func TestDecoder(t *testing.T) {
	one := (&message{Seq: 1, Type: "request", Command: "threads"}).encode()
	for _, row := range []struct {
		in   string
		want int
		err  bool
	}{
		{string(one), 1, false},
		{string(one) + string(one), 2, false},
		{"content-length:2\r\nX: y\r\n\r\n{}", 1, false},
		{"Content-Length: 3\r\n\r\n{}", 0, false}, // more is to come
		{"Content-Length: x\r\n\r\n{}", 0, true},
		{"Content-Length: -1\r\n\r\n{}", 0, true},
		{"Content-Length: 99999999999\r\n\r\n{}", 0, true},
		{fmt.Sprintf("Content-Length: %d\r\n\r\n", mostContent+1), 0, true},
		{"Content-Length: 2\r\n\r\n[]", 0, true},
		{"Length: 2\r\n\r\n{}", 0, true},
		{strings.Repeat("x", mostHead+1), 0, true},
	} {
		for cut := range len(row.in) + 1 {
			n := 0
			var d decoder
			err := d.add([]byte(row.in[:cut]), func(message) { n++ })
			if err == nil {
				err = d.add([]byte(row.in[cut:]), func(message) { n++ })
			}
			if n != row.want || (err != nil) != row.err {
				t.Fatalf("%.40q cut at %d: %d, %v", row.in, cut, n, err)
			}
		}
	}
}
