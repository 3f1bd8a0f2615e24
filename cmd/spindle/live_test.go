package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
	"spindle/resource/resourcetest"
	"spindle/site"
)

// enter opens the chat's WebSocket.
func enter(t *testing.T, s *resourcetest.Server) *reactortest.Transport {
	t.Helper()
	x := s.Start("GET", "/chat/socket", protocol.Fields{{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: "dGhlIHNhbXBsZSBub25jZQ=="}, {Name: "Sec-WebSocket-Version", Value: "13"}}, nil)
	c, ok := x.Switched.(*websocket.Conn)
	if !ok {
		t.Fatalf("it is answered %v", x)
	}
	return s.Loop.Connect(c)
}

func TestChat(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	if page := s.Get("/chat"); page.Status != 200 || !strings.Contains(string(page.Body), "new WebSocket(") {
		t.Errorf("the page: %d", page.Status)
	}
	if r := s.Get("/chat/socket"); r.Status != 426 {
		t.Errorf("a GET of the socket: %d", r.Status)
	}
	ada := enter(t, s)
	if got := ada.TakeString(); got != "\x81\x0a"+`{"here":1}` {
		t.Errorf("Ada gets %q", got)
	}
	bob := enter(t, s)
	if got := ada.TakeString() + bob.TakeString(); strings.Count(got, `{"here":2}`) != 2 {
		t.Errorf("both get %q", got)
	}
	send(ada, `{"name":" Ada\n","text":" good\u0000day "}`)
	for name, tr := range map[string]*reactortest.Transport{"Ada": ada, "Bob": bob} {
		var line chatLine
		if err := json.Unmarshal(tr.Take()[2:], &line); err != nil || line.Name != "Ada" || line.Text != "good day" || line.At == 0 {
			t.Errorf("%s gets %+v, %v", name, line, err)
		}
	}
	send(bob, `{"text":"  "}`)
	send(bob, `{"text":"`+strings.Repeat("é", 40)+`"}`)
	if got := ada.TakeString(); strings.Count(got, "Somebody") != 1 {
		t.Errorf("Ada gets %q", got)
	}
	late := enter(t, s)
	if got := late.TakeString(); strings.Count(got, `"text"`) != 2 || !strings.Contains(got, `{"here":3}`) {
		t.Errorf("who comes late gets %q", got)
	}
	send(bob, `no JSON`)
	if got := bob.TakeString(); !strings.Contains(got, "\x03\xebsay it in JSON") {
		t.Errorf("Bob gets %q", got)
	}
	bob.Lose(nil)
	if got := ada.TakeString(); !strings.HasSuffix(got, `{"here":2}`) {
		t.Errorf("Ada gets %q", got)
	}
}

// send delivers a text of less than 126 bytes, or a longer one, with a mask of zeros.
func send(tr *reactortest.Transport, text string) {
	head := []byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}
	if len(text) > 125 {
		head = []byte{0x81, 0xfe, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	}
	tr.Deliver(append(head, text...))
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{" a\tb\x7f ": "a b", "äöü€x": "äöü€", "": ""} {
		if got := printable(in, 4); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTicker(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	if page := s.Get("/ticker"); page.Status != 200 || !strings.Contains(string(page.Body), "new EventSource(") {
		t.Errorf("the page: %d", page.Status)
	}
	x := s.Start("GET", "/ticker/stream", nil, nil)
	s.Loop.Advance(3 * time.Second)
	if n := strings.Count(string(x.Body), "data: "); n != 4 || x.Done {
		t.Errorf("%d events: %s", n, x.Body)
	}
	if r := s.Do("POST", "/ticker", nil, nil); r.Status != 200 || string(r.Body) != "{\"cut\":1}\n" {
		t.Errorf("the cut: %v", r)
	}
	if !x.Done {
		t.Error("the line is not cut")
	}
	at := strings.LastIndex(string(x.Body), "id: ")
	id, _, _ := strings.Cut(string(x.Body)[at+4:], "\n")
	s.Loop.Advance(4 * time.Second)
	x = s.Start("GET", "/ticker/stream", protocol.Fields{{Name: "Last-Event-ID", Value: id}}, nil)
	if n := strings.Count(string(x.Body), "data: "); n != 4 {
		t.Errorf("%d events were missed: %s", n, x.Body)
	}
	x.Lose(nil)
	before := s.Loop.Pending()
	s.Loop.Advance(2 * time.Minute)
	if s.Loop.Pending() != before-1 {
		t.Error("it ticks for nobody")
	}
}
