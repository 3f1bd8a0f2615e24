package handler_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/handler"
	"spindle/resource/resourcetest"
)

// This file asks a Handler in memory: nothing of it depends on which protocol there is.

func leafOf(h handle) *handler.Handler {
	leaf := handler.New(http.HandlerFunc(h))
	leaf.ErrorLog = quiet
	return leaf
}

func serverOf(root resource.Resource) *resourcetest.Server {
	s := resourcetest.New(root)
	s.ErrorLog = quiet
	return s
}

// open sends a head that announces content of unknown length.
func open(s *resourcetest.Server, target string, fields protocol.Fields) *resourcetest.Exchange {
	h := resourcetest.Head("POST", target, fields)
	h.ContentLength = -1
	return s.Open(h)
}

func TestAnswers(t *testing.T) {
	root := new(resource.Tree)
	root.PutChild("app", leafOf(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Path", r.URL.Path)
		fmt.Fprintf(w, "%s %s %v", r.Method, body, err)
	}))
	s := serverOf(root)
	for _, row := range []struct{ method, target, body, want string }{
		{"GET", "/app", "", "200 OK\nX-Path: /app\nContent-Type: text/plain; charset=utf-8\n\nGET  <nil>"},
		{"POST", "/app/a%2Fb/", "abc", "200 OK\nX-Path: /app/a/b/\nContent-Type: text/plain; charset=utf-8\n\nPOST abc <nil>"},
		{"HEAD", "/app", "", "200 OK\nX-Path: /app\nContent-Type: text/plain; charset=utf-8\n\n"},
	} {
		if got := s.Do(row.method, row.target, nil, []byte(row.body)).String(); got != row.want {
			t.Errorf("%s %s: got\n%s\nwant\n%s", row.method, row.target, got, row.want)
		}
	}
}

func TestStripPrefix(t *testing.T) {
	leaf := leafOf(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s", r.URL.Path, r.URL.EscapedPath(), r.URL.RawQuery, r.RequestURI)
	})
	leaf.StripPrefix = true
	root := new(resource.Tree)
	root.PutChild("a", new(resource.Tree).PutChild("b c", leaf))
	s := serverOf(root)
	for target, want := range map[string]string{
		"/a/b%20c":           "/ /  /a/b%20c",
		"/a/b%20c/":          "/ /  /a/b%20c/",
		"/a/b%20c/x/y?q=1":   "/x/y /x/y q=1 /a/b%20c/x/y?q=1",
		"/a/b%20c/x%2Fy/%20": "/x/y/  /x%2Fy/%20  /a/b%20c/x%2Fy/%20",
		"/a/b%20c//x":        "//x //x  /a/b%20c//x",
	} {
		if got := string(s.Get(target).Body); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

// TestFieldsFromAbove: what the tree has set stays unless the handler sets the same.
func TestFieldsFromAbove(t *testing.T) {
	root := resource.Wrap(leafOf(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Both", "handler")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(204)
	}), func(r *resource.Request) error {
		r.SetField("X-Tree", "tree")
		r.SetField("X-Both", "tree")
		return nil
	})
	got := serverOf(root).Get("/").String()
	if want := "204 No Content\nX-Tree: tree\nX-Both: handler\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestMaxBodyBytes(t *testing.T) {
	leaf := leafOf(echoBody)
	leaf.MaxBodyBytes = 5
	s := serverOf(leaf)
	for size, want := range map[int]int{5: 200, 6: 413} {
		if got := s.Do("POST", "/", nil, make([]byte, size)); got.Status != want {
			t.Errorf("%d bytes: %d", size, got.Status)
		}
	}
	x := open(s, "/", nil)
	x.Send(make([]byte, 6))
	x.Wait()
	if x.Status != 413 {
		t.Errorf("chunks: %d", x.Status)
	}
	if got := serverOf(leafOf(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})).Do("POST", "/", nil, make([]byte, 40<<20)); string(got.Body) != "41943040 <nil>" {
		t.Errorf("without a limit: %s", got.Body)
	}
}

// gate has handlers wait.
type gate chan struct{}

func TestMaxRunning(t *testing.T) {
	goOn := make(gate)
	leaf := leafOf(func(w http.ResponseWriter, _ *http.Request) {
		<-goOn
		_, _ = io.WriteString(w, "done")
	})
	leaf.MaxRunning, leaf.MaxWaiting = 2, 2
	s := serverOf(leaf)
	var list []*resourcetest.Exchange
	for range 5 {
		list = append(list, s.Start("GET", "/", nil, nil))
	}
	if leaf.Running() != 2 || leaf.Waiting() != 2 {
		t.Errorf("%d run, %d wait", leaf.Running(), leaf.Waiting())
	}
	if x := list[4]; x.Status != 503 || x.Field("Retry-After") != "1" {
		t.Errorf("the fifth: %v", x)
	}
	list[2].Lose(nil) // makes place for another
	list = append(list, s.Start("GET", "/", nil, nil))
	if leaf.Waiting() != 2 {
		t.Errorf("%d wait after one has gone", leaf.Waiting())
	}
	close(goOn)
	for _, i := range []int{0, 1, 3, 5} {
		list[i].Wait()
		if string(list[i].Body) != "done" {
			t.Errorf("%d: %v", i, list[i])
		}
	}
	s.Loop.WaitFor(func() bool { return leaf.Running() == 0 })
}

