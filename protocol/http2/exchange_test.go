package http2_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

// answers has every request answered by f when it is complete.
func answers(f func(x *protocoltest.Exchange)) *protocoltest.Server {
	return &protocoltest.Server{OnDone: f}
}

func quiet() *http2.Settings {
	return &http2.Settings{ServerName: "-", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		method string
		answer func(x *protocoltest.Exchange)
		want   []string
	}{
		{"nothing", "GET", func(x *protocoltest.Exchange) { x.Respond(200, nil, nil) },
			[]string{"HEADERS 1 END :status=200 content-length=0"}},
		{"204", "GET", func(x *protocoltest.Exchange) { x.Respond(204, nil, []byte("x")) },
			[]string{"HEADERS 1 END :status=204"}},
		{"205", "GET", func(x *protocoltest.Exchange) { x.Respond(205, nil, []byte("x")) },
			[]string{"HEADERS 1 END :status=205 content-length=0"}},
		{"304", "GET", func(x *protocoltest.Exchange) { x.Respond(304, fields("ETag", `"a"`), []byte("x")) },
			[]string{`HEADERS 1 END :status=304 etag="a"`}},
		{"a status that the table has not", "GET", func(x *protocoltest.Exchange) { x.Respond(418, nil, nil) },
			[]string{"HEADERS 1 END :status=418 content-length=0"}},
		{"an impossible status", "GET", func(x *protocoltest.Exchange) { x.Respond(99, nil, []byte("x")) },
			[]string{"HEADERS 1 END :status=500 content-length=0"}},
		{"HEAD", "HEAD", func(x *protocoltest.Exchange) { x.Respond(200, nil, []byte("hello")) },
			[]string{"HEADERS 1 END :status=200 content-length=5"}},
		{"HEAD in pieces", "HEAD", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 5); x.Write([]byte("hello")); x.Finish(nil) },
			[]string{"HEADERS 1 END :status=200 content-length=5"}},
		{"HEAD of an unknown length", "HEAD", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1); x.Finish(fields("a", "b")) },
			[]string{"HEADERS 1 END :status=200"}},
		{"in pieces", "GET", func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, 5)
			x.Write([]byte("he"))
			x.WriteShared([]byte("llo"))
			x.Finish(nil)
		}, []string{"HEADERS 1 :status=200 content-length=5", `DATA 1 "he"`, `DATA 1 "llo"`, `DATA 1 END ""`}},
		{"of an unknown length", "GET", func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, -1)
			x.Write([]byte("hello"))
			x.Finish(fields())
		}, []string{"HEADERS 1 :status=200", `DATA 1 "hello"`, `DATA 1 END ""`}},
		{"with trailers", "GET", func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, -1)
			x.Write([]byte("hello"))
			x.Finish(fields("Sum", "1", "Content-Length", "9", "Bad", "a\nb", "Cookie", "c"))
		}, []string{"HEADERS 1 :status=200", `DATA 1 "hello"`, `HEADERS 1 END sum=1`}},
		{"too much", "GET", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 3); x.Write([]byte("hello")); x.Finish(nil) },
			[]string{"HEADERS 1 :status=200 content-length=3", `DATA 1 "hel"`, `DATA 1 END ""`}},
		{"too little", "GET", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 9); x.Write([]byte("hello")); x.Finish(nil) },
			[]string{"HEADERS 1 :status=200 content-length=9", `DATA 1 "hello"`, "RST_STREAM 1 INTERNAL_ERROR"}},
		{"content before the head", "GET", func(x *protocoltest.Exchange) { x.Write([]byte("x")); x.Respond(204, nil, nil) },
			[]string{"HEADERS 1 END :status=204"}},
		{"the end before the head", "GET", func(x *protocoltest.Exchange) { x.Finish(nil) },
			[]string{"HEADERS 1 END :status=500 content-length=0"}},
		{"abort", "GET", func(x *protocoltest.Exchange) { x.Abort(nil) }, []string{"RST_STREAM 1 INTERNAL_ERROR"}},
		{"abort in the middle", "GET", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1); x.Abort(nil) },
			[]string{"HEADERS 1 :status=200", "RST_STREAM 1 INTERNAL_ERROR"}},
		{"twice", "GET", func(x *protocoltest.Exchange) {
			x.Respond(204, nil, nil)
			x.Respond(200, nil, []byte("again"))
			x.WriteHead(200, nil, -1)
			x.WriteInformational(103, nil)
			x.Write([]byte("x"))
			x.Finish(nil)
			x.Abort(nil)
			x.Switch(nil)
			x.PauseBody()
			x.ResumeBody()
			x.UnregisterProducer()
		}, []string{"HEADERS 1 END :status=204"}},
		{"Switch without CONNECT", "GET", func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1); x.Switch(nil) },
			[]string{"HEADERS 1 :status=200", "RST_STREAM 1 INTERNAL_ERROR"}},
		{"fields of HTTP/1", "GET", func(x *protocoltest.Exchange) {
			x.Respond(204, fields("Keep-Alive", "a", "Transfer-Encoding", "chunked", "Upgrade", "x", "Proxy-Connection", "x",
				"Content-Length", "7", "Connection", "x", "X-A", "b"), nil)
		}, []string{"HEADERS 1 END :status=204 x-a=b"}},
		{"Server and Date of its own", "GET", func(x *protocoltest.Exchange) { x.Respond(204, fields("Server", "S", "Date", "D"), nil) },
			[]string{"HEADERS 1 END :status=204 server=S"}},
		{"103", "GET", func(x *protocoltest.Exchange) {
			x.WriteInformational(103, fields("Link", "</a>; rel=preload"))
			x.WriteInformational(100, nil) // nobody waits
			x.WriteInformational(101, nil) // is not for HTTP/2
			x.WriteInformational(200, nil)
			x.Respond(204, nil, nil)
		}, []string{"HEADERS 1 :status=103 link=</a>; rel=preload", "HEADERS 1 END :status=204"}},
	} {
		for _, when := range []string{"at once", "later"} {
			t.Run(row.name+"/"+when, func(t *testing.T) {
				p := dial(t, answers(func(x *protocoltest.Exchange) {
					if when == "at once" {
						row.answer(x)
					} else {
						x.Loop().CallLater(0, func() { row.answer(x) })
					}
				}), quiet())
				p.ask(1, true, row.method, "/")
				p.want(row.want...)
				p.wantOpen()
				if n := p.f.Stats().Idle; n != 1 {
					t.Error("the stream is left")
				}
			})
		}
	}
}

