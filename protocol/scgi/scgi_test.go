package scgi

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol/cgi"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// read is what a HeadReader makes of pieces.
func read(pieces ...string) string {
	h := HeadReader{Max: 1000}
	var env cgi.Env
	for i, p := range pieces {
		if p == "" {
			continue
		}
		n, done, err := h.Read([]byte(p), &env)
		if err != nil {
			return err.Error()
		}
		if done {
			return fmt.Sprintf("%q %q", env.Strings(), p[n:]+strings.Join(pieces[i+1:], ""))
		}
	}
	return "incomplete"
}

func netstring(vars ...string) string {
	text := ""
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		text += name + "\x00" + value + "\x00"
	}
	return fmt.Sprintf("%d:%s,", len(text), text)
}

func TestHead(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"good", netstring("CONTENT_LENGTH=5", "SCGI=1", "A=") + "hello", `["CONTENT_LENGTH=5" "SCGI=1" "A="] "hello"`},
		{"no length first", netstring("SCGI=1", "CONTENT_LENGTH=5"), ErrHead.Error()},
		{"no SCGI", netstring("CONTENT_LENGTH=5"), ErrHead.Error()},
		{"nothing", "0:,", ErrHead.Error()},
		{"no value", "15:CONTENT_LENGTH\x00,", ErrHead.Error()},
		{"no comma", "2:a\x00;", ErrNetstring.Error()},
		{"leading zero", "02:a\x00,", ErrNetstring.Error()},
		{"no length", ":,", ErrNetstring.Error()},
		{"another protocol", "GET / HTTP/1.1\r\n", ErrNetstring.Error()},
		{"too long", "1001:", ErrTooLong.Error()},
		{"huge", "99999999999999999999999999:", ErrTooLong.Error()},
		{"cut", "30:CONTENT_LENGTH\x005", "incomplete"},
	} {
		if got := read(c.in); got != c.want {
			t.Errorf("%s: got %s want %s", c.name, got, c.want)
		}
		for i := range len(c.in) {
			if got := read(c.in[:i], c.in[i:]); got != c.want {
				t.Errorf("%s, cut at %d: got %s want %s", c.name, i, got, c.want)
			}
		}
	}
}

func TestAppendHead(t *testing.T) {
	var env cgi.Env
	env.Add("CONTENT_LENGTH", "0")
	env.Add("B", "x")
	if got := string(AppendHead(nil, &env)); got != netstring("CONTENT_LENGTH=0", "SCGI=1", "B=x") {
		t.Errorf("%q", got)
	}
}

func FuzzHead(f *testing.F) {
	f.Add(netstring("CONTENT_LENGTH=5", "SCGI=1", "A=")+"hello", uint16(4))
	f.Fuzz(func(t *testing.T, in string, at uint16) {
		n := int(at) % (len(in) + 1)
		if whole, cut := read(in), read(in[:n], in[n:]); whole != cut {
			t.Errorf("cut at %d: got %s want %s", n, cut, whole)
		}
	})
}

func TestFactory(t *testing.T) {
	echo := func(x *protocoltest.Exchange) {
		x.Text(x.Head.Method + " " + string(x.Head.Path) + " " + string(x.Body))
	}
	get := []string{"CONTENT_LENGTH=0", "SCGI=1", "REQUEST_METHOD=GET", "REQUEST_URI=/x"}
	post := append([]string{"CONTENT_LENGTH=5"}, "SCGI=1", "REQUEST_METHOD=POST", "REQUEST_URI=/x")
	for _, c := range []struct{ name, in, want string }{
		{"GET", netstring(get...), "200 OK|GET /x "},
		{"POST", netstring(post...) + "hello", "200 OK|POST /x hello"},
		{"more than its length", netstring(post...) + "hello, world", "200 OK|POST /x hello"},
		{"a bad request", netstring("CONTENT_LENGTH=x", "SCGI=1", "REQUEST_METHOD=GET", "REQUEST_URI=/"), "400 Bad Request|"},
		{"variables that are too many", "999999:", "431 Request Header Fields Too Large|"},
	} {
		for name, split := range reactortest.Splits() {
			tr := reactortest.NewLoop().NewTransport()
			tr.SetSplit(split)
			tr.Start(NewFactory(&protocoltest.Server{OnDone: echo}, nil).BuildProtocol(reactor.Addr{}))
			tr.DeliverString(c.in)
			status, content, _ := strings.Cut(tr.String(), "\r\n\r\n")
			status, _, _ = strings.Cut(strings.TrimPrefix(status, "Status: "), "\r\n")
			wantStatus, wantContent, _ := strings.Cut(c.want, "|")
			if status != wantStatus || !strings.HasPrefix(content, wantContent) || !tr.Disconnecting() && !tr.WriteClosed() {
				t.Errorf("%s, %s: %q %q", c.name, name, status, content)
			}
		}
	}
}

// TestHalfClosed: who sends no more may wait for the answer; content that is cut is not
// taken for whole.
func TestHalfClosed(t *testing.T) {
	s := &protocoltest.Server{}
	tr := reactortest.Connect(NewFactory(s, nil).BuildProtocol(reactor.Addr{}))
	tr.DeliverString(netstring("CONTENT_LENGTH=0", "SCGI=1", "REQUEST_METHOD=GET", "REQUEST_URI=/x"))
	tr.DeliverEOF()
	s.Last().Text("later")
	if !strings.HasSuffix(tr.String(), "later") {
		t.Errorf("%q", tr)
	}
	tr = reactortest.Connect(NewFactory(s, nil).BuildProtocol(reactor.Addr{}))
	tr.DeliverString(netstring("CONTENT_LENGTH=5", "SCGI=1", "REQUEST_METHOD=POST", "REQUEST_URI=/x") + "abc")
	tr.DeliverEOF()
	if s.Last().Complete || s.Last().Lost == nil || !strings.HasPrefix(tr.String(), "Status: 400") {
		t.Errorf("cut content: %q, lost %v", tr, s.Last().Lost)
	}
}
