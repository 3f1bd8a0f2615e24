package overview

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
	"spindle/resource/resourcetest"
	"spindle/site"
)

// hello is a child that tells of itself.
type hello struct {
	resource.Leaf
	state string
}

func (*hello) About() string                               { return "answers at once" }
func (h *hello) State() string                             { return h.state }
func (*hello) RenderGET(*resource.Request) ([]byte, error) { return []byte("hello"), nil }

// greet makes its children as they are asked for.
type greet struct{}

func (greet) About() string                 { return "makes its children" }
func (greet) Example() (label, name string) { return "‹name›", "Ada" }

func (greet) Child(name string, _ *resource.Request) resource.Resource {
	return resource.NewData([]byte(name), "text/plain")
}

// serve is a page in memory, with a mount in front of it. The figures are those of snapshot.
func serve(snapshot *site.Snapshot) (*resourcetest.Server, *Page, *hello) {
	s := resourcetest.New(nil)
	p := New(NewPanel(s.Loop, func() site.Snapshot { return *snapshot }))
	h := &hello{state: "well"}
	p.PutChild("hello", h)
	p.PutChild("greet", greet{})
	p.Put("data/", "a few bytes", resource.NewData(nil, "text/plain"))
	p.Footer = "the <last> line"
	root, at := p.Root(), p.Mount("/in/front", "mounted", &hello{state: "ready"})
	s.Root = resource.Wrap(front{root, at}, func(*resource.Request) error { return nil })
	return s, p, h
}

// front leads to a mount.
type front struct{ page, mounted resource.Resource }

func (front) Child(string, *resource.Request) resource.Resource { return nil }

func (f front) Pass(r *resource.Request) (resource.Resource, error) {
	if path := r.Postpath(); len(path) > 1 && path[0] == "in" && path[1] == "front" {
		r.Descend(2)
		return f.mounted, nil
	}
	return f.page, nil
}

// find is the node of that path.
func find(root outline.Node, path string) (found outline.Node) {
	root.Each(func(n outline.Node) {
		if n.Path == path {
			found = n
		}
	})
	return found
}

// The tree that is drawn is the tree that answers.
func TestDraw(t *testing.T) {
	s, p, _ := serve(&site.Snapshot{})
	root := p.draw()
	for path, want := range map[string]outline.Node{
		"":         {Name: "", Href: "/", Kind: "overview.Page", About: "this page", Methods: "GET"},
		"hello":    {Name: "hello", Href: "/hello", Kind: "overview.hello", About: "answers at once", Methods: "GET", State: "well"},
		"greet":    {Name: "greet", Href: "/greet/Ada", Kind: "overview.greet", About: "makes its children"},
		"greet/*":  {Name: "‹name›", Href: "/greet/Ada", Kind: "resource.Data", Methods: "GET", Open: true},
		"data":     {Name: "data", Href: "/data/", Kind: "resource.Data", About: "a few bytes", Methods: "GET"},
		"in/front": {Name: "in/front", Href: "/in/front", Kind: "overview.hello", About: "answers at once", Methods: "GET", State: "ready"},
	} {
		got := find(root, path)
		if got.Name != want.Name || got.Href != want.Href || got.Kind != want.Kind || got.About != want.About ||
			got.Methods != want.Methods || got.Open != want.Open || got.State != want.State {
			t.Errorf("%q: got %+v\nwant %+v", path, got, want)
		}
	}
	nodes := 0
	root.Each(func(n outline.Node) {
		nodes++
		if n.Path != "events" && s.Get(n.Href).Status != 200 {
			t.Errorf("%s does not answer", n.Href)
		}
	})
	if p.panel.hits.Len() != nodes {
		t.Errorf("%d nodes are watched, %d are drawn", p.panel.hits.Len(), nodes)
	}
}