func TestHeads(t *testing.T) {
	s := hello()
	p := dial(t, s, plain())
	p.headers(1, true, ":authority", "h:80", ":method", "PATCH", ":path", "/a%20b?c=d&e", ":scheme", "https",
		"cookie", "a=b", "x", "", "cookie", "c=d", "te", "trailers", "host", "H:80")
	got := strings.Split(s.Last().String(), "\n")
	want := []string{
		`PATCH "/a%20b?c=d&e" 20 form=0 host="h:80" path="/a%20b" query="c=d&e" length=0 keep=true expect=false upgrade=false`,
		`  cookie: "a=b; c=d"`, `  x: ""`, `  te: "trailers"`, `  host: "H:80"`, `  body "" trailers [] complete true lost <nil>`, ``,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p.headers(3, true, ":method", "OPTIONS", ":path", "*", ":scheme", "http", ":authority", "x")
	if h := s.Last().Head; h.Form != protocol.AsteriskForm || string(h.Field("Host")) != "x" {
		t.Error(s.Last())
	}
	p.headers(5, true, ":method", "GET", ":path", "/", ":scheme", "http", "host", "y")
	if h := s.Last().Head; string(h.Authority) != "y" || len(h.Fields) != 1 {
		t.Error(s.Last())
	}
}

func TestRequestTrailers(t *testing.T) {
	s := hello()
	p := dial(t, s, plain())
	p.post(1, "/", "content-length", "3")
	p.data(1, false, "abc")
	p.headers(1, true, "sum", "1", "cookie", "dropped", "age", "2")
	p.want("HEADERS 1 "+helloOK+"10", `DATA 1 END "POST / abc"`)
	if got := fmt.Sprint(s.Last().Trailers); got != "[{sum 1}]" {
		t.Error(got)
	}
	p.post(3, "/")
	p.headers(3, true, "sum", "2") // no content, and trailers
	if got := fmt.Sprint(s.Last().Trailers); got != "[{sum 2}]" || !s.Last().Complete {
		t.Error(got)
	}
}

func TestContinue(t *testing.T) {
	s := hello()
	s.OnHead = func(x *protocoltest.Exchange) { x.Continue(); x.Continue() }
	p := dial(t, s, plain())
	p.post(1, "/", "expect", "100-continue", "content-length", "3")
	p.want("HEADERS 1 :status=100")
	p.data(1, true, "abc")
	p.want("HEADERS 1 "+helloOK+"10", `DATA 1 END "POST / abc"`)
	p.ask(3, true, "POST", "/", "expect", "100-continue") // and no content
	p.want("HEADERS 3 "+helloOK+"7", `DATA 3 END "POST / "`)
}

// A refusal in the place of 100: the client is told not to send the content.
func TestNoContinue(t *testing.T) {
	p := dial(t, &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(403, nil, nil) }}, plain())
	p.post(1, "/", "expect", "100-continue", "content-length", "3")
	p.want("HEADERS 1 END :status=403 content-length=0", "RST_STREAM 1 NO_ERROR")
	p.wantOpen()
}

