package resource_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// echo gives the content back, read in one of three ways.
type echo struct {
	resource.Leaf
	read func(r *resource.Request) ([]byte, error)
}

func (e echo) RenderPOST(r *resource.Request) ([]byte, error) {
	if e.read != nil {
		return e.read(r)
	}
	return r.BodyBytes()
}

// upload takes the content as it comes.
type upload struct {
	resource.Leaf
	got   []byte
	ended []error
	limit int64
}

func (u *upload) HeadReceived(r *resource.Request) error {
	if u.limit != 0 {
		r.SetBodyLimit(u.limit)
	}
	r.StreamBody(func(p []byte) { u.got = append(u.got, p...) }, func(err error) {
		u.ended = append(u.ended, err)
		if err == nil {
			r.Answer(u.got, nil)
		}
	})
	return nil
}

func (u *upload) RenderPOST(*resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }

// sendIn sends content in pieces.
func sendIn(x *resourcetest.Exchange, body []byte, split reactortest.Split) {
	for len(body) > 0 {
		n := min(max(split(len(body)), 1), len(body))
		x.Send(body[:n])
		body = body[n:]
	}
	x.SendEnd(nil)
}

// TestContentIsWhole: however it is cut, long or short, in memory or in a file.
func TestContentIsWhole(t *testing.T) {
	ways := map[string]func(r *resource.Request) ([]byte, error){
		"BodyBytes": func(r *resource.Request) ([]byte, error) { return r.BodyBytes() },
		"Body":      func(r *resource.Request) ([]byte, error) { return io.ReadAll(r.Body()) },
		"Body, from the middle": func(r *resource.Request) ([]byte, error) {
			b := r.Body()
			b.Seek(1, io.SeekStart)
			rest, err := io.ReadAll(b)
			b.Seek(0, io.SeekStart)
			first := make([]byte, 1)
			io.ReadFull(b, first)
			return append(first, rest...), err
		},
	}
	splits := map[string]reactortest.Split{
		"whole": reactortest.Whole, "cut": reactortest.Cut(7), "by 1000": func(int) int { return 1000 },
	}
	for _, size := range []int{1, 100, 64 << 10, 64<<10 + 1, 300_000} {
		body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for way, read := range ways {
			for cut, split := range splits {
				for _, known := range []bool{true, false} {
					t.Run(fmt.Sprint(size, " ", way, " ", cut, " length known ", known), func(t *testing.T) {
						s := resourcetest.New(echo{read: read})
						defer s.Loop.Close()
						s.TempDir = t.TempDir()
						h := resourcetest.Head("POST", "/", nil)
						if h.ContentLength = -1; known {
							h.ContentLength = int64(size)
						}
						x := s.Open(h)
						sendIn(x, body, split)
						x.Wait()
						wantStatus(t, &x.Response, 200)
						if !bytes.Equal(x.Response.Body, body) {
							t.Errorf("%d bytes came back of %d", len(x.Response.Body), size)
						}
					})
				}
			}
		}
	}
}

func TestContentInMemoryOnly(t *testing.T) {
	s := resourcetest.New(echo{})
	s.MemoryBodyBytes = -1
	s.TempDir = "/does/not/exist"
	body := bytes.Repeat([]byte("x"), 200_000)
	if got := s.Do("POST", "/", nil, body); !bytes.Equal(got.Body, body) {
		t.Errorf("got %.100s", got)
	}
}

func TestTemporaryFileFails(t *testing.T) {
	s, log := quiet(echo{})
	defer s.Loop.Close()
	s.TempDir = "/does/not/exist"
	wantStatus(t, s.Do("POST", "/", nil, bytes.Repeat([]byte("x"), 200_000)), 500)
	if !strings.Contains(log.String(), "/does/not/exist") {
		t.Errorf("log: %s", log)
	}
}

func TestClientLeavesWhileTheFileIsWritten(t *testing.T) {
	s := resourcetest.New(echo{})
	defer s.Loop.Close()
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = -1
	x := s.Open(h)
	x.Send(bytes.Repeat([]byte("x"), 100_000))
	x.Lose(nil)
	// A thread tells of its work before it ends, so that nobody tells of that.
	for pool := s.Loop.ThreadPool(); pool.Working()+pool.Waiting() > 0; s.Loop.Run() {
		runtime.Gosched()
	}
	if x.Done || x.Status != 0 {
		t.Errorf("got %s", &x.Response)
	}
}

func TestBodyLimit(t *testing.T) {
	for _, known := range []bool{true, false} {
		for _, row := range []struct {
			size   int
			status int
		}{{1000, 200}, {1001, 413}} {
			t.Run(fmt.Sprint(row.size, " length known ", known), func(t *testing.T) {
				s := resourcetest.New(echo{})
				s.MaxBodyBytes = 1000
				h := resourcetest.Head("POST", "/", fields("Expect", "100-continue"))
				if h.ContentLength = -1; known {
					h.ContentLength = int64(row.size)
				}
				x := s.Open(h)
				if refused := x.Status == 413; refused != (known && row.status == 413) {
					t.Errorf("refused by the head: %v", refused)
				}
				if x.Response.Continue != (x.Status == 0) {
					t.Errorf("100 (Continue): %v", x.Response.Continue)
				}
				sendIn(x, make([]byte, row.size), reactortest.Cut(1))
				wantStatus(t, &x.Response, row.status)
			})
		}
	}
}

// choosy decides by the head.
type choosy struct {
	echo
	received func(r *resource.Request) error
}

func (c choosy) HeadReceived(r *resource.Request) error { return c.received(r) }

