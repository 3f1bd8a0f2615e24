package resource_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestAnswers(t *testing.T) {
	later := func(f func(r *resource.Request)) get {
		return func(r *resource.Request) ([]byte, error) {
			r.Loop().CallLater(time.Second, func() { f(r) })
			return nil, resource.NotDoneYet
		}
	}
	for _, row := range []struct {
		name   string
		root   get
		want   string
		length int64
	}{
		{"a body is the whole answer", func(r *resource.Request) ([]byte, error) { return []byte("hello"), nil },
			"200 OK\nContent-Type: text/plain; charset=utf-8\n\nhello", 5},
		{"nothing has no type", func(r *resource.Request) ([]byte, error) { return nil, nil },
			"200 OK\n\n", 0},
		{"a status of its own", func(r *resource.Request) ([]byte, error) { r.SetStatus(402); return []byte("pay"), nil },
			"402 Payment Required\nContent-Type: text/plain; charset=utf-8\n\npay", 3},
		{"204 has no content", func(r *resource.Request) ([]byte, error) { r.SetStatus(204); return []byte("x"), nil },
			"204 No Content\n\n", 0},
		{"fields", func(r *resource.Request) ([]byte, error) {
			r.SetField("content-type", "image/png")
			r.SetField("X-A", "1")
			r.SetField("x-a", "2")
			r.AddField("X-B", "1")
			r.AddField("X-B", "2")
			r.AddField("X-C", "1")
			r.DelField("x-c")
			return []byte("x"), nil
		}, "200 OK\ncontent-type: image/png\nx-a: 2\nX-B: 1\nX-B: 2\n\nx", 1},
		{"what is written and finished at once has a length", func(r *resource.Request) ([]byte, error) {
			r.Write([]byte("hello "))
			r.WriteString("world")
			r.Finish()
			return nil, nil
		}, "200 OK\nContent-Type: text/plain; charset=utf-8\n\nhello world", 11},
		{"what is written and then given back", func(r *resource.Request) ([]byte, error) {
			r.WriteString("hello ")
			return []byte("world"), nil
		}, "200 OK\nContent-Type: text/plain; charset=utf-8\n\nhello world", 11},
		{"what is written without Finish", func(r *resource.Request) ([]byte, error) {
			r.WriteString("hello")
			return nil, nil
		}, "200 OK\nContent-Type: text/plain; charset=utf-8\n\nhello", 5},
		{"too much to hold back", func(r *resource.Request) ([]byte, error) {
			r.WriteString("a")
			r.WriteString(strings.Repeat("b", 4096))
			return nil, nil
		}, "200 OK\nContent-Type: text/plain; charset=utf-8\n\na" + strings.Repeat("b", 4096), -1},
		{"later, in pieces", later(func(r *resource.Request) {
			r.WriteString("a")
			r.WriteShared([]byte("b"))
			r.Loop().CallLater(time.Second, func() { r.Write([]byte("c")); r.Finish() })
		}), "200 OK\nContent-Type: text/plain; charset=utf-8\n\nabc", -1},
		{"later, with a length", later(func(r *resource.Request) {
			r.SetContentLength(2)
			r.WriteString("a")
			r.WriteString("b")
			r.Finish()
		}), "200 OK\nContent-Type: text/plain; charset=utf-8\n\nab", 2},
		{"a length as a field", later(func(r *resource.Request) {
			r.SetField("Content-Length", "2")
			r.WriteString("ab")
			r.Finish()
		}), "200 OK\nContent-Type: text/plain; charset=utf-8\n\nab", 2},
		{"later, whole", later(func(r *resource.Request) { r.Answer([]byte("ab"), nil) }),
			"200 OK\nContent-Type: text/plain; charset=utf-8\n\nab", 2},
		{"later, nothing", later(func(r *resource.Request) { r.Finish() }),
			"200 OK\n\n", 0},
		{"later, an error", later(func(r *resource.Request) { r.Fail(resource.ErrForbidden) }),
			"403 Forbidden\nVary: Accept\nContent-Type: text/plain; charset=utf-8\n\n403 Forbidden\nYou may not see this page.\n", 41},
		{"JSON", func(r *resource.Request) ([]byte, error) { return r.JSON(map[string]int{"a": 1}) },
			"200 OK\nContent-Type: application/json\n\n{\"a\":1}\n", 8},
		{"HTML", func(r *resource.Request) ([]byte, error) { return r.HTML("<p>") },
			"200 OK\nContent-Type: text/html; charset=utf-8\n\n<p>", 3},
		{"text", func(r *resource.Request) ([]byte, error) { return r.Text("ä") },
			"200 OK\nContent-Type: text/plain; charset=utf-8\n\nä", 2},
		{"a cookie", func(r *resource.Request) ([]byte, error) {
			r.SetCookie(protocol.Cookie{Name: "a", Value: "b", Path: "/", HTTPOnly: true, SameSite: protocol.SameSiteLax})
			r.SetCookie(protocol.Cookie{Name: "c", Value: "d"})
			return nil, nil
		}, "200 OK\nSet-Cookie: a=b; Path=/; HttpOnly; SameSite=Lax\nSet-Cookie: c=d\n\n", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := resourcetest.Get(row.root, "/")
			if got.String() != row.want || got.Length != row.length || !got.Done {
				t.Errorf("done %v, length %d, want %d; got\n%s\nwant\n%s", got.Done, got.Length, row.length, got, row.want)
			}
		})
	}
}

