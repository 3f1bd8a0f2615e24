//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// This file looks into a program while it runs, as the dashboard shows it: the tree, the way
// of a request, what holds the loop, goroutines, connections; and stops and starts it.

const insightMain = `package main

import (
	"log"
	"log/slog"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/site"
)

type notes struct{ resource.Leaf }

func (notes) About() string { return "all <notes>" }
func (notes) RenderGET(r *resource.Request) ([]byte, error) {
	slog.Debug("the notes are asked for")
	return r.JSON(map[string]string{"mark": r.Field("X-Spindle-Watch")})
}

type later struct{ resource.Leaf }

func (later) RenderGET(r *resource.Request) ([]byte, error) {
	r.Loop().CallLater(30*time.Millisecond, func() { r.Answer([]byte("at last"), nil) })
	return nil, resource.NotDoneYet
}

type busy struct{ resource.Leaf }

func (busy) RenderGET(*resource.Request) ([]byte, error) { return holdTheLoop() }

func holdTheLoop() ([]byte, error) {
	time.Sleep(230 * time.Millisecond)
	return []byte("done"), nil
}

func waitForNothing() { select {} }

func main() {
	root, api := new(resource.Tree), new(resource.Tree)
	root.PutChild("api", api)
	api.PutChild("notes", notes{})
	api.PutChild("later", later{})
	root.PutChild("busy", busy{})
	root.PutChild("ticks", events.New(reactor.Default()))
	for range 25 {
		go waitForNothing()
	}
	reactor.ListenTCP(8080, site.New(root))
	log.Fatal(reactor.Run())
}
`

func TestDashboardLooksIntoAProgram(t *testing.T) {
	d := startDashOf(t, map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": insightMain})
	b := openChromium(t, d.url+"/__spindle__/#tree")
	b.as(1380, 1000, "light", false)

	// The tree, and a request that runs down it.
	b.until("document.querySelectorAll('#tree .node').length === 6 && document.querySelectorAll('#tree .tree > svg path').length >= 5")
	if b.eval("document.querySelectorAll('#tree notes').length") != "0" || !strings.Contains(b.eval("document.querySelector('[data-path=\"api/notes\"]').textContent"), "all <notes>") {
		t.Error("what a resource says of itself is not what is shown")
	}
	b.until("!!spindle.state()") // it is told of requests from then on
	r, err := http.NewRequest("GET", d.url+"/api/notes", nil)
	must(t, err)
	r.Header.Set("X-Spindle-Watch", "forged.1")
	if a, err := d.client.Do(r); err != nil || a.StatusCode != 200 {
		t.Fatal(a, err)
	} else {
		var got struct{ Mark string }
		must(t, json.NewDecoder(a.Body).Decode(&got))
		_ = a.Body.Close()
		if got.Mark != "" {
			t.Errorf("the program sees the mark %q", got.Mark)
		}
	}
	b.until("document.querySelector('[data-path=\"api/notes\"] .hits').textContent === '×1'")
	look(b, "tree")

	// The way of that request, and of one that is answered later.
	d.get("/api/later")
	for target, want := range map[string]string{"/api/notes": "read, parsed|/|/api|/notes|render|write|to the kernel", "/api/later": "read, parsed|/|/api|/later|render|until it answers|write|to the kernel"} {
		b.eval(fmt.Sprintf("location.hash = '#request-%d'", d.last(target).ID))
		b.until("document.getElementById('d-title').textContent.includes(" + quoteJS(target) + ") && document.querySelectorAll('#d-fall .fall-group').length === 2")
		got := b.eval("[...document.querySelectorAll('#d-fall .fall-group:last-child .fall-label')].map(x => x.firstChild.textContent).join('|')")
		if got != want {
			t.Errorf("the way of %s is %s", target, got)
		}
		if b.eval("[...document.querySelectorAll('#d-fall .fall-figure')].slice(1).every(x => /^[0-9.]+ (µs|ms)$/.test(x.textContent))") != "true" {
			t.Errorf("the figures of %s: %s", target, b.eval("document.getElementById('d-fall').textContent"))
		}
	}
	look(b, "way")
	b.as(390, 844, "dark", true)
	look(b, "way-phone")
	b.as(1380, 1000, "light", false)
	b.eval("document.getElementById('d-close').click(); location.hash = '#program'")

	// What holds the loop, the connections, and what the goroutines do.
	stream, err := d.client.Get(d.url + "/ticks")
	must(t, err)
	defer stream.Body.Close()
	d.get("/busy")
	b.until("document.querySelectorAll('#slow details').length === 1 && document.querySelector('#slow summary').textContent.includes('holdTheLoop') && document.querySelector('#slow b').textContent.startsWith('≈')")
	b.until("[...document.querySelectorAll('#connections tr')].filter(r => r.textContent.includes('Event streams')).length === 2")
	b.until("Number(document.querySelector('#g-goroutines b').textContent) >= 25 && !document.getElementById('g-lag').hidden && document.querySelector('#g-heap b').textContent.includes('B')")
	b.eval("document.getElementById('dump').click()")
	b.until("document.querySelector('#goroutines details.own summary')?.textContent.includes('25 ×')")
	b.eval("const f = document.getElementById('dump-find'); f.value = 'waitfornothing'; f.dispatchEvent(new Event('input'))")
	b.until("document.querySelectorAll('#goroutines details').length === 1")
	look(b, "program")
	b.as(390, 844, "light", true)
	look(b, "program-phone")
	if got := b.eval("document.documentElement.scrollWidth"); got != "390" {
		t.Errorf("on a phone the page is %s wide", got)
	}
	b.as(1380, 1000, "dark", false)
	look(b, "program-dark")

	// The level of the log.
	b.until("document.getElementById('level').value === 'INFO'")
	b.eval("const l = document.getElementById('level'); l.value = 'DEBUG'; l.dispatchEvent(new Event('change'))")
	d.until("/__spindle__/dash/level", `{"level":"DEBUG","of":"program"}`)
	d.get("/api/notes")
	b.until("document.getElementById('log').textContent.includes('the notes are asked for')")

	// Stopped by hand, and started.
	b.press("s")
	b.until("document.getElementById('phase').textContent.includes('Stopped')")
	if status, text := d.get("/api/notes"); status != 503 || !strings.Contains(text, "stopped by hand") {
		t.Errorf("while it is stopped: %d %s", status, text)
	}
	d.write("main.go", insightMain+"\n// saved\n")
	d.await("built", 2)
	if b.eval("document.getElementById('stop').textContent.trim().startsWith('Start')") != "true" {
		t.Error("a save has started it")
	}
	b.press("s")
	d.await("ready", 2)
	b.until("document.getElementById('phase').textContent.includes('Running')")
	if status, _ := d.get("/api/notes"); status != 200 {
		t.Errorf("after the start: %d", status)
	}
	for _, name := range []string{"stop", "start", "editor", "gc", "goroutines", "level?to=INFO"} {
		if status, _ := d.post("/__spindle__/dash/"+name, "", nil); status != 403 {
			t.Errorf("%s without the token: %d", name, status)
		}
	}
}
