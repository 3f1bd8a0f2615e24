package dev

import (
	"net/netip"
	"strings"
	"testing"

	"spindle/protocol/postmortem"
	"spindle/resource"
)

// failing is a program whose every answer is the page of a panic.
type failing struct{ resource.Leaf }

func (failing) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetStatus(500)
	r.SetField(failureField, "panic")
	r.SetField("X-Spindle-Ticket", "TICKET0001")
	r.SetField("Content-Type", "text/html; charset=utf-8")
	return []byte("<!doctype html>all the variables"), nil
}

func TestPanicIsShownHereAlone(t *testing.T) {
	m := supervised(t)
	m.serve("program")
	m.s.serves = failing{}
	for _, row := range []struct {
		peer   string
		fields []string
		kind   string
		want   string
	}{
		{"127.0.0.1", nil, "text/html", "all the variables"},
		{"::1", nil, "text/html", "all the variables"},
		{"192.168.1.7", nil, "text/plain", "Something went wrong: ticket TICKET0001\n"},
		{"192.168.1.7", []string{"Accept", "text/html", "Sec-Fetch-Dest", "document"}, "text/html", "Ticket TICKET0001"},
		{"192.168.1.7", []string{"Accept", "application/json"}, "application/json", `"ticket":"TICKET0001"`},
		{"127.0.0.1", []string{"X-Forwarded-For", "203.0.113.7"}, "text/plain", "ticket TICKET0001"},
		{"127.0.0.1", []string{"Forwarded", "for=203.0.113.7"}, "text/plain", "ticket TICKET0001"},
		{"127.0.0.1", []string{"X-Real-IP", "203.0.113.7"}, "text/plain", "ticket TICKET0001"},
		{"127.0.0.1", []string{"CF-Connecting-IP", "203.0.113.7"}, "text/plain", "ticket TICKET0001"},
	} {
		m.Peer.IP = netip.MustParseAddr(row.peer)
		x := m.ask("GET", "/", row.fields...)
		x.Wait()
		shown := strings.Contains(string(x.Body), "all the variables")
		if x.Status != 500 || !strings.Contains(string(x.Body), row.want) || !strings.HasPrefix(x.Field("Content-Type"), row.kind) || shown && row.want != "all the variables" {
			t.Errorf("%s %v: %d %s %s", row.peer, row.fields, x.Status, x.Field("Content-Type"), x.Body)
		}
	}
}

func TestOwnPagesThroughATunnel(t *testing.T) {
	m := supervised(t)
	m.serve("program")
	for path, want := range map[string]int{"": 403, "tickets": 403, "live.js": 200} {
		if x := m.ask("GET", Prefix+path, "X-Forwarded-For", "203.0.113.7"); x.Status != want {
			t.Errorf("%s: %d", path, x.Status)
		}
	}
}

func TestWasHere(t *testing.T) {
	for _, row := range []struct {
		peer, field, value string
		want               bool
	}{
		{"127.0.0.1:40000", "Accept", "*/*", true},
		{"[::1]:40000", "Accept", "*/*", true},
		{"", "Accept", "*/*", true},
		{"192.168.1.7:40000", "Accept", "*/*", false},
		{"[fe80::1%eth0]:40000", "Accept", "*/*", false},
		{"127.0.0.1:40000", "x-forwarded-for", "203.0.113.7", false},
		{"127.0.0.1:40000", "X-Forwarded-For", "127.0.0.1, 203.0.113.7", false},
		{"127.0.0.1:40000", "X-Forwarded-For", "127.0.0.1, ::1", true},
		{"127.0.0.1:40000", "Forwarded", "for=203.0.113.7", false},
	} {
		x := &postmortem.Exchange{Peer: row.peer, Fields: []postmortem.Pair{{Name: row.field, Value: row.value}}}
		if x.WasHere() != row.want {
			t.Errorf("%+v", row)
		}
	}
}

// A program that listens at all addresses, at the port that it was given, can be asked from
// elsewhere, past the development server.
func TestPageForWhoAsksTheProgramItself(t *testing.T) {
	m := supervised(t)
	for peer, want := range map[string]bool{"127.0.0.1:40000": true, "[::1]:40000": true, "": true, "192.168.1.7:40000": false} {
		ticket := &Ticket{Report: postmortem.Report{Exchange: &postmortem.Exchange{Peer: peer}}}
		if got := m.s.reports.mayBeShown(ticket, &ticketView{trusted: true}); got != want {
			t.Errorf("%q: %t", peer, got)
		}
	}
}