// Content that nobody wants is read, up to a limit.
func TestDiscardedContent(t *testing.T) {
	for name, row := range map[string]struct {
		most   int64
		length string
		want   []string
	}{
		"little":             {0, "", []string{"HEADERS 1 END :status=403 content-length=0"}},
		"off":                {-1, "", []string{"HEADERS 1 END :status=403 content-length=0", "RST_STREAM 1 NO_ERROR"}},
		"known to be little": {10, "10", []string{"HEADERS 1 END :status=403 content-length=0"}},
		"known to be much":   {10, "11", []string{"HEADERS 1 END :status=403 content-length=0", "RST_STREAM 1 NO_ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := plain()
			set.MaxDiscardBytes = row.most
			s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(403, nil, nil) }}
			p := dial(t, s, set)
			if row.length == "" {
				p.post(1, "/")
			} else {
				p.post(1, "/", "content-length", row.length)
			}
			p.want(row.want...)
			if p.data(1, false, "abc"); s.Last().Pieces != 0 {
				t.Error("content came after the answer")
			}
			p.reset(1)
			p.wantOpen()
		})
	}
	set := plain()
	set.MaxDiscardBytes = 5
	p := dial(t, &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(403, nil, nil) }}, set)
	p.post(1, "/")
	p.data(1, false, "abcde")
	p.want("HEADERS 1 END :status=403 content-length=0")
	p.data(1, false, "f")
	p.want("RST_STREAM 1 NO_ERROR")
	p.data(1, true, "g")
	p.want()
	p.wantOpen()
}

// An answer may come before the request is whole, and in the middle of it.
func TestEarlyAnswer(t *testing.T) {
	s := &protocoltest.Server{OnBody: func(x *protocoltest.Exchange, _ []byte) { x.Text("enough") }}
	p := dial(t, s, plain())
	p.post(1, "/", "content-length", "9")
	p.data(1, false, "abc")
	p.want("HEADERS 1 "+helloOK+"6", `DATA 1 END "enough"`)
	p.data(1, false, "def")
	p.data(1, true, "ghi")
	p.want()
	if x := s.Last(); x.Pieces != 1 || x.Complete || x.Lost != nil {
		t.Error(x)
	}
	if p.f.Stats().Idle != 1 {
		t.Error("the stream is left")
	}
}

func TestLargeHeadGoesOnInContinuation(t *testing.T) {
	value := strings.Repeat("a\x7f", 12_000)
	value = strings.ReplaceAll(value, "\x7f", "~")
	p := dial(t, answers(func(x *protocoltest.Exchange) { x.Respond(200, fields("A", value, "B", value), []byte("x")) }), plain())
	p.get(1, "/")
	p.want("HEADERS 1 :status=200 a="+value+" b="+value+" content-length=1", `DATA 1 END "x"`)
	p.wantOpen()
}