func TestPage(t *testing.T) {
	s, p, _ := serve(&site.Snapshot{})
	r := s.Do("GET", "/", protocol.Fields{{Name: "Host", Value: "<script>alert(1)</script>"}}, nil)
	if r.Status != 200 || r.Field("Content-Type") != "text/html; charset=utf-8" || r.Field("Content-Security-Policy") != Policy {
		t.Fatalf("%d, %v", r.Status, r.Fields)
	}
	page := string(r.Body)
	for _, want := range []string{`<a class="node" href="/hello" data-path="hello">`, `<a class="node open" href="/greet/Ada" data-path="greet/*">`,
		`<span class="how">well</span>`, `<span class="how" hidden></span>`, "prefers-color-scheme: dark", `new EventSource("/events")`,
		"the &lt;last&gt; line", "One loop is turning"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, not := range []string{"ZgotmplZ", "<no value>", "<script>alert", "src=\"http", "@import", "url(http"} {
		if strings.Contains(page, not) {
			t.Errorf("%q is on the page", not)
		}
	}
	Join([]*Panel{p.panel, p.panel})
	if r := s.Get("/"); !strings.Contains(string(r.Body), "2 loops are turning here") {
		t.Error("it does not say how many loops there are")
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
	s, p, h := serve(&snapshot)
	x := s.Start("GET", "/events", nil, nil)
	if x.Status != 200 || x.Field("Content-Type") != "text/event-stream" {
		t.Fatalf("%d, %v", x.Status, x.Fields)
	}
	p.panel.hits.Take()
	for range 3 {
		s.Get("/hello")
	}
	s.Get("/greet/Bob")
	s.Get("/nowhere")
	s.Get("/in/front")
	s.Loop.Advance(beatEvery)
	s.Loop.Advance(time.Second)
	h.state = "ill"
	s.Loop.Advance(time.Second)
	names, data := readEvents(t, x.Body)
	if want := []string{"past", "now", "hit", "state", "now", "state", "now"}; !slices.Equal(names, want) {
		t.Fatalf("events are %q, want %q", names, want)
	}
	if data[0] != "[2,7]" || data[2] != `{"greet/*":1,"hello":3,"in/front":1}` {
		t.Errorf("past is %s, hits are %s", data[0], data[2])
	}
	if data[3] != `{"hello":"well","in/front":"ready"}` || data[5] != `{"hello":"ill"}` {
		t.Errorf("states are %s, then %s", data[3], data[5])
	}
	var now figures
	if err := json.Unmarshal([]byte(data[6]), &now); err != nil {
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
	s, page, _ := serve(a)
	other, second, _ := serve(b)
	p := page.panel
	Join([]*Panel{p, second.panel})
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
	_, page, _ := serve(&site.Snapshot{})
	p := page.panel
	for path, want := range map[string]string{"/": "", "/hello": "hello", "/hello/": "hello", "/hello/x/y": "hello",
		"/greet/Ada": "greet/*", "/greet/Ada/x": "greet/*", "/greet": "greet", "/data/x": "data"} {
		p.hits.Take()
		p.hits.Count([]byte(path))
		if got := p.hits.Take(); len(got) != 1 || got[want] != 1 {
			t.Errorf("%s counts at %v, want %q", path, got, want)
		}
	}
	for _, path := range []string{"/nope", "/nope/x", "*", ""} {
		p.hits.Take()
		p.hits.Count([]byte(path))
		if got := p.hits.Take(); len(got) != 0 && path != "" {
			t.Errorf("%s counts at %v", path, got)
		}
	}
	path := []byte("/greet/Ada")
	if n := testing.AllocsPerRun(100, func() { p.hits.Count(path) }); n != 0 {
		t.Errorf("%v allocations to count a request, want none", n)
	}
}

func TestStats(t *testing.T) {
	s, _, _ := serve(&site.Snapshot{Uptime: time.Second, Counters: site.Counters{Requests: 5}})
	r := s.Get("/stats")
	var got site.Snapshot
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatal(err)
	}
	if r.Status != 200 || got.Requests != 5 || got.Uptime != time.Second {
		t.Errorf("%d: %s", r.Status, r.Body)
	}
}

// The reactor does not wait for readers when it stops.
func TestReadersEndWithTheReactor(t *testing.T) {
	s, _, _ := serve(&site.Snapshot{})
	x := s.Start("GET", "/events", nil, nil)
	if !s.Loop.Fire(reactor.Shutdown, nil) {
		t.Error("the shutdown waits")
	}
	if !x.Done {
		t.Error("the stream goes on")
	}
}
