package dev

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

func TestStopAndStart(t *testing.T) {
	m, _ := recorded(t)
	d, token := m.s.front.dash, m.s.front.token
	m.ask("POST", Prefix+"dash/stop", "X-Spindle-Token", token)
	m.turn()
	if x := m.ask("GET", "/"); !m.s.Stopped() || x.Status != 503 || x.Field("Retry-After") == "" || d.state().Phase != "stopped" || !d.state().Stopped {
		t.Errorf("%d, %+v", x.Status, d.state())
	}
	if !m.f.started[0].stopped {
		t.Error("the program goes on")
	}
	m.save()
	m.turn()
	m.f.built()
	m.turn()
	if len(m.f.started) != 1 || m.ask("GET", "/").Status != 503 {
		t.Error("a save has started it")
	}
	m.ask("POST", Prefix+"dash/start", "X-Spindle-Token", token)
	m.turn()
	if len(m.f.started) != 2 {
		t.Fatal("it was not started")
	}
	m.f.last().is("again")
	m.turn()
	if got := m.get("/"); got != "again" || m.s.Stopped() {
		t.Errorf("%q", got)
	}
	m.s.StartProgram() // it runs
	if len(m.f.started) != 2 {
		t.Error("it was started twice")
	}
}

// Who waits for a program that is being started is told that it was stopped.
func TestStopWhileItStarts(t *testing.T) {
	m := supervised(t)
	m.f.built()
	m.turn()
	x := m.ask("GET", "/")
	m.s.StopProgram()
	m.turn()
	if x.Wait(); x.Status != 503 || m.s.next != nil {
		t.Errorf("%d", x.Status)
	}
}

// marked answers with the mark that it sees.
type marked struct{ resource.Leaf }

func (marked) RenderGET(r *resource.Request) ([]byte, error) {
	return []byte(r.Field(probe.Field)), nil
}

func TestForgedMarkIsDropped(t *testing.T) {
	m, c := recorded(t)
	m.s.serves = marked{}
	x := m.ask("GET", "/a", probe.Field, "key.1")
	if x.Wait(); len(x.Body) > 0 {
		t.Errorf("the program sees %q", x.Body)
	}
	m.turn()
	r := c.ring[0]
	if r.own == nil || r.own.Status != 200 || r.own.Render == 0 || len(c.under) != 0 || len(c.watched) != 1 || c.watched[r.number] != r {
		t.Errorf("%+v, %d under way, %d watched", r.own, len(c.under), len(c.watched))
	}
	if m.s.front.dash.clear(); len(c.watched) != 0 {
		t.Error("it is still watched")
	}
}

func TestSpanOfAnother(t *testing.T) {
	m, c := recorded(t)
	m.get("/")
	mine, other := &probeLine{}, &probeLine{}
	x := c.ring[0]
	x.to = mine
	p := m.s.probes
	p.span(other, decimal(x.number), []byte(`{"head":1}`))
	p.span(mine, "99", []byte(`{"head":1}`))
	p.span(mine, "x", nil)
	if x.inner != nil {
		t.Error("another program has told of it")
	}
	p.span(mine, decimal(x.number), []byte(`{"head":2}`))
	p.span(mine, decimal(x.number), []byte(`{"head":3}`))
	if string(x.inner) != `{"head":2}` {
		t.Errorf("%s", x.inner)
	}
	var v shownRecord
	if err := json.Unmarshal([]byte(m.get(Prefix+"requests/"+decimal(x.id))), &v); err != nil || v.Own == nil || string(v.Inner) != `{"head":2}` {
		t.Errorf("%v, %+v", err, v)
	}
}

func TestWithoutOurs(t *testing.T) {
	got := withoutOurs(&probe.Timeline{Steps: []probe.Step{{Type: "*dev.front"}, {Type: "dev.inHand"}, {Type: "*proxy.Proxy"}}})
	if len(got.Steps) != 1 || got.Steps[0].Type != "*proxy.Proxy" || withoutOurs(nil) != nil {
		t.Errorf("%+v", got)
	}
}

func TestSlowCallbacks(t *testing.T) {
	m, _ := recorded(t)
	x, line := m.s.front.dash.insight, &probeLine{pid: 7}
	tell := func(text string) { m.s.probes.slowCallback(line, "-", []byte(text)) }
	tell(`{"number":3,"held":100000000,"stack":"goroutine 1 [running]:\nmain.work(0x1)\n\t/x/main.go:7 +0x1\n"}`)
	tell(`{"number":3,"held":300000000,"over":true}`)
	tell(`{`)
	list := x.takeSlow()
	if len(list) != 1 || list[0].Held != 300 || !list[0].Over || len(list[0].Stack) != 1 || list[0].Stack[0].Function != "main.work" || len(x.takeSlow()) != 0 {
		t.Errorf("%+v", list)
	}
	for i := range 2 * keptSlow {
		tell(`{"number":` + decimal(int64(10+i)) + `,"held":1}`)
	}
	if len(x.slow) != keptSlow {
		t.Errorf("%d are kept", len(x.slow))
	}
}

func TestTreeOfWhatIsHosted(t *testing.T) {
	m, _ := recorded(t)
	if got := m.get(Prefix + "dash/tree"); !strings.Contains(got, "not made of resources") {
		t.Error(got)
	}
	for said, want := range map[string]string{"the program does not know of tree": "not made of resources", "not now": "does not say what it consists of: not now."} {
		var body []byte
		orNoTree(reactor.Failed[[]byte](errors.New(said))).Then(func(b []byte) { body = b }, nil)
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %s", said, body)
		}
	}
	root := new(resource.Tree)
	root.PutChild("a", marked{})
	m.s.current = &hosted{s: m.s, app: App{Root: root}}
	if got := m.get(Prefix + "dash/tree"); !strings.Contains(got, `"nodes":2`) || !strings.Contains(got, "dev.marked") {
		t.Error(got)
	}
}