// The table of the encoder obeys the client: fields come back right, whatever its size.
func TestTableSizes(t *testing.T) {
	n := 0
	p := dial(t, answers(func(x *protocoltest.Exchange) {
		n++
		x.Respond(200, fields("Content-Type", "text/html", "X-Count", fmt.Sprint(n/2), "Set-Cookie", "a=b", "Vary", "Accept"), nil)
	}), plain())
	id := uint32(1)
	for _, size := range []uint32{4096, 0, 100, 4096, 65536, 90, 40, 4096} {
		p.settings(xnet.Setting{ID: xnet.SettingHeaderTableSize, Val: size})
		p.want("SETTINGS ACK")
		p.r.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(size)
		for range 40 {
			p.get(id, "/")
			p.want(fmt.Sprintf("HEADERS %d END :status=200 content-type=text/html x-count=%d set-cookie=a=b vary=Accept content-length=0", id, n/2))
			id += 2
		}
	}
}

func TestDateIsOfTheSecond(t *testing.T) {
	p := dial(t, answers(func(x *protocoltest.Exchange) { x.Respond(204, nil, nil) }), plain())
	for _, want := range []string{"Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:01 GMT"} {
		p.get(uint32(p.f.Stats().Requests)*2+1, "/")
		p.in.Write(p.Take())
		f, err := p.r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.(*xnet.MetaHeadersFrame).RegularFields()[0].Value; got != want {
			t.Errorf("date %q, want %q", got, want)
		}
		p.loop.Advance(1e9)
	}
}

func TestSendFile(t *testing.T) {
	text := []byte(strings.Repeat("0123456789abcdef", 8192)) // 128 KiB
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, row := range []struct {
		name   string
		off, n int64
		end    func(p *peer)
		want   error // of done
		lost   bool  // done is not called, ConnectionLost is
	}{
		{"all", 0, int64(len(text)), nil, nil, false},
		{"a part", 1000, 100, nil, nil, false},
		{"nothing", 0, 0, nil, nil, false},
		{"more than there is", 0, int64(len(text)) + 1, nil, nil, true},
		{"reset", 0, int64(len(text)), func(p *peer) { p.reset(1) }, nil, true},
		{"loss", 0, int64(len(text)), func(p *peer) { p.Lose(nil) }, nil, true},
		{"finished, then reset", 0, int64(len(text)), func(p *peer) { p.reset(1) }, errors.New("reset"), false},
		{"finished, then loss", 0, int64(len(text)), func(p *peer) { p.Lose(nil) }, reactor.ErrDone, false},
		{"finished, then an error", 0, int64(len(text)) + 1, nil, errors.New("short"), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			finished := strings.HasPrefix(row.name, "finished")
			calls, doneErr := 0, error(nil)
			var inside bool
			s := answers(func(x *protocoltest.Exchange) {
				x.WriteHead(200, nil, row.n)
				inside = true
				x.SendFile(f, row.off, row.n, func(err error) {
					if inside {
						t.Error("done was called from inside")
					}
					calls++
					if doneErr = err; err == nil && !finished {
						x.Finish(nil)
					}
				})
				if finished {
					x.Finish(nil)
				}
				inside = false
			})
			p := dial(t, s, quiet())
			p.loop.SyncThreads = true
			p.get(1, "/")
			p.loop.Run()
			if row.end == nil {
				p.window(0, 1<<20)
				p.window(1, 1<<20)
			} else {
				row.end(p)
			}
			lost := s.Last().Lost != nil
			if lost != row.lost || calls != map[bool]int{true: 0, false: 1}[row.lost] || (doneErr != nil) != (row.want != nil) {
				t.Errorf("lost %v; done was called %d times, with %v", s.Last().Lost, calls, doneErr)
			}
			if row.end == nil && row.want == nil && !row.lost {
				p.wantContent(1, int(row.n), true)
			}
		})
	}
}

// A cold file is read by a thread.
func TestFileContent(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcde\n"), 40_000)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := answers(func(x *protocoltest.Exchange) {
		x.WriteHead(200, nil, int64(len(text))+2)
		x.Write([]byte("<"))
		x.SendFile(f, 0, int64(len(text)), nil)
		x.Write([]byte(">"))
		x.Finish(nil)
	})
	p := dial(t, s, plain())
	p.loop.SyncThreads = true
	p.window(0, 1<<20)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 20})
	p.frames()
	p.get(1, "/")
	var got []byte
	p.in.Write(p.Take())
	for p.in.Len() > 0 {
		f, err := p.r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := f.(*xnet.DataFrame); ok {
			got = append(got, d.Data()...)
		}
	}
	if string(got) != "<"+string(text)+">" {
		t.Errorf("%d bytes came", len(got))
	}
}
