package dev

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/postmortem"
	"spindle/reactor"
	"spindle/resource/resourcetest"
)

// This file attacks the console.

// past is a moment in which x is 42.
type past struct{}

func (past) Frames() ([]Frame, error) {
	return []Frame{{Function: "main.f", File: "/a/main.go", Line: 3}}, nil
}

func (past) Panicked() postmortem.Place { return postmortem.Place{} }
func (past) Eval(frame int, expression string) (Value, error) {
	if frame != 0 || expression != "x" {
		return Value{}, errors.New("could not find symbol value for <" + expression + ">")
	}
	return Value{Text: "42", Type: "int"}, nil
}

// present is a program that still has its frames, in which x is 42.
type present struct{ gone bool }

func (p *present) Kept() bool { return !p.gone }

func (p *present) Run(frame int, source string) *reactor.Deferred[Said] {
	switch {
	case p.gone:
		return reactor.Failed[Said](errors.New("wsgi: the worker that had this frame is gone"))
	case source == "if x:":
		return reactor.Succeeded(Said{More: true})
	case frame != 0 || source != "x":
		return reactor.Succeeded(Said{Output: "<printed>\n", Error: "NameError: name '" + source + "' is not defined"})
	}
	return reactor.Succeeded(Said{Value: &Value{Text: "42", Type: "int"}})
}

func (p *present) Parts(ref, from int) *reactor.Deferred[Said] {
	if p.gone {
		return reactor.Failed[Said](errors.New("wsgi: the worker that had this frame is gone"))
	}
	return reactor.Succeeded(Said{Parts: []Value{{Name: "<part>", Text: "42"}}, Left: 7})
}

// attacked is a supervisor with a ticket of a moment.
func attacked(t *testing.T) *memory { return attackedAs(t, past{}, nil) }

// attackedAs is a supervisor with a ticket of a moment, or of a talk.
func attackedAs(t *testing.T, moment Moment, talk Talk) *memory {
	m := supervised(t)
	m.serve("program")
	ticket := &Ticket{moment: moment, talk: talk, Report: postmortem.Report{Panic: true, Causes: []postmortem.Cause{{Type: "string", Text: "<oh>"}},
		Exchange: &postmortem.Exchange{ID: "TICKET0001", Method: "GET", Target: "/<x>"}}}
	if talk != nil {
		ticket.Frames = []Frame{{Function: "app.f", File: "/a/app.py", Line: 3, Own: true, Locals: []Value{{Name: "x", Text: "42", Ref: 1}}}}
	}
	ticket.fill(nil)
	m.s.tickets.add(ticket, m.Loop.Now())
	return m
}

// asked asks for an expression.
func (m *memory) asked(expression string, fields ...string) *resourcetest.Exchange {
	x := m.ask("POST", Prefix+"console?ticket=TICKET0001&frame=0&expression="+url.QueryEscape(expression), fields...)
	x.Wait()
	return x
}

// tried gives a PIN.
func (m *memory) tried(pin string, fields ...string) *resourcetest.Exchange {
	x := m.ask("POST", Prefix+"pin?pin="+pin, append([]string{"X-Spindle-Secret", m.s.console.secret}, fields...)...)
	x.Wait()
	return x
}

// cookieOf is what a browser sends back.
func cookieOf(x *resourcetest.Exchange) string {
	pair, _, _ := strings.Cut(x.Field("Set-Cookie"), ";")
	return pair
}

func TestConsoleAnswersWhoGavePIN(t *testing.T) {
	m := attacked(t)
	x := m.tried(m.s.PIN())
	if set := x.Field("Set-Cookie"); x.Status != 204 || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") || !strings.Contains(set, "Path="+Prefix) {
		t.Fatalf("%d, Set-Cookie: %s", x.Status, set)
	}
	mine := []string{"X-Spindle-Secret", m.s.console.secret, "Cookie", cookieOf(x), "Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}
	if got := m.asked("x", mine...); got.Status != 200 || !strings.Contains(string(got.Body), ">42<") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := m.asked("<y>", mine...); got.Status != 200 || !strings.Contains(string(got.Body), "&lt;y&gt;") || strings.Contains(string(got.Body), "<y>") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	m.Loop.Advance(8 * 24 * time.Hour)
	if got := m.asked("x", mine...); got.Status != 401 {
		t.Errorf("a cookie of last week: %d", got.Status)
	}
	m.s.tickets.list[0].moment = nil
	x = m.tried(m.s.PIN())
	mine[3] = cookieOf(x)
	if got := m.asked("x", mine...); got.Status != 410 {
		t.Errorf("of a moment that is not kept: %d", got.Status)
	}
	m.s.tickets.list[0].Why = "the program has no debug information"
	if got := m.asked("x", mine...); got.Status != 404 || !strings.Contains(string(got.Body), "no debug information") {
		t.Errorf("of a moment that there never was: %d %s", got.Status, got.Body)
	}
}

