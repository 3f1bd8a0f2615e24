package resource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// TestRequestIsUsedAgain: only when nobody can hold it any more.
func TestRequestIsUsedAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		f     get
		again bool
	}{
		{"a body", func(*resource.Request) ([]byte, error) { return []byte("x"), nil }, true},
		{"written and finished", func(r *resource.Request) ([]byte, error) {
			r.WriteString("x")
			r.Finish()
			return nil, nil
		}, true},
		{"not done yet", func(*resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }, false},
		{"finished, but not done yet", func(r *resource.Request) ([]byte, error) {
			r.Finish()
			return nil, resource.NotDoneYet
		}, false},
		{"somebody waits for its end", func(r *resource.Request) ([]byte, error) {
			r.NotifyFinish(func(error) {})
			return nil, nil
		}, false},
		{"somebody has its context", func(r *resource.Request) ([]byte, error) { r.Context(); return nil, nil }, false},
		{"a panic", func(*resource.Request) ([]byte, error) { panic("x") }, false},
		{"an error", func(*resource.Request) ([]byte, error) { return nil, resource.ErrNotFound }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var seen []*resource.Request
			s, _ := quiet(get(func(r *resource.Request) ([]byte, error) {
				seen = append(seen, r)
				return row.f(r)
			}))
			s.Start("GET", "/", nil, nil)
			s.Start("GET", "/", nil, nil)
			if again := seen[0] == seen[1]; again != row.again {
				t.Errorf("used again: %v, want %v", again, row.again)
			}
		})
	}
}

// TestRequestWithContentIsUsedAgain: when it was answered as soon as the content was
// there.
func TestRequestWithContentIsUsedAgain(t *testing.T) {
	var seen []*resource.Request
	s := resourcetest.New(post(func(r *resource.Request) ([]byte, error) {
		seen = append(seen, r)
		return r.BodyBytes()
	}))
	first, second := s.Do("POST", "/", nil, []byte("first")), s.Do("POST", "/", nil, []byte("second"))
	if seen[0] != seen[1] || string(first.Body) != "first" || string(second.Body) != "second" {
		t.Errorf("used again: %v, bodies %q and %q", seen[0] == seen[1], first.Body, second.Body)
	}
}

// TestPanicAfterTheAnswerIsLogged, and so is an error that is returned then.
func TestPanicAfterTheAnswerIsLogged(t *testing.T) {
	for name, f := range map[string]get{
		"panic": func(r *resource.Request) ([]byte, error) { r.Finish(); panic("boom") },
		"error": func(r *resource.Request) ([]byte, error) { r.Finish(); return nil, errors.New("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			s, log := quiet(f)
			wantStatus(t, s.Get("/"), 200)
			if !strings.Contains(log.String(), "boom") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// TestNothingIsLeftOver: a Request that is used again shows nothing of the exchange
// before.
func TestNothingIsLeftOver(t *testing.T) {
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		out := fmt.Sprint(r.Status(), r.ResponseFields(), r.BytesWritten(), r.BodyLength(), r.ID(), r.Prepath(), r.Postpath())
		if r.Path() == "/first" {
			r.SetStatus(404)
			r.SetField("X-A", "b")
			r.SetTrailer("X-B", "c")
			r.SetLastModified(r.Now())
			r.WriteString(out)
			return nil, nil
		}
		return []byte(out), nil
	}))
	want := s.Get("/x").String()
	s.Get("/first")
	if got := s.Get("/x").String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestHeadIsCopied: a Request that outlives its head has a copy of it.
func TestHeadIsCopied(t *testing.T) {
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		r.Loop().CallLater(1, func() { r.Answer([]byte(r.Path()+r.Field("X-A")+r.Arg("a")), nil) })
		return nil, resource.NotDoneYet
	}))
	h := resourcetest.Head("GET", "/path?a=arg", fields("X-A", "value"))
	x := s.Open(h)
	for _, b := range [][]byte{h.Path, h.Query, h.Target, h.Fields[0].Value} {
		clear(b)
	}
	x.Wait()
	wantBody(t, &x.Response, "/pathvaluearg")
}

