package dev

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource"
)

// mute is a program that does not answer: it keeps the request.
type mute struct {
	resource.Leaf
	r *resource.Request
}

func (x *mute) Render(r *resource.Request) ([]byte, error) {
	x.r = r
	return nil, resource.NotDoneYet
}

// askedOf is a generation that is a process, and a request that it has in hand.
func askedOf(t *testing.T, method string) (m *memory, g *running, x *mute, answered func(wait bool) (int, string)) {
	t.Helper()
	m, _ = recorded(t)
	g = &running{s: m.s, ended: reactor.NewDeferred[string](), rootd: reactor.NewDeferred[resource.Resource](),
		p: &program{child: new(reactor.ChildProcess)}}
	x = new(mute)
	m.s.current, m.s.serves = g, x
	e := m.ask(method, "/poll")
	return m, g, x, func(wait bool) (int, string) {
		if m.turn(); wait {
			e.Wait()
		}
		return e.Status, string(e.Body)
	}
}

// The request that has killed the program gets the page of its end.
func TestUnansweredSinceItEnded(t *testing.T) {
	m, g, x, answered := askedOf(t, "POST")
	if !g.unanswered(x.r, errors.New("cut")) {
		t.Fatal("it was left to the proxy")
	}
	if status, _ := answered(false); status != 0 {
		t.Fatalf("answered with %d before it has ended", status)
	}
	m.s.current, m.s.serves = nil, nil
	m.s.failure = &Failure{Stage: "run", Title: "The program ended: exit status 2"}
	g.ended.Callback("exit status 2")
	if status, body := answered(true); status != 500 || !strings.Contains(body, "The program ended: exit status 2") {
		t.Errorf("%d %s", status, body)
	}
}

// A program that only closes the connection has not answered.
func TestUnansweredAndItLives(t *testing.T) {
	m, g, x, answered := askedOf(t, "GET")
	g.unanswered(x.r, errors.New("cut"))
	m.turn()
	m.s.current = nil // it has no process to be asked
	m.Loop.Advance(endsSoon)
	if status, _ := answered(true); status != 502 {
		t.Errorf("%d", status)
	}
}

// What waited at a program that was replaced is asked again, if that can do no harm.
func TestUnansweredSinceItWasReplaced(t *testing.T) {
	for _, row := range []struct {
		method string
		taken  bool
	}{{"GET", true}, {"POST", false}} {
		m, g, x, answered := askedOf(t, row.method)
		m.save()
		m.serve("the new one")
		if got := g.unanswered(x.r, errors.New("cut")); got != row.taken {
			t.Errorf("%s: %v", row.method, got)
		}
		if status, body := answered(row.taken); row.taken && (status != 200 || body != "the new one") {
			t.Errorf("%s: %d %s", row.method, status, body)
		}
		if g.unanswered(x.r, reactor.ErrTimeout) {
			t.Error("one that is too late was taken")
		}
	}
}

// streaming is a program that begins an event stream.
type streaming struct{ resource.Leaf }

func (streaming) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/event-stream")
	_, _ = r.Write([]byte("data: 1\n\n"))
	return nil, resource.NotDoneYet
}

// Event streams and WebSockets end when there is a newer program, and not before.
func TestStreamsEndForANewerProgram(t *testing.T) {
	m, c := recorded(t)
	m.s.serves = streaming{}
	var log strings.Builder
	m.ErrorLog = slog.New(slog.NewTextHandler(&log, nil))
	events := m.ask("GET", "/events")
	_, socket := upgraded(t, m, "/socket", "")
	m.save()
	m.turn()
	if events.Aborted != nil || socket.Disconnecting() || len(c.open) != 2 {
		t.Fatalf("%v, %v, %d open", events.Aborted, socket.Disconnecting(), len(c.open))
	}
	m.serve("the new one")
	socketText := socket.TakeString()
	if events.Aborted == nil || !socket.Disconnecting() || !strings.HasSuffix(socketText, "\x88\x02\x03\xf4") {
		t.Errorf("%v, %v, %q", events.Aborted, socket.Disconnecting(), socketText)
	}
	if m.turn(); len(c.open) != 0 {
		t.Errorf("%d are open", len(c.open))
	}
	if log.Len() > 0 {
		t.Errorf("it is told as an error: %s", log.String())
	}
}
