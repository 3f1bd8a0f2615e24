package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource/resourcetest"
	"spindle/site"
	"spindle/site/overview"
)

// startServer is the start page in memory. The figures are those of snapshot.
func startServer(snapshot *site.Snapshot) (*resourcetest.Server, *start) {
	s := resourcetest.New(nil)
	p := newStart(s.Loop, func() site.Snapshot { return *snapshot })
	s.Root = p.Root()
	return s, p
}

// Every child of the start page answers, and says what it is.
func TestStartTree(t *testing.T) {
	s, p := startServer(&site.Snapshot{})
	page := string(s.Get("/").Body)
	for name := range p.Children() {
		if !strings.Contains(page, `href="/`+name) {
			t.Errorf("%q is not drawn", name)
		}
		if name == "count" || name == "events" || name == "greet" {
			continue // without end, or with nothing of their own
		}
		if status := s.Get("/" + name).Status; status != 200 && status != 301 {
			t.Errorf("/%s answers with %d", name, status)
		}
		if status := s.Do("HEAD", "/"+name, nil, nil).Status; status >= 400 {
			t.Errorf("HEAD /%s answers with %d", name, status)
		}
	}
	if strings.Contains(page, `<span class="about"></span>`) {
		t.Error("one says nothing of itself")
	}
}

// What flags mount in front of the start page is drawn on it, and counted.
func TestStartPageShowsMounts(t *testing.T) {
	c := defaultWebConfig()
	c.Proxies = []string{"/api/v%201=http://127.0.0.1:1"}
	c.SCGI = []string{"/app=tcp:127.0.0.1:1"}
	s := resourcetest.New(nil)
	p := newStart(s.Loop, func() site.Snapshot { return site.Snapshot{} })
	s.Root = c.gateways.wrap(c.scripts.wrap(p.Root(), p.Mount), p.Mount)
	page := string(s.Get("/").Body)
	for _, want := range []string{`href="/api/v%201/" data-path="api/v 1"`, "asked for with --proxy", `href="/app/"`, "scgi.App", "not asked yet"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if r := s.Get("/hello"); r.Status != 200 {
		t.Errorf("behind the mounts: %v", r)
	}
}

func TestStartPage(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	r := s.Do("GET", "/", protocol.Fields{{Name: "Host", Value: "example.com:8080"}}, nil)
	if r.Status != 200 || r.Field("Content-Type") != "text/html; charset=utf-8" || r.Field("Content-Security-Policy") != overview.Policy {
		t.Fatalf("%d, %v", r.Status, r.Fields)
	}
	page := string(r.Body)
	for _, want := range []string{
		`<a class="node" href="/hello" data-path="hello">`, `<a class="node open" href="/greet/Ada" data-path="greet/*">`,
		"main.hello · GET", "main.greeting", "curl -N http://example.com:8080/count", "prefers-color-scheme: dark", `new EventSource("/events")`,
		platform(), "One loop is turning",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, not := range []string{"ZgotmplZ", "<no value>", "src=\"http", "@import", "url(http"} {
		if strings.Contains(page, not) {
			t.Errorf("%q is on the page", not)
		}
	}
}

// All readers get the same lines, from one timer; it ends with the last of them.
func TestCount(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	before := s.Loop.Pending()
	first := s.Start("GET", "/count", nil, nil)
	s.Loop.Advance(1500 * time.Millisecond)
	second := s.Start("GET", "/count", nil, nil)
	s.Loop.Advance(500 * time.Millisecond)
	if want := "00:00:01  line 1, to 1 reader\n00:00:02  line 2, to 2 readers\n"; string(first.Body) != want {
		t.Errorf("got %q, want %q", first.Body, want)
	}
	if want := "00:00:02  line 2, to 2 readers\n"; string(second.Body) != want {
		t.Errorf("got %q, want %q", second.Body, want)
	}
	if n := s.Loop.Pending() - before; n != 1 {
		t.Errorf("%d timers for two readers", n)
	}
	first.Lose(nil)
	second.Lose(nil)
	if n := s.Loop.Pending() - before; n != 0 {
		t.Errorf("%d timers for nobody", n)
	}
}

// The reactor does not wait for readers when it stops.
func TestReadersEndWithTheReactor(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	count, events := s.Start("GET", "/count", nil, nil), s.Start("GET", "/events", nil, nil)
	if !s.Loop.Fire(reactor.Shutdown, nil) {
		t.Error("the shutdown waits")
	}
	if !count.Done || !events.Done {
		t.Errorf("count has ended: %v, events: %v", count.Done, events.Done)
	}
}

func TestSlow(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	x := s.Start("GET", "/slow", nil, nil)
	s.Loop.Advance(999 * time.Millisecond)
	if x.Status != 0 {
		t.Error("it answers early")
	}
	s.Loop.Advance(time.Millisecond)
	if !x.Done || string(x.Body) != "A second later.\n" {
		t.Errorf("got %v", &x.Response)
	}
	gone := s.Start("GET", "/slow", nil, nil)
	gone.Lose(nil)
	if n := s.Loop.Pending(); n != 0 {
		t.Errorf("%d timers for a client that is gone", n)
	}
}

func TestDemos(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	for _, test := range []struct{ target, want string }{
		{"/hello", "Hello, world!\n"},
		{"/hello?name=%3Cb%3E", "Hello, <b>!\n"},
		{"/greet/" + url.PathEscape("Ada L."), "Good to see you, Ada L..\n"},
		{"/time", reactorStart + "\n"},
	} {
		r := s.Get(test.target)
		if r.Status != 200 || string(r.Body) != test.want || !strings.HasPrefix(r.Field("Content-Type"), "text/plain") {
			t.Errorf("%s: %v", test.target, r)
		}
	}
	if r := s.Get("/greet/"); r.Status != 404 {
		t.Errorf("a name that is empty: %v", r)
	}
	if r := s.Get("/source/demo.go"); r.Status != 200 || !strings.Contains(string(r.Body), "type hello struct") {
		t.Errorf("the source: %d", r.Status)
	}
	r := s.Do("POST", "/echo?a=1", protocol.Fields{{Name: "X-A", Value: "b"}}, []byte("<b>\x00"))
	if want := "POST /echo?a=1\n"; !strings.HasPrefix(string(r.Body), want) || !strings.HasSuffix(string(r.Body), "X-A: b\n\n<b>\x00") ||
		r.Field("X-Content-Type-Options") != "nosniff" {
		t.Errorf("echo: %v", r)
	}
}

// reactorStart is when the loop of a test begins.
const reactorStart = "Mon, 01 Jan 2024 00:00:00 +0000"