func TestNotifyFinish(t *testing.T) {
	boom := errors.New("boom")
	for _, row := range []struct {
		name string
		end  func(x *resourcetest.Exchange, r *resource.Request)
		want error
	}{
		{"answered", func(_ *resourcetest.Exchange, r *resource.Request) { r.Finish() }, nil},
		{"the client leaves", func(x *resourcetest.Exchange, _ *resource.Request) { x.Lose(nil) }, reactor.ErrDone},
		{"the connection breaks", func(x *resourcetest.Exchange, _ *resource.Request) { x.Lose(boom) }, boom},
		{"aborted", func(_ *resourcetest.Exchange, r *resource.Request) { r.Abort(boom) }, boom},
	} {
		t.Run(row.name, func(t *testing.T) {
			var r *resource.Request
			var told []error
			s := resourcetest.New(get(func(q *resource.Request) ([]byte, error) {
				r = q
				r.NotifyFinish(func(err error) { told = append(told, err) })
				return nil, resource.NotDoneYet
			}))
			x := s.Start("GET", "/", nil, nil)
			ctx := r.Context()
			if ctx.Err() != nil || len(told) != 0 {
				t.Fatal("told before the end")
			}
			row.end(x, r)
			if row.want == nil && len(told) != 0 {
				t.Error("told inside the call that ended it")
			}
			s.Loop.Run()
			if len(told) != 1 || told[0] != row.want {
				t.Errorf("told %v, want %v once", told, row.want)
			}
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("context: %v", ctx.Err())
			}
			r.NotifyFinish(func(err error) { told = append(told, err) })
			if s.Loop.Run(); len(told) != 2 || told[1] != row.want {
				t.Errorf("asked after the end: told %v", told)
			}
		})
	}
}

// TestInterruptedResponse is the program that stops its work when the client leaves.
func TestInterruptedResponse(t *testing.T) {
	var timer *reactor.DelayedCall
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		timer = r.Loop().CallLater(5*time.Second, func() { r.Answer([]byte("slow"), nil) })
		r.NotifyFinish(func(err error) {
			if err != nil {
				timer.Cancel()
			}
		})
		return nil, resource.NotDoneYet
	}))
	x := s.Start("GET", "/", nil, nil)
	s.Loop.Advance(4 * time.Second)
	x.Lose(nil)
	if timer.Active() {
		t.Error("the timer goes on")
	}
}

func TestLater(t *testing.T) {
	boom := errors.New("boom")
	for _, row := range []struct {
		name   string
		settle func(d *reactor.Deferred[int])
		status int
		body   string
	}{
		{"a value", func(d *reactor.Deferred[int]) { d.Callback(7) }, 200, "7\n"},
		{"an error", func(d *reactor.Deferred[int]) { d.Errback(boom) }, 500, ""},
		{"an error with a status", func(d *reactor.Deferred[int]) { d.Errback(resource.ErrForbidden) }, 403, ""},
		{"render fails", func(d *reactor.Deferred[int]) { d.Callback(-1) }, 404, ""},
		{"render panics", func(d *reactor.Deferred[int]) { d.Callback(-2) }, 500, ""},
	} {
		for _, now := range []bool{true, false} {
			t.Run(fmt.Sprint(row.name, ", at once ", now), func(t *testing.T) {
				d := reactor.NewDeferred[int]()
				s, _ := quiet(get(func(r *resource.Request) ([]byte, error) {
					if now {
						row.settle(d)
					}
					return resource.Later(r, d, func(n int) ([]byte, error) {
						switch n {
						case -1:
							return nil, resource.ErrNotFound
						case -2:
							panic("render")
						}
						return r.JSON(n)
					})
				}))
				x := s.Start("GET", "/", nil, nil)
				if !now {
					s.Loop.CallLater(1, func() { row.settle(d) })
				}
				x.Wait()
				wantStatus(t, &x.Response, row.status)
				if row.body != "" {
					wantBody(t, &x.Response, row.body)
				}
			})
		}
	}
}

func TestLaterIsCancelledWithTheClient(t *testing.T) {
	d := reactor.NewDeferred[[]byte]()
	cancelled := false
	d.OnCancel(func() { cancelled = true })
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) { return r.Later(d) }))
	x := s.Start("GET", "/", nil, nil)
	x.Lose(nil)
	if !cancelled {
		t.Error("not cancelled")
	}
}

// lateNode asks somebody for its children.
type lateNode struct {
	d *reactor.Deferred[resource.Resource]
}

func (l lateNode) Child(string, *resource.Request) resource.Resource {
	return resource.DeferredChild(l.d)
}