// TestMistakes: what can not be sent becomes a 500, and the cause is in the log.
func TestMistakes(t *testing.T) {
	for name, f := range map[string]func(r *resource.Request){
		"line feed in a value":  func(r *resource.Request) { r.SetField("X-A", "b\nSet-Cookie: evil=1") },
		"return in a value":     func(r *resource.Request) { r.AddField("X-A", "b\rc") },
		"NUL in a value":        func(r *resource.Request) { r.SetField("X-A", "\x00") },
		"blank in a name":       func(r *resource.Request) { r.SetField("X A", "b") },
		"line feed in a name":   func(r *resource.Request) { r.SetField("X-A: b\r\nX", "b") },
		"no status":             func(r *resource.Request) { r.SetStatus(99) },
		"a status of 1xx":       func(r *resource.Request) { r.SetStatus(101) },
		"a status of 600":       func(r *resource.Request) { r.SetStatus(600) },
		"a length that is none": func(r *resource.Request) { r.SetField("Content-Length", "-1") },
		"a negative length":     func(r *resource.Request) { r.SetContentLength(-1) },
		"a bad cookie":          func(r *resource.Request) { r.SetCookie(protocol.Cookie{Name: "a", Value: "b; Path=/"}) },
		"a bad hint":            func(r *resource.Request) { r.EarlyHints("<a>\r\nX: y") },
		"a bad trailer":         func(r *resource.Request) { r.SetTrailer("X", "\n") },
		"a bad tag":             func(r *resource.Request) { r.SetETag("x") },
	} {
		for how, end := range map[string]func(r *resource.Request) ([]byte, error){
			"returned": func(r *resource.Request) ([]byte, error) { return []byte("secret"), nil },
			"finished": func(r *resource.Request) ([]byte, error) { r.Finish(); return nil, nil },
			"written":  func(r *resource.Request) ([]byte, error) { r.WriteShared([]byte("secret")); return nil, nil },
			"not done": func(r *resource.Request) ([]byte, error) {
				r.WriteString("secret")
				return nil, resource.NotDoneYet
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				s, log := quiet(get(func(r *resource.Request) ([]byte, error) { f(r); return end(r) }))
				got := s.Get("/")
				wantStatus(t, got, 500)
				if strings.Contains(got.String(), "evil") || strings.Contains(got.String(), "secret") {
					t.Errorf("got\n%s", got)
				}
				if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "id=test-id") {
					t.Errorf("log: %s", log)
				}
			})
		}
	}
}

func TestShortAnswerIsCut(t *testing.T) {
	s, log := quiet(get(func(r *resource.Request) ([]byte, error) {
		r.SetContentLength(10)
		r.WriteString("abc")
		r.Finish()
		return nil, nil
	}))
	if got := s.Get("/"); got.Aborted == nil || got.Done {
		t.Errorf("got %s", got)
	}
	if said := log.String(); !strings.Contains(said, "resource: answer cut") || !strings.Contains(said, "10 bytes promised, 3 written") || !strings.Contains(said, "GET") {
		t.Errorf("logged %q", said)
	}
}

func TestTrailersAndHints(t *testing.T) {
	got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		r.EarlyHints("</a.css>; rel=preload", "</b.js>; rel=preload")
		r.WriteString("x")
		r.SetTrailer("X-Sum", "0")
		r.SetTrailer("X-Sum", "1")
		r.AddTrailer("X-More", "a")
		r.AddTrailer("X-More", "b")
		return nil, nil
	}), "/")
	if !reflect.DeepEqual(got.Trailers.Values("X-Sum"), []string{"1"}) || !reflect.DeepEqual(got.Trailers.Values("X-More"), []string{"a", "b"}) || got.Length != -1 || string(got.Body) != "x" {
		t.Errorf("trailers %v, length %d, body %q", got.Trailers, got.Length, got.Body)
	}
	if len(got.Hints) != 1 || len(got.Hints[0].Values("Link")) != 2 {
		t.Errorf("hints %v", got.Hints)
	}
}

func TestStatusAndFieldsAfterTheHead(t *testing.T) {
	got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		r.SetContentLength(1)
		r.WriteString("x")
		r.SetStatus(500)
		r.SetField("X-Late", "1")
		r.DelField("Content-Type")
		r.SetContentLength(7)
		r.EarlyHints("</x>")
		return nil, nil
	}), "/")
	if got.Status != 200 || got.Fields.Has("X-Late") || !got.Done || len(got.Hints) != 0 {
		t.Errorf("got %s", got)
	}
}

