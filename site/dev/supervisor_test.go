package dev

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// fake is a target whose generations do what a test says.
type fake struct {
	dir     string
	made    []*reactor.Deferred[starter]
	started []*fakeGeneration
	single  bool
	given   int
}

func (f *fake) describe() string { return "fake" }
func (f *fake) root() string     { return f.dir }
func (f *fake) watch() Watch     { return Watch{Trees: []string{f.dir}} }
func (f *fake) judge(path string) Action {
	if filepath.Ext(path) == ".go" {
		return Rebuild
	}
	return Ignore
}
func (f *fake) changed([]Change) {}
func (f *fake) cancel() {
	f.given++
	if n := len(f.made); n > 0 && !f.made[n-1].Settled() {
		f.made[n-1].Errback(errGivenUp)
	}
}

func (f *fake) make() *reactor.Deferred[starter] {
	d := reactor.NewDeferred[starter]()
	f.made = append(f.made, d)
	return d
}

// built ends the newest build well.
func (f *fake) built() {
	f.made[len(f.made)-1].Callback(starter{start: func(n int) (generation, error) {
		g := &fakeGeneration{f: f, n: n, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
		f.started = append(f.started, g)
		return g, nil
	}})
}

func (f *fake) last() *fakeGeneration { return f.started[len(f.started)-1] }

type fakeGeneration struct {
	f       *fake
	n       int
	rootd   *reactor.Deferred[resource.Resource]
	ended   *reactor.Deferred[string]
	stopped bool
}

func (g *fakeGeneration) ready() *reactor.Deferred[resource.Resource] { return g.rootd }
func (g *fakeGeneration) over() *reactor.Deferred[string]             { return g.ended }
func (g *fakeGeneration) alone() bool                                 { return g.f.single }
func (g *fakeGeneration) words() string                               { return "panic: oh dear\n" }
func (g *fakeGeneration) pid() int                                    { return 100 + g.n }
func (g *fakeGeneration) stop(time.Duration) {
	g.stopped = true
	if g.f.single && !g.ended.Settled() {
		g.ended.Callback("exit status 0")
	}
}

// is has the generation answer with its text.
func (g *fakeGeneration) is(text string) { g.rootd.Callback(answer(text)) }

type answer string

func (answer) Child(string, *resource.Request) resource.Resource { return nil }
func (answer) IsLeaf() bool                                      { return true }
func (a answer) Render(r *resource.Request) ([]byte, error)      { return r.HTML(string(a)) }

// memory is a supervisor of a fake, in memory.
type memory struct {
	*resourcetest.Server
	s    *Supervisor
	f    *fake
	told []Event
}

func supervised(t *testing.T) *memory {
	t.Helper()
	m := &memory{Server: resourcetest.New(nil), f: &fake{dir: t.TempDir()}}
	t.Cleanup(m.Loop.Close)
	m.s = &Supervisor{loop: m.Loop, target: m.f, base: t.TempDir(), commands: map[string]*command{}}
	m.s.begin()
	m.Root = m.s.Root()
	m.s.Listen(func(e Event) { m.told = append(m.told, e) })
	m.s.make()
	return m
}

// turn runs the loop until nothing is left to do.
func (m *memory) turn() { m.Loop.Run() }

// ask sends a request with fields, in pairs.
func (m *memory) ask(method, target string, fields ...string) *resourcetest.Exchange {
	list := protocol.Fields{{Name: "Host", Value: "localhost:8080"}}
	for i := 0; i < len(fields); i += 2 {
		list.Set(fields[i], fields[i+1])
	}
	return m.Start(method, target, list, nil)
}

// get is the content of an answer.
func (m *memory) get(target string) string {
	x := m.ask("GET", target)
	x.Wait()
	return string(x.Body)
}

// serve has the newest build end well, and its program answer with text.
func (m *memory) serve(text string) {
	m.f.built()
	m.turn()
	m.f.last().is(text)
	m.turn()
}

// save has a source changed.
func (m *memory) save() { m.s.onChanges([]Change{{Path: filepath.Join(m.f.dir, "a.go")}}) }

func TestSupervisorHandsOver(t *testing.T) {
	m := supervised(t)
	first := m.ask("GET", "/")
	if first.Done {
		t.Fatal("answered by nobody")
	}
	m.f.built()
	m.turn()
	if first.Done {
		t.Fatal("answered before the program is ready")
	}
	m.f.last().is("one")
	m.turn()
	if string(first.Body) != "one" {
		t.Fatalf("the request that waited got %q", first.Body)
	}
	m.save()
	m.f.built()
	m.turn()
	if got := m.get("/"); got != "one" {
		t.Fatalf("%q while the new one starts", got)
	}
	m.f.last().is("two")
	m.turn()
	if got := m.get("/"); got != "two" || !m.f.started[0].stopped {
		t.Fatalf("%q; the old one was asked to end: %v", got, m.f.started[0].stopped)
	}
}

func TestSupervisorKeepsWhatWorks(t *testing.T) {
	m := supervised(t)
	m.serve("one")

	m.save()
	m.f.made[len(m.f.made)-1].Errback(&Failure{Stage: "build", Title: "The build failed"})
	m.turn()
	if got := m.get("/"); got != "one" || m.s.Failure() == nil {
		t.Fatalf("%q after a failed build", got)
	}

	m.save()
	m.f.built()
	m.turn()
	m.f.last().rootd.Errback(errors.New("dev: the program ended: exit status 1"))
	m.turn()
	if f := m.s.Failure(); m.get("/") != "one" || f == nil || f.Stage != "start" || f.Title != "The program ended: exit status 1" {
		t.Fatalf("%q after a failed start: %+v", m.get("/"), f)
	}

	m.save()
	m.serve("three")
	if got := m.get("/"); got != "three" || m.s.Failure() != nil {
		t.Fatalf("%q, %v after a good one", got, m.s.Failure())
	}
	for _, kind := range []string{EventChange, EventBuild, EventBuilt, EventFailed, EventStart, EventReady} {
		if !strings.Contains(kinds(m.told), kind) {
			t.Errorf("nothing was told of %s: %s", kind, kinds(m.told))
		}
	}
}

func kinds(list []Event) (text string) {
	for _, e := range list {
		text += e.Kind + " "
	}
	return text
}

func TestSupervisorGivesUpWhatIsOld(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	m.save()
	m.f.built()
	m.turn()
	slow := m.f.last()
	m.save()
	m.serve("three")
	if !slow.stopped {
		t.Error("a generation that nobody wants any more goes on starting")
	}
	settleWith(slow.rootd, resource.Resource(answer("two")), nil)
	m.turn()
	if got := m.get("/"); got != "three" {
		t.Error(got)
	}
}

func TestSupervisorShowsWhyNothingRuns(t *testing.T) {
	m := supervised(t)
	path := write(t, m.f.dir, "main.go", "package main\n\nfunc main() {\n\tx <y>\n}\n")
	m.f.made[0].Errback(&Failure{Stage: "build", Title: "The build failed", Faults: []Fault{
		{File: path, Line: 4, Column: 2, Message: "undefined: x <script>", Mend: "define it"}}})
	m.turn()
	for accept, wants := range map[string][]string{
		"text/html":        {"<!doctype html>", "undefined: x &lt;script&gt;", "x &lt;y&gt;", "define it", "live.js", `data-line="4"`},
		"application/json": {`"message":"undefined: x`, `"path":"main.go"`, `"first":1`},
		"*/*":              {"main.go:4:2: undefined: x <script>", "mend: define it", ">    4 |"},
	} {
		x := m.ask("GET", "/", "Accept", accept)
		x.Wait()
		if x.Status != 500 {
			t.Errorf("%s: status %d", accept, x.Status)
		}
		for _, want := range wants {
			if !strings.Contains(string(x.Body), want) {
				t.Errorf("%s: no %q in\n%s", accept, want, x.Body)
			}
		}
		if accept == "text/html" && strings.Contains(string(x.Body), "<script>") {
			t.Error("a message is not escaped")
		}
	}
}

func TestSupervisorOneAtATime(t *testing.T) {
	m := supervised(t)
	m.f.single = true
	m.serve("one")
	m.save()
	m.f.built()
	m.turn()
	if len(m.f.started) != 2 || !m.f.started[0].stopped {
		t.Fatal("the old one is to end before the new one starts")
	}
	m.f.last().rootd.Errback(errors.New("no"))
	m.turn()
	if len(m.f.started) != 3 {
		t.Fatal("the one that worked is to be started again")
	}
	m.f.last().is("one again")
	m.turn()
	if got := m.get("/"); got != "one again" || m.s.Failure() == nil {
		t.Errorf("%q, %v", got, m.s.Failure())
	}
}

func TestSupervisorCrash(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	m.f.last().ended.Callback("exit status 2")
	m.turn()
	x := m.ask("GET", "/")
	x.Wait()
	if x.Status != 500 || !strings.Contains(string(x.Body), "panic: oh dear") || !strings.Contains(kinds(m.told), EventExit) {
		t.Errorf("%d %s", x.Status, x.Body)
	}
	m.s.Restart()
	m.turn()
	m.f.last().is("two")
	m.turn()
	if got := m.get("/"); got != "two" {
		t.Error(got)
	}
	m.Loop.Advance(time.Minute)
	n := len(m.f.started)
	m.f.last().ended.Callback("signal: killed")
	m.turn()
	m.Loop.Advance(10 * time.Second)
	if len(m.f.started) != n+1 {
		t.Error("one that had been at work for a while is not started again")
	}
}

// What was made is made again when somebody has removed it.
func TestSupervisorMakesAgainWhatIsGone(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	m.s.made.path = filepath.Join(t.TempDir(), "none")
	m.s.Restart()
	m.turn()
	if !m.s.making {
		t.Error("it is not made again")
	}
	m.serve("two")
	if got := m.get("/"); got != "two" {
		t.Errorf("%q", got)
	}
}

// A directory of pages that is gone is told of, in place of what it held, and comes back.
func TestDirectoryIsGone(t *testing.T) {
	m := supervised(t)
	dir := filepath.Join(t.TempDir(), "pages")
	write(t, dir, "index.html", "x")
	m.s.opts.App = func(reactor.Loop, int) (App, error) { return App{Root: answer("pages")}, nil }
	m.s.target = &dirTarget{s: m.s, dir: dir}
	page := []Change{{Path: filepath.Join(dir, "index.html")}}
	m.s.make()
	m.turn()
	if got := m.get("/"); got != "pages" {
		t.Fatalf("%q", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	m.s.onChanges(page)
	m.turn()
	if f := m.s.failure; f == nil || !strings.Contains(f.Title, "pages is gone") || f.Faults[0].Mend == "" {
		t.Errorf("%+v", f)
	}
	if got := m.get("/"); !strings.Contains(got, "pages is gone") {
		t.Errorf("%q", got)
	}
	write(t, dir, "index.html", "x")
	m.s.onChanges(page)
	m.turn()
	if got := m.get("/"); got != "pages" || m.s.failure != nil {
		t.Errorf("%q %v", got, m.s.failure)
	}
	m.told = nil
	m.s.onChanges(page)
	if got := kinds(m.told); strings.Contains(got, "build") {
		t.Error(got)
	}
}

func TestSupervisorPauses(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	m.s.Pause()
	m.save()
	if len(m.f.made) != 1 {
		t.Error("a save was acted on")
	}
	m.s.Resume()
	if len(m.f.made) != 2 {
		t.Error("it was forgotten")
	}
}

func TestRequestsWaitNotForEver(t *testing.T) {
	m := supervised(t)
	x := m.ask("GET", "/")
	m.Loop.Advance(m.s.opts.hold() + time.Second)
	x.Wait()
	if x.Status != 503 {
		t.Errorf("%d", x.Status)
	}
	left := m.ask("GET", "/")
	left.Lose(nil)
	if n := len(m.s.waiting); n != 0 {
		t.Errorf("%d wait who are gone", n)
	}
}

// Parts of a page are asked for anew by browsers, and left as they are for others.
func TestPartsAreAskedForAnew(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	for dest, want := range map[string]string{"style": "no-cache", "image": "no-cache", "empty": "", "": ""} {
		var fields []string
		if dest != "" {
			fields = []string{"Sec-Fetch-Dest", dest}
		}
		x := m.ask("GET", "/a.css", fields...)
		x.Wait()
		if got := x.Field("Cache-Control"); got != want || string(x.Body) != "one" || x.Length != 3 {
			t.Errorf("%q: Cache-Control %q, %q", dest, got, x.Body)
		}
	}
}

// What was recorded is not for others in the network; the script of the pages is.
func TestOthersInTheNetwork(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	m.Peer.IP = netip.MustParseAddr("192.0.2.7")
	for path, want := range map[string]int{"": 403, "tickets/": 403, "restart": 403, "live.js": 200, "page.css": 200} {
		x := m.ask("GET", Prefix+path)
		x.Wait()
		if x.Status != want {
			t.Errorf("%s: %d, not %d", path, x.Status, want)
		}
	}
}

func TestOwnPages(t *testing.T) {
	m := supervised(t)
	m.serve("<!doctype html><html><head></head></html>")
	m.s.opts.Hosts = []string{"mine.example"}
	if x := m.ask("GET", "/", "Host", "evil.example:8080"); !strings.Contains(string(x.Body), `host = ["evil.example"] in spindle.toml`) {
		t.Errorf("%s", x.Body)
	}
	for _, row := range []struct {
		method, path string
		fields       []string
		status       int
	}{
		{"GET", Prefix + "live.js", nil, 200},
		{"GET", Prefix + "live.js", []string{"Host", "evil.example"}, 403},
		{"GET", "/", []string{"Host", "evil.example:8080"}, 403},
		{"GET", "/", []string{"Host", "localhost.evil.example"}, 403},
		{"GET", "/", []string{"Host", "mine.example"}, 200},
		{"GET", "/", []string{"Host", "192.168.1.7:8080"}, 200},
		{"GET", "/", []string{"Host", "App.Localhost.:8080"}, 200},
		{"GET", Prefix + "live.js", []string{"Host", "127.0.0.1:8080"}, 200},
		{"GET", Prefix + "live.js", []string{"Host", "[::1]:8080"}, 200},
		{"GET", Prefix + "live.js", []string{"Host", "app.localhost"}, 200},
		{"POST", Prefix + "restart", nil, 403},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", "guess"}, 403},
		{"POST", Prefix + "open?file=/etc/passwd&line=1", nil, 403},
		{"GET", Prefix + "nothing", nil, 404},
		{"GET", Prefix + "live.js", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors"}, 200},
		{"GET", Prefix + "live.js", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"GET", Prefix + "flights", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, 403},
		{"GET", Prefix, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{"GET", Prefix, []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.token}, 204},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.inPages}, 204},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.inPages, "Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}, 204},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.inPages, "Origin", "http://localhost:3000"}, 403},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.inPages, "Origin", "null"}, 403},
		{"POST", Prefix + "restart", []string{"X-Spindle-Token", m.s.front.token, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403},
		{"POST", Prefix + "open?file=nothing.go", []string{"X-Spindle-Token", m.s.front.inPages}, 422},
		{"POST", Prefix + "dash/clear", []string{"X-Spindle-Token", m.s.front.inPages}, 403},
		{"POST", Prefix + "dash/clear", []string{"X-Spindle-Token", m.s.front.instance}, 403},
		{"POST", Prefix + "dash/clear", []string{"X-Spindle-Token", m.s.front.token}, 204},
	} {
		x := m.ask(row.method, row.path, row.fields...)
		x.Wait()
		if x.Status != row.status {
			t.Errorf("%s %s %v: %d, not %d", row.method, row.path, row.fields, x.Status, row.status)
		}
	}
	if text := m.get(Prefix + "live.js"); strings.Contains(text, m.s.front.token) || !strings.Contains(text, m.s.front.inPages) {
		t.Error("the script has another token than its own")
	}
	page := m.ask("GET", "/", "Sec-Fetch-Dest", "document", "Accept-Encoding", "gzip")
	if !strings.Contains(string(page.Body), "live.js") {
		t.Errorf("no script in %s", page.Body)
	}
	for _, fields := range [][]string{{"Sec-Fetch-Dest", "empty"}, {"Accept", "*/*"}, {"Accept", "text/html", "HX-Request", "true"}, {"Accept", "text/html", "Range", "bytes=0-5"}} {
		if x := m.ask("GET", "/", fields...); strings.Contains(string(x.Body), "live.js") {
			t.Errorf("%v: a script in %s", fields, x.Body)
		}
	}
}
