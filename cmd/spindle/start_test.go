package main

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/site"
)

// startServer is the start page in memory. The figures are those of snapshot.
func startServer(snapshot *site.Snapshot) (*resourcetest.Server, *panel) {
	s := resourcetest.New(nil)
	p := newPanel(s.Loop, func() site.Snapshot { return *snapshot })
	s.Root = newStart(p)
	return s, p
}

// find is the node of that path.
func find(n node, path string) (found node, ok bool) {
	if n.Path == path {
		return n, true
	}
	for _, child := range n.Children {
		if found, ok = find(child, path); ok {
			return found, true
		}
	}
	return node{}, false
}

// The tree that is drawn is the tree that answers.
func TestStartTree(t *testing.T) {
	s, p := startServer(&site.Snapshot{})
	root := theStart(t, s).about.draw(theStart(t, s))
	for path, want := range map[string]node{
		"":        {Name: "", Href: "/", Kind: "main.start", About: "this page", Methods: "GET"},
		"hello":   {Name: "hello", Href: "/hello", Kind: "main.hello", About: hello{}.About(), Methods: "GET"},
		"echo":    {Name: "echo", Href: "/echo", Kind: "main.echo", About: echo{}.About(), Methods: "GET, POST"},
		"greet":   {Name: "greet", Href: "/greet/Ada", Kind: "main.greet", About: greet{}.About()},
		"greet/*": {Name: "‹name›", Href: "/greet/Ada", Kind: "main.greeting", About: greeting{}.About(), Methods: "GET", Open: true},
		"source":  {Name: "source", Href: "/source", Kind: "static.Dir", About: "the program that serves this page, as files", Methods: "GET"},
	} {
		got, ok := find(root, path)
		got.Path, got.Children = "", nil
		if !ok || got.Name != want.Name || got.Href != want.Href || got.Kind != want.Kind || got.About != want.About ||
			got.Methods != want.Methods || got.Open != want.Open {
			t.Errorf("%q: got %+v\nwant %+v", path, got, want)
		}
	}
	for _, path := range root.paths() {
		n, _ := find(root, path)
		if n.About == "" {
			t.Errorf("%q says nothing of itself", path)
		}
		if path == "count" || path == "events" {
			continue // without end: see below
		}
		if status := s.Get(n.Href).Status; status != 200 && status != 301 && status != 308 {
			t.Errorf("%s answers with %d", n.Href, status)
		}
		if status := s.Do("HEAD", n.Href, nil, nil).Status; status >= 400 {
			t.Errorf("HEAD %s answers with %d", n.Href, status)
		}
	}
	if len(p.hits) != len(root.paths()) {
		t.Errorf("%d nodes are watched, %d are drawn", len(p.hits), len(root.paths()))
	}
}

