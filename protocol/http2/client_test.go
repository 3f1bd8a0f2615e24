package http2_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	xnet "golang.org/x/net/http2"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// asked is a Client whose server is the test: a peer that speaks frames.
type asked struct {
	*peer
	k *http2.Client
}

// serve makes a Client and exchanges settings with it.
func serve(t testing.TB, set *http2.ClientSettings, settings ...xnet.Setting) *asked {
	t.Helper()
	x := &asked{k: http2.NewClientFactory(set).NewClient()}
	x.peer = newPeer(t, nil)
	x.Transport = x.loop.Connect(x.k)
	hello := x.TakeString()
	rest, ok := strings.CutPrefix(hello, xnet.ClientPreface)
	if !ok {
		t.Fatalf("the connection begins with %q", hello)
	}
	x.in.WriteString(rest)
	x.peer.settings(settings...)
	if got := x.frames(); len(got) < 2 || !strings.HasPrefix(got[0], "SETTINGS 2=0 ") || got[len(got)-1] != "SETTINGS ACK" {
		t.Fatalf("the connection begins with %q", got)
	}
	return x
}

// request begins an exchange.
func (x *asked) request(h protocol.RequestHead) (*protocoltest.Answer, protocol.ClientChannel) {
	x.Helper()
	if h.Method == "" {
		h.Method = "GET"
	}
	if h.Target == "" {
		h.Target = "/"
	}
	h.Authority = "h"
	a := new(protocoltest.Answer)
	ch := x.k.Ask(&h, a)
	if ch == nil {
		x.Fatal("there is no room")
	}
	x.loop.Run()
	return a, ch
}

