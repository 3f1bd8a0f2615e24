package http2_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
)

// Every limit at n, and at n+1.

func TestPathLimit(t *testing.T) {
	set := plain()
	set.MaxRequestLineBytes = 10
	s := hello()
	p := dial(t, s, set)
	p.get(1, "/123456789")
	p.want("HEADERS 1 "+helloOK+"15", `DATA 1 END "GET /123456789 "`)
	p.get(3, "/1234567890")
	if got := p.frames(); !strings.HasPrefix(got[0], "HEADERS 3 :status=414 ") || len(s.Exchanges) != 1 {
		t.Error(got)
	}
	p.wantOpen()
}

// listSize is how MaxFieldBytes counts.
func listSize(fields ...string) (n int) {
	for i := 0; i < len(fields); i += 2 {
		n += len(fields[i]) + len(fields[i+1]) + 32
	}
	return n
}

func TestFieldBytesLimit(t *testing.T) {
	const room = 1000
	set := plain()
	set.MaxFieldBytes = room
	base := listSize(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x")
	for extra := range 2 {
		s := hello()
		p := dial(t, s, set)
		value := strings.Repeat("v", room-base-len("a")-32+extra)
		p.get(1, "/", "a", value)
		got := p.frames()
		if want := [...]string{"200", "431"}[extra]; !strings.HasPrefix(got[0], "HEADERS 1 :status="+want+" ") {
			t.Errorf("%d bytes: %q", room+extra, got)
		}
		p.get(3, "/", "a", value[:10]) // the tables are in step
		p.want("HEADERS 3 "+helloOK+"6", `DATA 3 END "GET / "`)
	}
}

func TestFieldsLimit(t *testing.T) {
	set := plain()
	set.MaxFields = 3
	p := dial(t, hello(), set)
	p.get(1, "/", "a", "b", "c", "d", "e", "f")
	p.want("HEADERS 1 "+helloOK+"6", `DATA 1 END "GET / "`)
	p.get(3, "/", "a", "b", "c", "d", "e", "f", "g", "h")
	if got := p.frames(); !strings.HasPrefix(got[0], "HEADERS 3 :status=431 ") {
		t.Error(got)
	}
}

func TestTrailersLimit(t *testing.T) {
	set := plain()
	set.MaxTrailerBytes = 100
	for extra := range 2 {
		s := silent()
		p := dial(t, s, set)
		p.post(1, "/")
		p.headers(1, true, "t", strings.Repeat("v", 100-33+extra))
		if x := s.Last(); x.Complete != (extra == 0) || (x.Lost != nil) != (extra == 1) {
			t.Error(x)
		}
		if got := p.frames(); extra == 1 && !strings.HasPrefix(got[0], "HEADERS 1 :status=431 ") {
			t.Error(got)
		}
		p.wantOpen()
	}
}

func TestStreamsLimit(t *testing.T) {
	set := plain()
	set.MaxStreams = 2
	s := silent()
	p := dial(t, s, set)
	p.get(1, "/")
	p.get(3, "/")
	p.get(5, "/")
	p.want("RST_STREAM 5 REFUSED_STREAM")
	p.data(5, true, "on its way")
	p.want()
	if s.Refused[0].Status != 503 {
		t.Error(s.Refused)
	}
	s.Exchanges[0].Text("x")
	p.want("HEADERS 1 "+helloOK+"1", `DATA 1 END "x"`)
	p.get(7, "/")
	if p.want(); len(s.Exchanges) != 3 {
		t.Error("there was room")
	}
}

// A header block of more than twice the bytes ends the connection.
func TestBlockLimit(t *testing.T) {
	set := plain()
	set.MaxFieldBytes = 1000
	for extra := range 2 {
		p := dial(t, hello(), set)
		block := strings.Repeat("\x82", 2000+extra) // :method, all of them
		p.raw(1, 1, 1, "")
		p.raw(9, 0, 1, block[:1500])
		if p.raw(9, 4, 1, block[1500:]); extra == 0 {
			p.want("RST_STREAM 1 PROTOCOL_ERROR")
			p.wantOpen()
		} else {
			p.wantGoAway(1, "ENHANCE_YOUR_CALM")
		}
	}
}

func TestSettingsOff(t *testing.T) {
	set := &http2.Settings{ServerName: "-", MaxRequestLineBytes: -1, MaxFieldBytes: -1, MaxFields: -1, MaxTrailerBytes: -1,
		MaxQueuedBytes: -1, NuisanceBurst: -1, NuisanceRate: -1}
	s := hello()
	p := dial(t, s, set)
	more := make([]string, 0, 2000)
	for i := range 1000 {
		more = append(more, fmt.Sprint("f", i), "v")
	}
	p.get(1, "/"+strings.Repeat("x", 9000), more...)
	p.wantContent(1, 9006, true)
	for range 5000 {
		p.ping("12345678")
	}
	p.wantOpen()
}

// What an application does wrong is logged, with the client and the stream.
func TestComplaints(t *testing.T) {
	var log strings.Builder
	set := plain()
	set.Logger = slog.New(slog.NewTextHandler(&log, nil))
	p := dial(t, answers(func(x *protocoltest.Exchange) { x.Write([]byte("x")); x.Respond(204, nil, nil) }), set)
	p.get(1, "/")
	if got := log.String(); !strings.Contains(got, "content was written before the head, and dropped") ||
		!strings.Contains(got, "peer=192.0.2.7:40000 stream=1") {
		t.Error(got)
	}
}
