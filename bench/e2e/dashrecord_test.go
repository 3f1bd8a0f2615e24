//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// This file looks at what a program records of itself while it is developed: the last
// seconds of a request that was slow or has failed, and a profile of one.

const recordMain = `package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

type get func(r *resource.Request) ([]byte, error)

func (get) Child(string, *resource.Request) resource.Resource { return nil }
func (get) IsLeaf() bool                                       { return true }
func (f get) Render(r *resource.Request) ([]byte, error)      { return f(r) }

// lookUp waits as for a database.
func lookUp() (string, error) {
	answer := make(chan string)
	go func() {
		time.Sleep(700 * time.Millisecond)
		answer <- "found"
	}()
	return <-answer, nil
}

func slow(r *resource.Request) ([]byte, error) {
	text, err := lookUp() // on the loop, which is the mistake
	return []byte(text), err
}

func fail(*resource.Request) ([]byte, error) { return nil, errors.New("it can not be done") }

// words is work for the CPU, and for the collector.
func words(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		text, _ := json.Marshal(map[string]any{"n": i, "word": strings.Repeat("spin", i%7)})
		fmt.Fprintln(&b, strings.ToUpper(string(text)))
	}
	return b.Bytes()
}

func work(*resource.Request) ([]byte, error) { return words(60), nil }

func main() {
	root := new(resource.Tree)
	root.PutChild("slow", get(slow))
	root.PutChild("fail", get(fail))
	root.PutChild("work", get(work))
	reactor.ListenTCP(0, site.New(root))
	log.Fatal(reactor.Run())
}
`

// recordedFlights is what is kept.
type recordedFlights struct {
	Off     string
	Flights []struct {
		ID     int
		Target string
		Why    string
		Size   int64
	}
}

func TestDashboardSlowAndProfile(t *testing.T) {
	d := &dashRun{devRun: startDev(t, map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": recordMain}, ".")}
	d.await("ready", 1)
	_, page := d.get("/__spindle__/")
	d.token = regexp.MustCompile(`name="spindle-token" content="([A-Z0-9]+)"`).FindStringSubmatch(page)[1]
	b := openChromium(t, d.url+"/__spindle__/#flights")
	b.as(1380, 1000, "light", false)
	b.until("!!document.querySelector('#flights .nothing') && document.querySelector('#flights .nothing').textContent.includes('Nothing was slow')")
	look(b, "flights-none")
	for range 20 {
		d.get("/work")
	}
	if status, body := d.get("/slow?for=a"); status != 200 || body != "found" {
		t.Fatalf("%d %s", status, body)
	}
	b.until("document.querySelectorAll('#flights .picks li').length === 1 && document.querySelector('#flights .sheet').dataset.ready === '1'")
	text := b.eval("document.querySelector('#flights .sheet').textContent")
	for _, want := range []string{"GET /slow?for=a", "answered after 7", "chan receive", "main.lookUp", "main.go:", "This request: 7", "could have run"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	b.eval("document.querySelector('#flights .waits details').open = true")
	look(b, "flights-light")
	b.as(1380, 1000, "dark", false)
	look(b, "flights-dark")
	b.as(390, 844, "light", true)
	look(b, "flights-phone")
	if got := b.eval("document.documentElement.scrollWidth"); got != "390" {
		t.Errorf("on a phone the page is %s wide", got)
	}
	b.as(1380, 1000, "light", false)
	readTrace(d)

	// A profile, from the page of a request.
	b.eval(fmt.Sprintf("location.hash = 'request-%d'", d.last("/work").ID))
	b.until("document.getElementById('detail').open && !!document.getElementById('d-profile')")
	b.eval("document.getElementById('d-profile').click()")
	b.until("!document.querySelector('main[data-view=profiles]').hidden && !!document.querySelector('#profiles .working')")
	b.until("document.querySelector('#profiles .sheet').dataset.ready === '1' && document.querySelectorAll('#profiles .flame div').length > 5")
	text = b.eval("document.querySelector('#profiles .sheet').textContent")
	for _, want := range []string{"GET /work", "CPU for each", "main.words", "main.go:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	look(b, "profile-light")
	b.eval("[...document.querySelectorAll('#profiles .choice button')].find(x => x.textContent === 'Bytes').click()")
	b.until("document.querySelector('#profiles .costs').textContent.includes('kB')")
	b.eval("[...document.querySelectorAll('#profiles .flame .own')].at(-1).click()")
	b.as(1380, 1000, "dark", false)
	look(b, "profile-dark")
	b.as(390, 844, "light", true)
	look(b, "profile-phone")
	if got := b.eval("document.documentElement.scrollWidth"); got != "390" {
		t.Errorf("on a phone the page is %s wide", got)
	}
	for _, name := range []string{"cpu.pprof", "allocs.pprof"} {
		path := filepath.Join(t.TempDir(), name)
		_, body := d.get("/__spindle__/profiles/1/" + name)
		must(t, os.WriteFile(path, []byte(body), 0o600))
		out, err := exec.CommandContext(patience(t), "go", "tool", "pprof", "-top", path).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "main.words") {
			t.Errorf("%s: %v %.2000s", name, err, out)
		}
	}
	if status, _ := d.post("/__spindle__/profiles?request=1", "", nil); status != http.StatusForbidden {
		t.Errorf("without the token: %d", status)
	}
}

// readTrace reads what was kept as go tool trace does.
func readTrace(d *dashRun) {
	d.Helper()
	d.get("/fail")
	var all recordedFlights
	_, text := d.get("/__spindle__/flights")
	must(d.T, json.Unmarshal([]byte(text), &all))
	if len(all.Flights) == 0 || all.Off != "" || all.Flights[0].Size == 0 {
		d.Fatalf("%s", text)
	}
	_, body := d.get("/__spindle__/flights/1/trace.out")
	path := filepath.Join(d.TempDir(), "trace.out")
	must(d.T, os.WriteFile(path, []byte(body), 0o600))
	out, err := exec.CommandContext(patience(d.T), "go", "tool", "trace", "-d=parsed", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `Type="GET /slow"`) {
		d.Errorf("%v %.2000s", err, out)
	}
}