// TestContentIsHeldBack: what the handler does not read stays with the client.
func TestContentIsHeldBack(t *testing.T) {
	goOn := make(gate)
	s := serverOf(leafOf(func(w http.ResponseWriter, r *http.Request) {
		<-goOn
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}))
	x := open(s, "/", nil)
	sent := 0
	for ; !x.Paused && sent < 1<<20; sent += 4096 {
		x.Send(make([]byte, 4096))
	}
	if sent != 68<<10 {
		t.Errorf("%d bytes were taken", sent)
	}
	for range 100 {
		x.Send(make([]byte, 4096))
	}
	x.SendEnd(nil)
	close(goOn)
	x.Wait()
	if string(x.Body) != fmt.Sprint(sent+100*4096, " <nil>") {
		t.Errorf("%s", x.Body)
	}
}

// TestWritingWaits: a handler is not ahead of its client by more than the bound.
func TestWritingWaits(t *testing.T) {
	var wrote atomic.Int64
	ended := make(chan error, 1)
	s := serverOf(leafOf(func(w http.ResponseWriter, r *http.Request) {
		for {
			n, err := w.Write(make([]byte, 10000))
			wrote.Add(int64(n))
			if err != nil {
				ended <- errors.Join(err, r.Context().Err())
				return
			}
		}
	}))
	x := s.Start("GET", "/", nil, nil)
	s.Loop.WaitFor(func() bool { return len(x.Body) > 1000 })
	x.Slow(true)
	stood := func() bool { // nothing more comes
		before := wrote.Load()
		for range 10 {
			s.Loop.Run()
		}
		return wrote.Load() == before
	}
	s.Loop.WaitFor(stood)
	if ahead := wrote.Load() - int64(len(x.Body)); ahead > 128<<10 {
		t.Errorf("%d bytes ahead", ahead)
	}
	at := len(x.Body)
	x.Slow(false)
	s.Loop.WaitFor(func() bool { return len(x.Body) > at+1<<20 })
	x.Lose(nil)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "broken pipe") || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("it ended with %v", err)
	}
}

// TestTheClientGoes: whatever the handler waits in, it is told.
func TestTheClientGoes(t *testing.T) {
	for name, row := range map[string]struct {
		wait handle
		lose func(x *resourcetest.Exchange)
	}{
		"context":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil},
		"half-close": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, (*resourcetest.Exchange).CloseWrite},
		"CloseNotify": {func(w http.ResponseWriter, _ *http.Request) {
			<-w.(closeNotifier).CloseNotify()
		}, nil},
		"content": {func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("reading ended with %v", err)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan bool), make(chan bool)
			leaf := leafOf(func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				row.wait(w, r)
				close(ended)
			})
			s := serverOf(leaf)
			x := open(s, "/", nil)
			<-begun
			if row.lose == nil {
				x.Lose(reactor.ErrDone)
			} else {
				row.lose(x)
			}
			<-ended
			s.Loop.WaitFor(func() bool { return leaf.Running() == 0 })
		})
	}
}

func TestContinueWhenRead(t *testing.T) {
	read, goOn := make(chan bool), make(gate)
	s := serverOf(leafOf(func(w http.ResponseWriter, r *http.Request) {
		<-goOn
		if <-read {
			_, _ = io.Copy(w, r.Body)
		}
	}))
	for _, reads := range []bool{true, false} {
		x := open(s, "/", protocol.Fields{{Name: "Expect", Value: "100-continue"}})
		goOn <- struct{}{}
		if x.Response.Continue {
			t.Error("told to go on before it reads")
		}
		read <- reads
		s.Loop.WaitFor(func() bool { return x.Response.Continue || x.Done })
		if x.Response.Continue != reads {
			t.Errorf("told to go on %v, reads %v", x.Response.Continue, reads)
		}
		x.SendEnd(nil)
		x.Wait()
	}
}

func TestNewWithoutAHandler(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is taken")
		}
	}()
	handler.New(nil)
}

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s\n", r.PathValue("name"))
	})
	app := handler.New(mux)
	app.StripPrefix = true
	root := new(resource.Tree)
	root.PutChild("app", app)
	fmt.Println(resourcetest.Get(root, "/app/hello/Ada"))
	// Output:
	// 200 OK
	// Content-Type: text/plain; charset=utf-8
	//
	// Hello, Ada
}
