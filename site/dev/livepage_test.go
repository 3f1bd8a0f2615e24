package dev

import (
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/postmortem"
	"spindle/reactor"
)

// TestLiveConsole: who has the token opens a console in an application, as a ticket.
func TestLiveConsole(t *testing.T) {
	m := supervised(t)
	post := func(token string) (int, string) {
		x := m.Start("POST", Prefix+"live", protocol.Fields{{Name: "Host", Value: "localhost:8080"}, {Name: "X-Spindle-Token", Value: token}}, nil)
		x.Wait()
		return x.Status, string(x.Body)
	}
	if text := m.get(Prefix + "live"); !strings.Contains(text, "dlv connect") {
		t.Errorf("a Go program: %q", text)
	}
	if status, _ := post(m.s.front.token); status != 409 {
		t.Errorf("without an application: %d", status)
	}
	m.s.opts.Kind = WSGI
	if text := m.get(Prefix + "live"); !strings.Contains(text, "Open one") {
		t.Errorf("%q", text)
	}
	m.s.current = &hosted{app: App{Console: func() *reactor.Deferred[Opened] {
		return reactor.Succeeded(Opened{Ticket: &Ticket{Report: postmortem.Report{Causes: []postmortem.Cause{{Type: "Console", Text: "here"}}}}})
	}}}
	for _, token := range []string{"", "guessed", m.s.front.inPages} {
		if status, _ := post(token); status != 403 || len(m.s.tickets.list) != 0 {
			t.Errorf("token %q: %d, %d tickets", token, status, len(m.s.tickets.list))
		}
	}
	status, body := post(m.s.front.token)
	if status != 200 || len(m.s.tickets.list) != 1 || !strings.Contains(body, Prefix+"tickets/"+m.s.tickets.list[0].ID) {
		t.Errorf("%d %s", status, body)
	}
	m.s.current = nil
}
