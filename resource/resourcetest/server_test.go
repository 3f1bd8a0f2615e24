package resourcetest_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

type page func(r *resource.Request) ([]byte, error)

func (page) Child(string, *resource.Request) resource.Resource { return nil }
func (page) IsLeaf() bool                                      { return true }
func (p page) RenderGET(r *resource.Request) ([]byte, error)   { return p(r) }

func ExampleGet() {
	root := new(resource.Tree).PutChild("a", page(func(r *resource.Request) ([]byte, error) {
		return r.JSON(map[string]string{"q": r.Arg("q")})
	}))
	fmt.Print(resourcetest.Get(root, "/a?q=x"))
	// Output:
	// 200 OK
	// Content-Type: application/json
	//
	// {"q":"x"}
}

// TestFollow: an answer is followed however it comes.
func TestFollow(t *testing.T) {
	for name, f := range map[string]page{
		"timers": func(r *resource.Request) ([]byte, error) {
			r.Loop().CallLater(time.Hour, func() {
				r.WriteString("a")
				r.Loop().CallLater(time.Hour, func() { r.WriteString("b"); r.Finish() })
			})
			return nil, resource.NotDoneYet
		},
		"a thread, then a timer": func(r *resource.Request) ([]byte, error) {
			reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (string, error) { return "ab", nil }).
				Then(func(s string) {
					r.Loop().CallLater(time.Second, func() { r.Answer([]byte(s), nil) })
				}, r.Fail)
			return nil, resource.NotDoneYet
		},
		"a goroutine": func(r *resource.Request) ([]byte, error) {
			loop := r.Loop()
			go loop.CallFromThread(func() { r.Answer([]byte("ab"), nil) })
			return nil, resource.NotDoneYet
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := resourcetest.New(f)
			defer s.Loop.Close()
			if got := s.Get("/"); !got.Done || string(got.Body) != "ab" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestFollowGivesUp(t *testing.T) {
	s := resourcetest.New(page(func(r *resource.Request) ([]byte, error) {
		var again func()
		again = func() { r.Loop().CallLater(time.Hour, again) }
		again()
		return nil, resource.NotDoneYet
	}))
	if got := s.Get("/"); got.Done || got.Status != 0 {
		t.Errorf("got %s", got)
	}
}

func TestSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n, want := range map[int64]error{4: nil, 40: io.ErrUnexpectedEOF} {
		got := resourcetest.Get(page(func(r *resource.Request) ([]byte, error) {
			r.SetContentLength(n)
			r.SendFile(f, 2, n, func(err error) { r.Finish() })
			return nil, resource.NotDoneYet
		}), "/")
		if !errors.Is(got.Aborted, want) || want == nil && string(got.Body) != "2345" {
			t.Errorf("%d bytes: got %s", n, got)
		}
	}
}

// push is a push producer that writes down what it is told.
type push struct{ told []string }

func (p *push) ResumeProducing() { p.told = append(p.told, "resume") }
func (p *push) PauseProducing()  { p.told = append(p.told, "pause") }
func (p *push) StopProducing()   { p.told = append(p.told, "stop") }

func TestSlow(t *testing.T) {
	p := &push{}
	s := resourcetest.New(page(func(r *resource.Request) ([]byte, error) {
		r.RegisterProducer(p)
		return nil, resource.NotDoneYet
	}))
	x := s.Start("GET", "/", nil, nil)
	x.Slow(true)
	x.Slow(true)
	x.Slow(false)
	x.Lose(nil)
	if got := fmt.Sprint(p.told); got != "[pause resume stop]" {
		t.Errorf("told %s", got)
	}
}

func TestHead(t *testing.T) {
	for _, row := range []struct {
		method, target, path, query, authority string
		form                                   protocol.TargetForm
	}{
		{"GET", "/a?b=c", "/a", "b=c", "example.com", protocol.OriginForm},
		{"GET", "http://h:1/a?b", "/a", "b", "h:1", protocol.AbsoluteForm},
		{"OPTIONS", "*", "*", "", "example.com", protocol.AsteriskForm},
		{"CONNECT", "h:443", "", "", "h:443", protocol.AuthorityForm},
	} {
		h := resourcetest.Head(row.method, row.target, nil)
		if string(h.Path) != row.path || string(h.Query) != row.query || string(h.Authority) != row.authority || h.Form != row.form {
			t.Errorf("%s %s: path %q, query %q, authority %q, form %v", row.method, row.target, h.Path, h.Query, h.Authority, h.Form)
		}
	}
}