func TestDeferredChild(t *testing.T) {
	for _, row := range []struct {
		name   string
		settle func(d *reactor.Deferred[resource.Resource])
		status int
		body   string
	}{
		{"found", func(d *reactor.Deferred[resource.Resource]) { d.Callback(walkTree()) }, 200, "year 1999 <db><y><1999> "},
		{"none", func(d *reactor.Deferred[resource.Resource]) { d.Callback(nil) }, 404, ""},
		{"failed", func(d *reactor.Deferred[resource.Resource]) { d.Errback(resource.ErrForbidden) }, 403, ""},
	} {
		for _, now := range []bool{true, false} {
			t.Run(fmt.Sprint(row.name, ", at once ", now), func(t *testing.T) {
				d := reactor.NewDeferred[resource.Resource]()
				if now {
					row.settle(d)
				}
				s := resourcetest.New(lateNode{d})
				x := s.Start("GET", "/db/y/1999", nil, nil)
				if !now {
					s.Loop.CallLater(time.Second, func() { row.settle(d) })
				}
				x.Wait()
				wantStatus(t, &x.Response, row.status)
				if row.body != "" {
					wantBody(t, &x.Response, row.body)
				}
			})
		}
	}
}

func TestDeferredChildHoldsTheContentBack(t *testing.T) {
	for _, row := range []struct {
		name   string
		child  resource.Resource
		anyway bool // the content comes all the same: it was read already
	}{
		{"whole", echo{}, false},
		{"stream", &upload{}, false},
		{"whole, read already", echo{}, true},
		{"stream, read already", &upload{}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := reactor.NewDeferred[resource.Resource]()
			s := resourcetest.New(lateNode{d})
			h := resourcetest.Head("POST", "/x", nil)
			h.ContentLength = -1
			x := s.Open(h)
			if !x.Paused {
				t.Error("the content is not held back")
			}
			x.Paused = !row.anyway
			x.Send([]byte("hello "))
			x.Send([]byte("world"))
			x.SendEnd(nil)
			s.Loop.CallLater(time.Second, func() { d.Callback(row.child) })
			x.Wait()
			wantBody(t, &x.Response, "hello world")
		})
	}
}

func TestDebugTellsOfUseAfterTheEnd(t *testing.T) {
	var r *resource.Request
	s, log := quiet(get(func(q *resource.Request) ([]byte, error) { r = q; return []byte("x"), nil }))
	s.Debug = true
	s.Get("/here")
	r.WriteString("late")
	r.SetField("X", "y")
	for _, want := range []string{"used after its end", `GET \"/here\"`, "life_test.go", "finished="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %q: %s", want, log)
		}
	}
}

func TestPanicInNotifyFinishIsTheLoops(t *testing.T) {
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		r.NotifyFinish(func(error) { panic("mine") })
		return []byte("x"), nil
	}))
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("recovered %v", p)
		}
	}()
	s.Get("/")
	t.Error("no panic")
}

// nothing is a protocol that does nothing.
type nothing struct{}

func (nothing) ConnectionMade(reactor.Transport) {}
func (nothing) DataReceived([]byte)              {}
func (nothing) ConnectionLost(error)             {}

func TestHijack(t *testing.T) {
	var r *resource.Request
	s := resourcetest.New(get(func(q *resource.Request) ([]byte, error) { r = q; return nil, resource.NotDoneYet }))
	var ended []error
	s.Finished = func(_ *resource.Request, err error) { ended = append(ended, err) }
	x := s.Start("GET", "/", nil, nil)
	if err := r.Hijack(nothing{}); err != nil || !x.Hijacked || x.Switched != (nothing{}) || x.Status != 0 {
		t.Errorf("%v, %+v", err, x)
	}
	if len(ended) != 1 || ended[0] != nil || r.Status() != 101 {
		t.Errorf("told %v, status %d", ended, r.Status())
	}
	if err := r.Hijack(nothing{}); err != resource.ErrOver {
		t.Errorf("the second time: %v", err)
	}
}

func TestNotifyHalfClose(t *testing.T) {
	told := 0
	s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) {
		r.NotifyHalfClose(func() { told++ })
		return nil, resource.NotDoneYet
	}))
	x := s.Start("GET", "/", nil, nil)
	x.CloseWrite()
	x.CloseWrite()
	if told != 1 || x.Done {
		t.Errorf("told %d times, done %v", told, x.Done)
	}
}