func (x *asked) wantLog(a *protocoltest.Answer, lines ...string) {
	x.Helper()
	x.loop.Run()
	if !slices.Equal(a.Log, lines) {
		x.Errorf("the receiver was told\n\t%s\nwant\n\t%s", strings.Join(a.Log, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

func lostError(a *protocoltest.Answer) protocol.LostError {
	var e *protocol.LostError
	if !errors.As(a.Err, &e) {
		return protocol.LostError{Reason: fmt.Sprint("no LostError: ", a.Err)}
	}
	return *e
}

func TestClientGet(t *testing.T) {
	x := serve(t, nil)
	a, _ := x.request(protocol.RequestHead{Target: "/a?b", Scheme: "https", Fields: fields("X-A", "b", "Host", "no", "Connection", "x",
		"TE", "trailers", "Cookie", "c", "Accept", "*/*")})
	x.want("HEADERS 1 END :method=GET :scheme=https :path=/a?b :authority=h x-a=b te=trailers cookie=c accept=*/*")
	if x.k.Busy() != 1 || x.k.Room() != 99 || x.k.Reused() {
		t.Error(x.k.Busy(), x.k.Room(), x.k.Reused())
	}
	x.headers(1, false, ":status", "200", "content-length", "5", "a", "b")
	x.data(1, false, "hel")
	x.data(1, true, "lo")
	x.wantLog(a, "200  length 5; content-length: 5; a: b", "end")
	if string(a.Body) != "hello" || x.k.Busy() != 0 || !x.k.Reused() || x.k.Ended() {
		t.Error(string(a.Body), x.k.Busy())
	}
	x.k.Close()
	x.want("GOAWAY 0 NO_ERROR ")
	if !x.Closed() || !x.k.Ended() || x.k.Room() != 0 || x.loop.Pending() != 0 {
		t.Error("is not closed")
	}
}

func TestClientAnswers(t *testing.T) {
	const lost = "lost: protocol: the answer can not be read: "
	for _, row := range []struct {
		name   string
		method string
		send   func(x *asked)
		want   []string
		reset  string
	}{
		{"no length", "GET", func(x *asked) { x.headers(1, false, ":status", "200"); x.peer.data(1, true, "abc") }, []string{"200  length -1", "end"}, ""},
		{"nothing", "GET", func(x *asked) { x.headers(1, true, ":status", "200") }, []string{"200  length 0", "end"}, ""},
		{"nothing, later", "GET", func(x *asked) { x.headers(1, false, ":status", "200"); x.peer.data(1, true, "") }, []string{"200  length -1", "end"}, ""},
		{"HEAD", "HEAD", func(x *asked) { x.headers(1, true, ":status", "200", "content-length", "5") }, []string{"200  length 0; content-length: 5", "end"}, ""},
		{"304", "GET", func(x *asked) { x.headers(1, true, ":status", "304", "content-length", "5") }, []string{"304  length 0; content-length: 5", "end"}, ""},
		{"1xx", "GET", func(x *asked) {
			x.headers(1, false, ":status", "103", "link", "l")
			x.headers(1, false, ":status", "100")
			x.headers(1, true, ":status", "204")
		}, []string{"103 ; link: l", "100 ", "204  length 0", "end"}, ""},
		{"trailers", "GET", func(x *asked) {
			x.headers(1, false, ":status", "200")
			x.peer.data(1, false, "abc")
			x.headers(1, true, "sum", "1")
		}, []string{"200  length -1", "end"}, ""},
		{"content of HEAD", "HEAD", func(x *asked) { x.headers(1, false, ":status", "200"); x.peer.data(1, true, "x") },
			[]string{"200  length 0", lost + "the content is not as long as Content-Length says"}, "PROTOCOL_ERROR"},
		{"too much", "GET", func(x *asked) {
			x.headers(1, false, ":status", "200", "content-length", "2")
			x.peer.data(1, true, "xyz")
		},
			[]string{"200  length 2; content-length: 2", lost + "the content is not as long as Content-Length says"}, "PROTOCOL_ERROR"},
		{"too little", "GET", func(x *asked) {
			x.headers(1, false, ":status", "200", "content-length", "2")
			x.peer.data(1, true, "x")
		},
			[]string{"200  length 2; content-length: 2", lost + "the content is not as long as Content-Length says"}, "PROTOCOL_ERROR"},
		{"none of it", "GET", func(x *asked) { x.headers(1, true, ":status", "200", "content-length", "2") },
			[]string{lost + "the content is not as long as Content-Length says"}, "PROTOCOL_ERROR"},
		{"content before the head", "GET", func(x *asked) { x.peer.data(1, true, "x") }, []string{lost + "there is content before the head"}, "PROTOCOL_ERROR"},
		{"no status", "GET", func(x *asked) { x.headers(1, true, "a", "b") }, []string{lost + "a pseudo-header field is missing, or empty"}, "PROTOCOL_ERROR"},
		{"status of two digits", "GET", func(x *asked) { x.headers(1, true, ":status", "20") }, []string{lost + "the status is not a number of three digits"}, "PROTOCOL_ERROR"},
		{"status 099", "GET", func(x *asked) { x.headers(1, true, ":status", "099") }, []string{lost + "the status is not a number of three digits"}, "PROTOCOL_ERROR"},
		{"status with a sign", "GET", func(x *asked) { x.headers(1, true, ":status", "+20") }, []string{lost + "the status is not a number of three digits"}, "PROTOCOL_ERROR"},
		{"status twice", "GET", func(x *asked) { x.headers(1, true, ":status", "200", ":status", "200") }, []string{lost + "a pseudo-header field is there twice"}, "PROTOCOL_ERROR"},
		{"a request", "GET", func(x *asked) { x.headers(1, true, ":method", "GET") }, []string{lost + "there is an unknown pseudo-header field"}, "PROTOCOL_ERROR"},
		{"101", "GET", func(x *asked) { x.headers(1, false, ":status", "101") }, []string{lost + "HTTP/2 has no status 101"}, "PROTOCOL_ERROR"},
		{"1xx ends the stream", "GET", func(x *asked) { x.headers(1, true, ":status", "100") }, []string{lost + "trailers do not end the stream"}, "PROTOCOL_ERROR"},
		{"Connection", "GET", func(x *asked) { x.headers(1, true, ":status", "200", "connection", "close") }, []string{lost + "a field is there that belongs to connections of HTTP/1"}, "PROTOCOL_ERROR"},
		{"a capital", "GET", func(x *asked) { x.headers(1, true, ":status", "200", "A", "b") }, []string{lost + "the name of a field is not a token in lower case"}, "PROTOCOL_ERROR"},
		{"two lengths", "GET", func(x *asked) { x.headers(1, true, ":status", "200", "content-length", "0", "content-length", "0") }, []string{lost + "the Content-Length is not one number"}, "PROTOCOL_ERROR"},
		{"many 1xx", "GET", func(x *asked) {
			for range 17 {
				x.headers(1, false, ":status", "102")
			}
		}, append(slices.Repeat([]string{"102 "}, 16), lost+"there are too many informational answers"), "PROTOCOL_ERROR"},
		{"many fields", "GET", func(x *asked) {
			x.headers(1, true, append([]string{":status", "200"}, slices.Repeat([]string{"a", "b"}, 201)...)...)
		}, []string{lost + "there are too many fields"}, "PROTOCOL_ERROR"},
		{"long trailers", "GET", func(x *asked) {
			x.headers(1, false, ":status", "200")
			x.headers(1, true, "a", strings.Repeat("~", 9000))
		},
			[]string{"200  length -1", lost + "the trailer fields are too long"}, "CANCEL"},
		{"reset", "GET", func(x *asked) { x.reset(1) }, []string{"lost: protocol: the server has reset the stream: CANCEL"}, ""},
		{"reset in the middle", "GET", func(x *asked) { x.headers(1, false, ":status", "200"); x.reset(1) },
			[]string{"200  length -1", "lost: protocol: the server has reset the stream: CANCEL"}, ""},
	} {
		for cut, split := range reactortest.Splits() {
			t.Run(row.name+"/"+cut, func(t *testing.T) {
				x := serve(t, nil)
				x.SetSplit(split)
				a, ch := x.request(protocol.RequestHead{Method: row.method})
				x.frames()
				row.send(x)
				x.wantLog(a, row.want...)
				if got := x.frames(); row.reset == "" && len(got) > 0 || row.reset != "" && (len(got) != 1 || got[0] != "RST_STREAM 1 "+row.reset) {
					t.Errorf("the server got %q", got)
				}
				ch.Abort(nil)
				ch.Finish(nil)
				ch.PauseBody()
				ch.ResumeBody()
				ch.Switch(nil)
				ch.Write([]byte("x"))
				x.wantOpen()
				if x.k.Busy() != 0 || x.k.Room() != 100 {
					t.Error("the stream is left")
				}
			})
		}
	}
}

// Content goes out within the server's windows, and its producer is told.
func TestClientSendsContent(t *testing.T) {
	x := serve(t, nil)
	_, ch := x.request(protocol.RequestHead{Method: "POST", ContentLength: 100_000})
	x.want("HEADERS 1 :method=POST :scheme=http :path=/ :authority=h content-length=100000")
	u := &pusher{x: &protocoltest.Exchange{}}
	ch.RegisterProducer(u)
	ch.Write(make([]byte, 90_000))
	ch.Write(make([]byte, 60_000)) // 50 000 too many
	x.wantContent(1, 65535, false)
	ch.Write(make([]byte, 50_000))
	x.window(0, 1<<20)
	x.window(1, 1<<20)
	x.wantContent(1, 34_465, false)
	ch.UnregisterProducer()
	ch.Finish(nil)
	x.want(`DATA 1 END ""`)

	a, ch := x.request(protocol.RequestHead{Method: "PUT", ContentLength: -1, Target: "/x"})
	x.want("HEADERS 3 :method=PUT :scheme=http :path=/x :authority=h")
	ch.Write([]byte("abc"))
	ch.Finish(fields("Sum", "1"))
	x.want(`DATA 3 "abc"`, "HEADERS 3 END sum=1")
	x.headers(3, true, ":status", "204")
	x.wantLog(a, "204  length 0", "end")

	a, ch = x.request(protocol.RequestHead{Method: "PUT", ContentLength: 5})
	ch.Write([]byte("abc"))
	ch.Finish(nil)
	x.wantLog(a, "lost: protocol: less content was written than was promised")
	if got := x.frames(); got[len(got)-1] != "RST_STREAM 5 CANCEL" {
		t.Error(got)
	}
	x.request(protocol.RequestHead{Method: "POST"})
	x.want("HEADERS 7 END :method=POST :scheme=http :path=/ :authority=h content-length=0")
}

// An answer may come before the request is whole: the rest of it is not sent.
func TestClientEarlyAnswer(t *testing.T) {
	x := serve(t, nil)
	a, ch := x.request(protocol.RequestHead{Method: "POST", ContentLength: -1})
	u := &pusher{}
	ch.RegisterProducer(u)
	ch.Write([]byte("abc"))
	x.frames()
	x.headers(1, true, ":status", "413")
	x.wantLog(a, "413  length 0", "end")
	x.want("RST_STREAM 1 CANCEL")
	if !u.stopped {
		t.Error("the producer was not stopped")
	}
	ch.Write([]byte("x"))
	x.wantOpen()
}

func TestClientContinue(t *testing.T) {
	expect := protocol.RequestHead{Method: "POST", ContentLength: 6, ExpectContinue: true}
	for _, row := range []struct {
		name string
		goOn func(x *asked)
	}{
		{"100", func(x *asked) { x.headers(1, false, ":status", "100") }},
		{"time", func(x *asked) { x.loop.Advance(time.Second) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := serve(t, nil)
			_, ch := x.request(expect)
			x.want("HEADERS 1 :method=POST :scheme=http :path=/ :authority=h content-length=6 expect=100-continue")
			ch.Write([]byte("abc"))
			ch.Write([]byte("def"))
			ch.Finish(nil)
			x.want()
			row.goOn(x)
			x.want(`DATA 1 END "abcdef"`)
		})
	}
	x := serve(t, nil)
	a, ch := x.request(expect)
	ch.Write([]byte("abc"))
	x.headers(1, true, ":status", "417")
	x.wantLog(a, "417  length 0", "end")
	if got := x.frames(); got[len(got)-1] != "RST_STREAM 1 CANCEL" {
		t.Error(got)
	}
	x = serve(t, nil)
	_, ch = x.request(protocol.RequestHead{Method: "POST", ContentLength: -1, ExpectContinue: true})
	x.frames()
	u := &puller{x: &protocoltest.Exchange{}, left: 1, size: 1}
	ch.RegisterProducer(u)
	if x.loop.Run(); u.asked != 0 {
		t.Error("a producer was asked while the content waits")
	}
	ch.Finish(nil)
	x.headers(1, false, ":status", "100")
	x.want(`DATA 1 END ""`)
}

// What the server has not seen may be asked again, and what it may have seen not.
func TestClientSafeToRetry(t *testing.T) {
	x := serve(t, nil)
	a1, _ := x.request(protocol.RequestHead{})
	a3, _ := x.request(protocol.RequestHead{})
	a5, _ := x.request(protocol.RequestHead{})
	x.w.WriteRSTStream(1, xnet.ErrCodeRefusedStream)
	x.flush()
	if e := lostError(a1); !e.Unseen {
		t.Error(e)
	}
	x.w.WriteGoAway(3, xnet.ErrCodeEnhanceYourCalm, nil)
	x.flush()
	if e := lostError(a5); !e.Unseen || a3.Over() || x.k.Room() != 0 || x.k.Ended() {
		t.Error(e, a3.Log)
	}
	x.DeliverEOF()
	if e := lostError(a3); e.Unseen || !strings.Contains(e.Reason, "ENHANCE_YOUR_CALM") || !x.k.Ended() {
		t.Error(e)
	}

	// After GOAWAY the connection ends with its last exchange.
	x = serve(t, nil)
	a, _ := x.request(protocol.RequestHead{})
	x.frames()
	x.w.WriteGoAway(1<<31-1, xnet.ErrCodeNo, nil)
	x.flush()
	x.headers(1, true, ":status", "204")
	x.wantLog(a, "204  length 0", "end")
	x.want("GOAWAY 0 NO_ERROR ")
	if !x.Closed() {
		t.Error("goes on")
	}
}

func TestClientLoss(t *testing.T) {
	for _, row := range []struct {
		name          string
		before, after func(x *asked)
		want          string
		stale         bool
	}{
		{"EOF", nil, func(x *asked) { x.DeliverEOF() }, "protocol: the server closed the connection without an answer", false},
		{"EOF, of one that was used", func(x *asked) {}, func(x *asked) { x.DeliverEOF() }, "protocol: the server closed the connection without an answer", true},
		{"loss", nil, func(x *asked) { x.Lose(nil) }, "protocol: the server closed the connection without an answer", false},
		{"reset", nil, func(x *asked) { x.Reset() }, "protocol: the server closed the connection without an answer: connection reset by peer", false},
		{"EOF in the answer", nil, func(x *asked) { x.headers(1, false, ":status", "200"); x.DeliverEOF() },
			"protocol: the server closed the connection before its answer was complete", false},
		{"an error", nil, func(x *asked) { x.window(0, 0) }, "protocol: the connection is not HTTP/2 as it has to be: the window of the connection grows by nothing", false},
		{"a push", nil, func(x *asked) { x.raw(5, 4, 1, "\x00\x00\x00\x02\x88") },
			"protocol: the connection is not HTTP/2 as it has to be: a client can not push, and a server was told not to", false},
		{"push allowed", nil, func(x *asked) { x.settings(xnet.Setting{ID: 2, Val: 1}) },
			"protocol: the connection is not HTTP/2 as it has to be: a setting has a value that it can not have", false},
		{"a stream of the server's", nil, func(x *asked) { x.headers(2, true, ":status", "200") },
			"protocol: the connection is not HTTP/2 as it has to be: a client's stream has an even number", false},
		{"a stream that nobody opened", nil, func(x *asked) { x.headers(9, true, ":status", "200") },
			"protocol: the connection is not HTTP/2 as it has to be: a frame came on a stream that is idle", false},
		{"PRIORITY_UPDATE", nil, func(x *asked) { x.update(1, "u=1") }, "protocol: the connection is not HTTP/2 as it has to be: a server can not send this", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := serve(t, nil)
			if row.before != nil {
				x.request(protocol.RequestHead{})
				x.headers(1, true, ":status", "204")
			}
			a, ch := x.request(protocol.RequestHead{})
			row.after(x)
			if a.Err == nil || a.Err.Error() != row.want || lostError(a).Stale != row.stale || lostError(a).Unseen {
				t.Errorf("lost %v, %+v", a.Err, lostError(a))
			}
			x.DeliverEOF()
			if x.k.Room() != 0 || x.k.Busy() != 0 || !x.k.Ended() || x.loop.Pending() != 0 {
				t.Error("something is left", x.k.Room(), x.k.Busy(), x.k.Ended(), x.loop.Pending())
			}
			if x.k.Ask(&protocol.RequestHead{}, a) != nil {
				t.Error("there was room")
			}
			ch.Abort(nil)
			x.k.Close()
		})
	}
	k := http2.NewClientFactory(nil).NewClient()
	if k.Room() != 0 || k.Ended() || k.Busy() != 0 || k.Ask(&protocol.RequestHead{}, nil) != nil {
		t.Error("before the connection is there")
	}
	k.Close()
}

// watching records what it is told.
type watching struct{ log []string }

func (w *watching) ConnChanged(c protocol.ClientConn) {
	w.log = append(w.log, fmt.Sprintf("room %d busy %d ended %v", c.Room(), c.Busy(), c.Ended()))
}

func TestClientStreams(t *testing.T) {
	x := serve(t, &http2.ClientSettings{MaxStreams: 3}, xnet.Setting{ID: xnet.SettingMaxConcurrentStreams, Val: 2})
	w := &watching{}
	x.k.Watch(w)
	x.request(protocol.RequestHead{})
	_, ch := x.request(protocol.RequestHead{})
	if x.k.Room() != 0 {
		t.Error("there is room for a third")
	}
	x.settings(xnet.Setting{ID: xnet.SettingMaxConcurrentStreams, Val: 1000})
	x.headers(1, true, ":status", "204")
	ch.Abort(nil)
	x.loop.Run()
	x.k.Close()
	x.loop.Run()
	if got := strings.Join(w.log, ", "); got != "room 1 busy 2 ended false, room 2 busy 1 ended false, room 3 busy 0 ended false, room 0 busy 0 ended true" {
		t.Error(got)
	}
}

func TestClientAbort(t *testing.T) {
	x := serve(t, nil)
	a, ch := x.request(protocol.RequestHead{})
	x.headers(1, false, ":status", "200")
	x.frames()
	ch.Abort(nil)
	x.want("RST_STREAM 1 CANCEL")
	x.data(1, false, "what was on its way")
	x.headers(1, true, "t", "v")
	x.wantLog(a, "200  length -1")
	x.wantOpen()
}

// Frames that come behind the end of a stream are passed over.
func TestClientFramesBehindTheEnd(t *testing.T) {
	x := serve(t, nil)
	a, _ := x.request(protocol.RequestHead{})
	x.frames()
	x.headers(1, true, ":status", "200", "content-length", "0")
	x.data(1, true, "")
	x.data(1, false, "x")
	x.headers(1, true, "t", "v")
	x.wantLog(a, "200  length 0; content-length: 0", "end")
	x.wantOpen()
}

func TestClientPauseBody(t *testing.T) {
	x := serve(t, &http2.ClientSettings{StreamWindowBytes: 65535})
	a, ch := x.request(protocol.RequestHead{})
	x.frames()
	ch.PauseBody()
	x.headers(1, false, ":status", "200")
	for range 3 {
		x.data(1, false, strings.Repeat("x", 16384))
	}
	x.want()
	x.wantLog(a, "200  length -1")
	x.loop.Advance(5 * time.Second)
	ch.ResumeBody()
	if len(a.Body) > 0 {
		t.Error("content came from inside")
	}
	x.want("WINDOW_UPDATE 1 49152")
	ch.PauseBody()
	x.data(1, true, "end")
	x.DeliverEOF() // the answer is whole all the same
	x.wantLog(a, "200  length -1")
	ch.ResumeBody()
	x.wantLog(a, "200  length -1", "end")
	if !strings.HasSuffix(string(a.Body), "xend") || !x.Closed() {
		t.Error(len(a.Body))
	}
}

func TestClientTimeouts(t *testing.T) {
	late := func(x *asked, a *protocoltest.Answer, d time.Duration, reason string) {
		x.Helper()
		x.loop.Advance(d - time.Millisecond)
		if a.Over() {
			x.Errorf("too early: %v", a.Log)
		}
		x.loop.Advance(time.Millisecond)
		if e := lostError(a); e.Reason != reason || !errors.Is(a.Err, reactor.ErrTimeout) {
			x.Errorf("lost %v, want %s", a.Err, reason)
		}
	}
	set := &http2.ClientSettings{PingInterval: -1}
	x := serve(t, set)
	a, _ := x.request(protocol.RequestHead{})
	x.frames()
	x.loop.Advance(30 * time.Second)
	x.headers(1, false, ":status", "103")
	late(x, a, 60*time.Second, "there was no answer in time")
	x.want("RST_STREAM 1 CANCEL")

	a, _ = x.request(protocol.RequestHead{})
	x.headers(3, false, ":status", "200")
	x.loop.Advance(59 * time.Second)
	x.data(3, false, "x")
	late(x, a, 60*time.Second, "no content of the answer came in time")

	a, ch := x.request(protocol.RequestHead{Method: "POST", ContentLength: -1})
	ch.Write(make([]byte, 100_000))
	x.window(0, 1<<20)
	late(x, a, 60*time.Second, "the server took nothing of the request in time")

	a, _ = x.request(protocol.RequestHead{Method: "POST", ContentLength: -1})
	if x.loop.Advance(time.Hour); a.Over() {
		t.Error("a request whose content does not come is not the server's fault")
	}

	// The kernel takes nothing more: the connection is given up.
	x = serve(t, set)
	x.SetCapacity(0)
	a, _ = x.request(protocol.RequestHead{})
	if x.loop.Advance(90 * time.Second); !x.Aborted() || lostError(a).Stale || lostError(a).Err != reactor.ErrTimeout {
		t.Errorf("lost %+v", lostError(a))
	}

	k := http2.NewClientFactory(nil).NewClient()
	tr := x.loop.Connect(k)
	a = new(protocoltest.Answer)
	k.Ask(&protocol.RequestHead{Method: "GET", Target: "/"}, a)
	x.loop.Advance(10 * time.Second)
	if !tr.Closed() || a.Err == nil {
		t.Error("waits for SETTINGS without end")
	}
}

// A server that says nothing is asked whether it is there.
func TestClientPing(t *testing.T) {
	x := serve(t, &http2.ClientSettings{HeadTimeout: -1})
	x.loop.Advance(time.Hour)
	x.want() // nobody waits
	a, _ := x.request(protocol.RequestHead{})
	x.frames()
	x.loop.Advance(29 * time.Second)
	x.ping("12345678") // is a sign of life
	x.want(`PING ACK "12345678"`)
	x.loop.Advance(30*time.Second - time.Millisecond)
	x.want()
	x.loop.Advance(time.Millisecond)
	x.want(`PING "spindle?"`)
	x.raw(6, 1, 0, "spindle?")
	x.loop.Advance(30 * time.Second)
	x.want(`PING "spindle?"`)
	x.loop.Advance(15 * time.Second)
	if e := lostError(a); !x.Aborted() || e.Reason != "the server did not answer a PING in time" || e.Err != reactor.ErrTimeout || !x.k.Ended() {
		t.Error(a.Err)
	}
}

func TestClientConnect(t *testing.T) {
	x := serve(t, nil)
	a, ch := x.request(protocol.RequestHead{Method: "CONNECT"})
	x.want("HEADERS 1 :method=CONNECT :authority=h")
	x.headers(1, false, ":status", "200")
	x.data(1, false, "early ")
	x.wantLog(a, "200  length 0 switching")
	r := &raw{}
	ch.Switch(r)
	x.data(1, false, "in")
	r.t.Write([]byte("out"))
	x.want(`DATA 1 "out"`)
	if string(r.got) != "early in" || x.k.Busy() != 1 {
		t.Errorf("got %q", r.got)
	}
	ch.Abort(nil)
	ch.Write([]byte("x"))
	x.data(1, true, "")
	x.want(`DATA 1 END ""`)
	if r.lost != reactor.ErrDone || x.k.Busy() != 0 || len(a.Log) != 1 {
		t.Error(r.lost, a.Log)
	}

	websocket := protocol.RequestHead{Method: "CONNECT", Protocol: "websocket", Scheme: "https", Target: "/c"}
	a, ch = x.request(websocket)
	x.wantLog(a, "lost: protocol: the server takes no extended CONNECT")
	ch.Abort(nil)
	ch.Write([]byte("x"))
	x.settings(xnet.Setting{ID: 8, Val: 1})
	x.want("SETTINGS ACK")
	a, ch = x.request(websocket)
	x.want("HEADERS 3 :method=CONNECT :scheme=https :path=/c :authority=h :protocol=websocket")
	x.headers(3, true, ":status", "403")
	x.wantLog(a, "403  length 0", "end")
	x.want("RST_STREAM 3 CANCEL")
	ch.Switch(&raw{})
	x.wantOpen()

	_, ch = x.request(protocol.RequestHead{})
	x.frames()
	ch.Switch(&raw{}) // the server has not agreed
	x.want("RST_STREAM 5 CANCEL")

	a, _ = x.request(protocol.RequestHead{Method: "CONNECT"})
	x.loop.Advance(time.Second)
	if x.loop.Advance(time.Hour); !a.Over() {
		t.Error("waits without end")
	}
}

// The head of an answer may come in several frames; one that is too long ends its
// exchange.
func TestClientLongHead(t *testing.T) {
	x := serve(t, nil)
	a, _ := x.request(protocol.RequestHead{})
	x.frames()
	block := x.encode(":status", "200", "a", strings.Repeat("~", 60_000), "b", strings.Repeat("~", 60_000))
	x.raw(1, 1, 1, string(block[:16000]))
	for i := 16000; i < len(block); i += 16000 {
		end := min(i+16000, len(block))
		x.raw(9, map[bool]byte{false: 0, true: 4}[end == len(block)], 1, string(block[i:end]))
	}
	x.wantLog(a, "lost: protocol: the answer can not be read: the fields are too long")
	x.want("RST_STREAM 1 PROTOCOL_ERROR")
	x.wantOpen()
}
