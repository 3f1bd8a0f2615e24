package proxy_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/proxy"
)

// lookout is an observer of what an upstream answers, with what was told in words.
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
	l.told <- "Connection: " + string(h.Fields.Get("Connection"))
}

func (l *lookout) OriginFault(f protocol.Fault) {
	l.told <- map[protocol.FaultKind]string{protocol.FaultExtra: "extra", protocol.FaultCut: "cut", protocol.FaultUnreadable: "unreadable: "}[f.Kind] + f.Text
}

// Who takes a request over that no upstream has answered answers it; one that was begun, it is
// not told of.
func TestUnanswered(t *testing.T) {
	for _, row := range []struct {
		name, answer string
		take         bool
		status       int
		body         string
	}{
		{"cut", "", true, 200, "instead"},
		{"left alone", "", false, 502, ""},
		{"answered", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, 200, "ok"},
	} {
		p, err := proxy.New(raw(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, row.answer) }))
		if err != nil {
			t.Fatal(err)
		}
		p.Retries = -1
		p.Unanswered = func(r *resource.Request, err error) bool {
			if row.take {
				r.Loop().CallLater(0, func() { r.Answer(r.Text("instead")) })
			}
			return row.take
		}
		if status, body := serve(t, p, nil).get("/"); status != row.status || row.body != "" && body != row.body {
			t.Errorf("%s: %d %s", row.name, status, body)
		}
	}
}

// Who observes a request hears what the upstream's answer was before it was made right, also
// what comes when the answer is over.
func TestFaultsOfAnUpstream(t *testing.T) {
	for _, row := range []struct{ name, answer, want string }{
		{"more", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nabc", "Connection: keep-alive|extra"},
		{"less", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "Connection: |cut"},
		{"no HTTP", "hello\r\n\r\n", "unreadable: it does not begin with a status line of HTTP/1.x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := proxy.New(raw(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, row.answer) }))
			if err != nil {
				t.Fatal(err)
			}
			p.Retries = -1
			l := &lookout{Resource: p, told: make(chan string, 10)}
			serve(t, l, nil).get("/")
			var got []string
			for range strings.Split(row.want, "|") {
				select {
				case s := <-l.told:
					got = append(got, s)
				case <-time.After(10 * time.Second):
					t.Fatalf("got %q only", got)
				}
			}
			if s := strings.Join(got, "|"); s != row.want {
				t.Errorf("got %s, want %s", s, row.want)
			}
		})
	}
}