// The two consoles have the same guard: one that reads the memory of a program, and one
// that runs what it is given in it.
func TestConsoleRefuses(t *testing.T) {
	t.Run("of a moment", func(t *testing.T) { refuses(t, attacked(t)) })
	t.Run("of a program", func(t *testing.T) { refuses(t, attackedAs(t, nil, &present{})) })
}

func refuses(t *testing.T, m *memory) {
	secret := m.s.console.secret
	cookie := cookieOf(m.tried(m.s.PIN()))
	for _, row := range []struct {
		name   string
		fields []string
		want   int
	}{
		{"nothing", nil, 403},
		{"no secret", []string{"Cookie", cookie}, 403},
		{"a wrong secret", []string{"Cookie", cookie, "X-Spindle-Secret", "x"}, 403},
		{"the token of the other pages", []string{"Cookie", cookie, "X-Spindle-Token", m.s.front.token}, 403},
		{"no PIN", []string{"X-Spindle-Secret", secret}, 401},
		{"a forged cookie", []string{"X-Spindle-Secret", secret, "Cookie", m.s.console.cookie + "=4000000000|00"}, 401},
		{"a cookie of another run", []string{"X-Spindle-Secret", secret, "Cookie", strings.Replace(cookie, m.s.console.cookie, "spindle-console-x", 1)}, 401},
		{"a foreign name", []string{"Host", "evil.example", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"a name made to lead here", []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"another site", []string{"Origin", "http://evil.example", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"another port of this machine", []string{"Origin", "http://localhost:9", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"another site, as the browser says", []string{"Sec-Fetch-Site", "cross-site", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"a neighbour", []string{"Sec-Fetch-Site", "same-site", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
		{"a sandbox", []string{"Origin", "null", "X-Spindle-Secret", secret, "Cookie", cookie}, 403},
	} {
		if x := m.asked("x", row.fields...); x.Status != row.want || strings.Contains(string(x.Body), "42") {
			t.Errorf("%s: %d %s", row.name, x.Status, x.Body)
		}
		x := m.ask("POST", Prefix+"console?ticket=TICKET0001&ref=1", row.fields...)
		if x.Wait(); x.Status != row.want || strings.Contains(string(x.Body), "42") {
			t.Errorf("%s, for a part: %d %s", row.name, x.Status, x.Body)
		}
	}
	if x := m.ask("GET", Prefix+"console?ticket=TICKET0001&frame=0&expression=x", "X-Spindle-Secret", secret, "Cookie", cookie); x.Status != 405 {
		t.Errorf("GET: %d", x.Status)
	}
}

// What a program says is escaped, in lists of parts as well; when it is gone, that is said.
func TestConsoleOfAProgram(t *testing.T) {
	p := &present{}
	m := attackedAs(t, nil, p)
	mine := []string{"X-Spindle-Secret", m.s.console.secret, "Cookie", cookieOf(m.tried(m.s.PIN())), "Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}
	for _, row := range []struct {
		entry  string
		status int
		want   string
	}{
		{"x", 200, ">42<"},
		{"if x:", 202, ""},
		{"<y>", 200, "&lt;y&gt;"},
		{"<y>", 200, "&lt;printed&gt;"},
		{" \n ", 422, "bytes"},
		{strings.Repeat("x", mostEntry+1), 422, "bytes"},
	} {
		form := url.Values{"ticket": {"TICKET0001"}, "frame": {"0"}, "expression": {row.entry}}.Encode()
		fields := protocol.Fields{{Name: "Host", Value: "localhost:8080"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
		for i := 0; i < len(mine); i += 2 {
			fields.Set(mine[i], mine[i+1])
		}
		x := m.Start("POST", Prefix+"console", fields, []byte(form))
		if x.Wait(); x.Status != row.status || !strings.Contains(string(x.Body), row.want) || strings.Contains(string(x.Body), "<y>") {
			t.Errorf("%.20q: %d %s", row.entry, x.Status, x.Body)
		}
	}
	part := m.ask("POST", Prefix+"console?ticket=TICKET0001&ref=1&from=2", mine...)
	if part.Wait(); part.Status != 200 || !strings.Contains(string(part.Body), "&lt;part&gt;") || !strings.Contains(string(part.Body), `data-ref="1" data-from="3">… 7 more<`) {
		t.Errorf("%d %s", part.Status, part.Body)
	}
	page := m.ask("GET", Prefix+"tickets/TICKET0001", "Accept", "text/html")
	if page.Wait(); !strings.Contains(string(page.Body), `<details data-ref="1">`) || !strings.Contains(string(page.Body), "<textarea") || strings.Contains(string(page.Body), "data-gone") {
		t.Errorf("%s", page.Body)
	}
	p.gone = true
	if x := m.asked("x", mine...); x.Status != 410 || !strings.Contains(string(x.Body), "The worker that had this frame is gone.") {
		t.Errorf("%d %s", x.Status, x.Body)
	}
	page = m.ask("GET", Prefix+"tickets/TICKET0001", "Accept", "text/html")
	if page.Wait(); strings.Contains(string(page.Body), "<textarea") || !strings.Contains(string(page.Body), talkGone) {
		t.Errorf("%s", page.Body)
	}
}

func TestPINLocksAfterTenWrongOnes(t *testing.T) {
	m := attackedAs(t, nil, &present{})
	wrong := "000000000"
	if m.s.console.pin == wrong {
		wrong = "000000001"
	}
	for i := range mostFails {
		began := m.Loop.Now()
		want := shortDelay
		if i >= slowFails {
			want = longDelay
		}
		x := m.tried(wrong)
		if took := m.Loop.Now().Sub(began); x.Status != 403 || took < want || took > want+time.Second {
			t.Errorf("wrong PIN %d: %d after %v", i+1, x.Status, took)
		}
	}
	if x := m.tried(m.s.PIN()); x.Status != 429 {
		t.Errorf("the right PIN afterwards: %d", x.Status)
	}
	if x := m.asked("x", "X-Spindle-Secret", m.s.console.secret); x.Status != 429 {
		t.Errorf("an expression afterwards: %d", x.Status)
	}
}

// Guesses that come at once are counted before any of them is answered.
func TestPINCountsAtOnce(t *testing.T) {
	m := attacked(t)
	for i := range 50 {
		m.ask("POST", Prefix+fmt.Sprintf("pin?pin=x%d", i), "X-Spindle-Secret", m.s.console.secret)
	}
	if x := m.tried(m.s.PIN()); x.Status != 429 {
		t.Errorf("the right PIN among many: %d", x.Status)
	}
}

func TestRightPINForgetsWrongOnes(t *testing.T) {
	m := attacked(t)
	for range mostFails - 1 {
		m.tried("1")
	}
	if x := m.tried(m.s.PIN()); x.Status != 204 || m.s.console.fails != 0 {
		t.Errorf("%d, %d wrong ones", x.Status, m.s.console.fails)
	}
}

func TestTicketPageStaysAlone(t *testing.T) {
	m := attacked(t)
	for _, path := range []string{"tickets/", "tickets/TICKET0001"} {
		x := m.ask("GET", Prefix+path, "Accept", "text/html")
		x.Wait()
		if x.Status != 200 || x.Field("Content-Security-Policy") != "frame-ancestors 'none'" || x.Field("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, x.Response)
		}
		if !strings.Contains(string(x.Body), "&lt;oh&gt;") || strings.Contains(string(x.Body), "<oh>") {
			t.Errorf("%s is not escaped: %s", path, x.Body)
		}
	}
	if x := m.ask("GET", Prefix+"tickets/TICKET0001", "Host", "evil.example"); x.Status != 403 {
		t.Errorf("under a foreign name: %d", x.Status)
	}
	if x := m.ask("GET", Prefix+"tickets/NONE"); x.Status != 404 {
		t.Errorf("one that is not there: %d", x.Status)
	}
}

func TestTicketsAreARing(t *testing.T) {
	var k tickets
	for i := range keptTickets + 5 {
		k.add(&Ticket{moment: past{}, Report: postmortem.Report{Exchange: &postmortem.Exchange{ID: fmt.Sprintf("ID%06d", i)}}}, time.Time{})
	}
	if len(k.list) != keptTickets || k.find("ID000004") != nil || k.find("ID000054") == nil {
		t.Errorf("%d tickets", len(k.list))
	}
	if k.list[keptMoments-1].moment == nil || k.list[keptMoments].moment != nil {
		t.Error("not the last moments are kept")
	}
	k.add(&Ticket{Report: postmortem.Report{Exchange: &postmortem.Exchange{ID: "../x"}}}, time.Time{})
	if id := k.list[0].ID; !ticketID.get().MatchString(id) {
		t.Errorf("id %q", id)
	}
}

func TestFramesOfStack(t *testing.T) {
	const stack = "goroutine 7 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\n" +
		"panic({0x1?, 0x2?})\n\t/go/src/runtime/panic.go:860 +0x13a\nruntime.goPanicIndex(0x3)\n\t/go/src/runtime/panic.go:1 +0x1\n" +
		"main.total({0x1, 0x3, 0x3}, 0x3)\n\t/a/main.go:34 +0xb1\nmain.(*T).f(...)\n\t/a/t.go:2\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/x.go:9 +0x1\n"
	got := fmt.Sprint(framesOfStack(stack))
	want := fmt.Sprint([]Frame{{Function: "main.total", File: "/a/main.go", Line: 34}, {Function: "main.(*T).f", File: "/a/t.go", Line: 2}})
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