// TestAfterTheEnd: every method that acts does nothing after the end, whether the
// request was finished, aborted or lost; those that read go on.
func TestAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(x *resourcetest.Exchange, r *resource.Request){
		"finished": func(_ *resourcetest.Exchange, r *resource.Request) { r.Finish() },
		"aborted":  func(_ *resourcetest.Exchange, r *resource.Request) { r.Abort(nil) },
		"lost":     func(x *resourcetest.Exchange, _ *resource.Request) { x.Lose(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var r *resource.Request
			s, _ := quiet(get(func(q *resource.Request) ([]byte, error) { r = q; return nil, resource.NotDoneYet }))
			x := s.Start("GET", "/a?b=c", fields("X-F", "v"), nil)
			end(x, r)
			before := x.Response.String()
			useAll(t, r)
			s.Loop.Run()
			if after := x.Response.String(); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			if !r.Finished() || r.Path() != "/a" || r.Arg("b") != "c" || r.Field("X-F") != "v" {
				t.Errorf("finished %v, path %q", r.Finished(), r.Path())
			}
		})
	}
}

func useAll(t *testing.T, r *resource.Request) {
	if n, err := r.Write([]byte("x")); n != 0 || !errors.Is(err, resource.ErrOver) {
		t.Errorf("Write: %d, %v", n, err)
	}
	if n, err := r.WriteString("x"); n != 0 || !errors.Is(err, resource.ErrOver) {
		t.Errorf("WriteString: %d, %v", n, err)
	}
	r.WriteShared([]byte("x"))
	r.SendFile(nil, 0, 1, nil)
	r.SetStatus(500)
	r.SetField("A", "b")
	r.AddField("A", "b")
	r.DelField("A")
	r.SetCookie(protocol.Cookie{Name: "a"})
	r.SetContentLength(1)
	r.SetTrailer("A", "b")
	r.SetETag(`"x"`)
	r.SetLastModified(r.Now())
	r.EarlyHints("</x>")
	r.Finish()
	r.Fail(errors.New("late"))
	r.Abort(nil)
	r.Answer([]byte("x"), nil)
	r.Switch(nil, nil)
	r.PauseBody()
	r.ResumeBody()
	stopped := &pull{}
	r.RegisterProducer(stopped)
	r.UnregisterProducer()
	if r.Buffered() != 0 {
		t.Errorf("Buffered %d", r.Buffered())
	}
	if r.Context().Err() == nil {
		t.Error("the context is not cancelled")
	}
}

// pull is a pull producer of n pieces.
type pull struct {
	r       *resource.Request
	n       int
	stopped bool
}

func (p *pull) ResumeProducing() {
	if p.n--; p.n < 0 {
		p.r.Finish()
		return
	}
	p.r.WriteString("piece ")
}
func (p *pull) StopProducing() { p.stopped = true }

func TestProducer(t *testing.T) {
	got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		r.RegisterProducer(&pull{r: r, n: 3})
		return nil, resource.NotDoneYet
	}), "/")
	wantBody(t, got, "piece piece piece ")
}

func TestProducerIsStoppedWithTheClient(t *testing.T) {
	p := &pull{n: 1 << 30}
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		p.r = r
		r.SetContentLength(1 << 40)
		r.WriteString("x")
		return nil, resource.NotDoneYet
	}))
	x := s.Start("GET", "/", nil, nil)
	x.Slow(true)
	p.r.RegisterProducer(p)
	x.Lose(nil)
	if !p.stopped {
		t.Error("the producer is not stopped")
	}
}

// nobody is a protocol that takes a connection over.
type nobody struct{}

func (nobody) ConnectionMade(reactor.Transport) {}
func (nobody) DataReceived([]byte)              {}
func (nobody) ConnectionLost(error)             {}

func TestSwitch(t *testing.T) {
	root := get(func(r *resource.Request) ([]byte, error) {
		r.Switch(nobody{}, fields("Upgrade", "echo"))
		return nil, resource.NotDoneYet
	})
	got := resourcetest.New(root).Start("GET", "/", fields("Upgrade", "echo"), nil)
	if got.Switched != (nobody{}) || got.Status != 101 || got.Field("Upgrade") != "echo" {
		t.Errorf("got %s", &got.Response)
	}
}

func TestHeadBeforeContent(t *testing.T) {
	var r *resource.Request
	s := resourcetest.New(get(func(q *resource.Request) ([]byte, error) {
		r = q
		r.Untyped()
		r.WriteInformational(102, protocol.Fields{{Name: "X-Step", Value: "1"}})
		r.SendHead()
		return nil, resource.NotDoneYet
	}))
	x := s.Start("GET", "/", nil, nil)
	if x.Status != 200 || x.Length != -1 || x.Done || len(x.Hints) != 1 {
		t.Errorf("%v", x)
	}
	r.WriteString("abc")
	r.Finish()
	r.SendHead()
	if got := x.String(); got != "200 OK\n\nabc" || !x.Done {
		t.Errorf("got %s", got)
	}
}