// theStart is the root below the wrapper that counts.
func theStart(t *testing.T, s *resourcetest.Server) *start {
	t.Helper()
	inner, err := s.Root.(resource.Passer).Pass(requestOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return inner.(*start)
}

// requestOf is some request, as a Pass wants it.
func requestOf(t *testing.T, s *resourcetest.Server) (some *resource.Request) {
	t.Helper()
	root := s.Root
	defer func() { s.Root = root }()
	s.Root = resource.Wrap(hello{}, func(r *resource.Request) error {
		some = r
		return nil
	})
	s.Get("/")
	return some
}

func TestStartPage(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	r := s.Do("GET", "/", protocol.Fields{{Name: "Host", Value: "example.com:8080"}}, nil)
	if r.Status != 200 || r.Field("Content-Type") != "text/html; charset=utf-8" || r.Field("Content-Security-Policy") != startCSP {
		t.Fatalf("%d, %v", r.Status, r.Fields)
	}
	page := string(r.Body)
	for _, want := range []string{
		`<a class="node" href="/hello" data-path="hello">`, `<a class="node open" href="/greet/Ada" data-path="greet/*">`,
		"main.hello · GET", "curl -N http://example.com:8080/count", "prefers-color-scheme: dark", `new EventSource("/events")`,
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

func TestStartPageOfSeveralLoops(t *testing.T) {
	s, p := startServer(&site.Snapshot{})
	p.all = []*panel{p, p}
	if r := s.Get("/"); !strings.Contains(string(r.Body), "2 loops are turning here") {
		t.Error("it does not say how many loops there are")
	}
}

// A host that is no host does not become markup.
func TestStartPageEscapes(t *testing.T) {
	s, _ := startServer(&site.Snapshot{})
	r := s.Do("GET", "/", protocol.Fields{{Name: "Host", Value: "<script>alert(1)</script>"}}, nil)
	if strings.Contains(string(r.Body), "<script>alert") {
		t.Error("the Host field is on the page as it came")
	}
}

// readEvents is the events of a stream: names and data.
func readEvents(t *testing.T, body []byte) (names []string, data []string) {
	t.Helper()
	text, ok := strings.CutPrefix(string(body), "retry: 1000\n\n")
	if !ok {
		t.Fatalf("the stream begins with %.40q", body)
	}
	for block := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		name, rest, ok := strings.Cut(block, "\n")
		value, ok2 := strings.CutPrefix(rest, "data: ")
		if !ok || !ok2 || !json.Valid([]byte(value)) {
			t.Fatalf("this is no event: %q", block)
		}
		names, data = append(names, strings.TrimPrefix(name, "event: ")), append(data, value)
	}
	return names, data
}

func TestEvents(t *testing.T) {
	snapshot := site.Snapshot{Uptime: 3 * time.Second, PerSecond: 7, Lag: 1500 * time.Microsecond,
		Counters: site.Counters{Requests: 9}, Connections: site.Connections{Open: 4, Idle: 3},
		Seconds: []site.Second{{Requests: 2}, {Requests: 7}}}
	s, p := startServer(&snapshot)
	x := s.Start("GET", "/events", nil, nil)
	if x.Status != 200 || x.Field("Content-Type") != "text/event-stream" {
		t.Fatalf("%d, %v", x.Status, x.Fields)
	}
	p.takeHits()
	for range 3 {
		s.Get("/hello")
	}
	s.Get("/greet/Bob")
	s.Get("/nowhere")
	s.Loop.Advance(beatEvery)
	s.Loop.Advance(time.Second)
	names, data := readEvents(t, x.Body)
	if want := []string{"past", "now", "hit", "now"}; !slices.Equal(names, want) {
		t.Fatalf("events are %q, want %q", names, want)
	}
	if data[0] != "[2,7]" || data[2] != `{"greet/*":1,"hello":3}` {
		t.Errorf("past is %s, hits are %s", data[0], data[2])
	}
	var now figures
	if err := json.Unmarshal([]byte(data[3]), &now); err != nil {
		t.Fatal(err)
	}
	if now.Memory <= 0 {
		t.Errorf("memory is %d", now.Memory)
	}
	now.Memory = 0
	if want := (figures{Rate: 7, Lag: 1.5, Open: 4, Idle: 3, Answered: 9, Uptime: 3}); now != want {
		t.Errorf("got %+v, want %+v", now, want)
	}
	x.Lose(nil)
	if n := s.Loop.Pending(); n != 0 {
		t.Errorf("%d timers are left when nobody looks", n)
	}
}

// The figures of several loops are added up.
func TestGather(t *testing.T) {
	a, b := &site.Snapshot{PerSecond: 1}, &site.Snapshot{PerSecond: 2}
	s, p := startServer(a)
	other, q := startServer(b)
	p.all = []*panel{p, q}
	q.all = p.all
	other.Get("/hello")
	s.Get("/hello")
	var sum site.Snapshot
	var hits map[string]int
	p.gather(func(s site.Snapshot, h map[string]int) { sum, hits = s, h })
	if hits != nil {
		t.Error("the other loop was not asked")
	}
	other.Loop.Run()
	s.Loop.Run()
	if sum.PerSecond != 3 || hits["hello"] != 2 {
		t.Errorf("got %d requests per second, hits %v", sum.PerSecond, hits)
	}
}

func TestCountAtNodes(t *testing.T) {
	_, p := startServer(&site.Snapshot{})
	for path, want := range map[string]string{"/": "", "/hello": "hello", "/hello/": "hello", "/hello/x/y": "hello",
		"/greet/Ada": "greet/*", "/greet/Ada/x": "greet/*", "/greet": "greet", "/source/main.go": "source"} {
		p.takeHits()
		p.count([]byte(path))
		if got := p.takeHits(); len(got) != 1 || got[want] != 1 {
			t.Errorf("%s counts at %v, want %q", path, got, want)
		}
	}
	for _, path := range []string{"/nope", "/nope/x", "*", ""} {
		p.takeHits()
		p.count([]byte(path))
		if got := p.takeHits(); len(got) != 0 && path != "" {
			t.Errorf("%s counts at %v", path, got)
		}
	}
	path := []byte("/greet/Ada")
	if n := testing.AllocsPerRun(100, func() { p.count(path) }); n != 0 {
		t.Errorf("%v allocations to count a request, want none", n)
	}
}

func TestStats(t *testing.T) {
	s, _ := startServer(&site.Snapshot{Uptime: time.Second, Counters: site.Counters{Requests: 5}})
	r := s.Get("/stats")
	var got site.Snapshot
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatal(err)
	}
	if r.Status != 200 || got.Requests != 5 || got.Uptime != time.Second {
		t.Errorf("%d: %s", r.Status, r.Body)
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