func TestHeadReceived(t *testing.T) {
	for _, row := range []struct {
		name     string
		received func(r *resource.Request) error
		size     int
		status   int
	}{
		{"refuses", func(*resource.Request) error { return resource.ErrForbidden }, 10, 403},
		{"refuses without content", func(*resource.Request) error { return resource.ErrForbidden }, 0, 403},
		{"limit above the site's", func(r *resource.Request) error { r.SetBodyLimit(2000); return nil }, 2000, 200},
		{"limit above the site's, more", func(r *resource.Request) error { r.SetBodyLimit(2000); return nil }, 2001, 413},
		{"no limit", func(r *resource.Request) error { r.SetBodyLimit(-1); return nil }, 5000, 200},
		{"no content at all", func(r *resource.Request) error { r.SetBodyLimit(0); return nil }, 1, 413},
		{"answers itself", func(r *resource.Request) error { r.Answer([]byte("x"), nil); return nil }, 10, 200},
		{"panics", func(*resource.Request) error { panic("x") }, 10, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, _ := quiet(choosy{received: row.received})
			s.MaxBodyBytes = 1000
			wantStatus(t, s.Do("POST", "/", nil, make([]byte, row.size)), row.status)
		})
	}
}

func TestStream(t *testing.T) {
	u := &upload{}
	s := resourcetest.New(u)
	h := resourcetest.Head("POST", "/", fields("Expect", "100-continue"))
	h.ContentLength = -1
	x := s.Open(h)
	if !x.Response.Continue {
		t.Error("the content is not asked for")
	}
	x.Send([]byte("hello "))
	x.Send([]byte("world"))
	if string(u.got) != "hello world" {
		t.Errorf("got %q before the end", u.got)
	}
	x.SendEnd(nil)
	wantBody(t, &x.Response, "hello world")
	if len(u.ended) != 1 || u.ended[0] != nil {
		t.Errorf("ended %v", u.ended)
	}
}

func TestStreamEnds(t *testing.T) {
	boom := errors.New("boom")
	t.Run("the client leaves", func(t *testing.T) {
		u := &upload{}
		h := resourcetest.Head("POST", "/", nil)
		h.ContentLength = 100
		x := resourcetest.New(u).Open(h)
		x.Send([]byte("x"))
		x.Lose(boom)
		if len(u.ended) != 1 || u.ended[0] != boom {
			t.Errorf("ended %v", u.ended)
		}
	})
	t.Run("too long", func(t *testing.T) {
		u := &upload{limit: 5}
		h := resourcetest.Head("POST", "/", nil)
		h.ContentLength = -1
		x := resourcetest.New(u).Open(h)
		x.Send([]byte("hello"))
		x.Send([]byte("!"))
		wantStatus(t, &x.Response, 413)
		if len(u.ended) != 1 || u.ended[0] == nil || string(u.got) != "hello" {
			t.Errorf("ended %v, got %q", u.ended, u.got)
		}
	})
}

// stopper pauses the content after each piece.
type stopper struct {
	upload
	r *resource.Request
}

func (p *stopper) HeadReceived(r *resource.Request) error {
	p.r = r
	r.StreamBody(func(b []byte) { p.got = append(p.got, b...); r.PauseBody() }, func(error) { r.Answer(p.got, nil) })
	return nil
}

func TestPauseBody(t *testing.T) {
	p := &stopper{}
	s := resourcetest.New(p)
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = -1
	x := s.Open(h)
	x.Send([]byte("a"))
	x.Send([]byte("b"))
	if string(p.got) != "a" {
		t.Errorf("got %q while paused", p.got)
	}
	for range 2 {
		p.r.ResumeBody()
		s.Loop.Run()
	}
	x.SendEnd(nil)
	p.r.ResumeBody()
	s.Loop.Run()
	wantBody(t, &x.Response, "ab")
}

func TestRequestTrailers(t *testing.T) {
	s := resourcetest.New(echo{read: func(r *resource.Request) ([]byte, error) {
		return []byte(r.Trailers().Get("X-Sum")), nil
	}})
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = -1
	x := s.Open(h)
	x.Send([]byte("x"))
	x.SendEnd(fields("X-Sum", "1"))
	wantBody(t, &x.Response, "1")
}

func TestContentThatBreaksOff(t *testing.T) {
	rendered := false
	s := resourcetest.New(echo{read: func(*resource.Request) ([]byte, error) { rendered = true; return nil, nil }})
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = 10
	x := s.Open(h)
	x.Send([]byte("x"))
	x.Lose(&protocol.Error{Status: 400, Reason: "bad chunk"})
	if rendered {
		t.Error("rendered without its content")
	}
}

// holder streams, and has the client wait until it is asked.
type holder struct {
	resource.Leaf
	r *resource.Request
}

func (h *holder) HeadReceived(r *resource.Request) error {
	h.r = r
	r.HoldContinue()
	r.StreamBody(func([]byte) {}, func(error) { r.Finish() })
	return nil
}

func (h *holder) Render(*resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }

func TestHoldContinue(t *testing.T) {
	h := new(holder)
	head := resourcetest.Head("POST", "/", protocol.Fields{{Name: "Expect", Value: "100-continue"}})
	head.ContentLength = 3
	x := resourcetest.New(h).Open(head)
	if x.Response.Continue {
		t.Error("told to go on without being asked")
	}
	h.r.Continue()
	if !x.Response.Continue {
		t.Error("not told to go on")
	}
	x.Send([]byte("abc"))
	x.SendEnd(nil)
	h.r.Continue()
	if !x.Done {
		t.Error("not done")
	}
}
