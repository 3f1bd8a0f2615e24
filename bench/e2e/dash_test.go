//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file looks at the dashboard of spindle dev as somebody does who writes a program:
// requests come, one fails, is sent again to the mended program, and compared. With
// SPINDLE_SHOTS set to a directory, what it saw is left there.

const dashMain = `package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const version = "one"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Notes</title><h1>Notes</h1>")
	})
	http.HandleFunc("/notes", func(w http.ResponseWriter, r *http.Request) {
		var note struct{ Text string }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &note); err != nil {
			fmt.Fprintf(os.Stderr, "\x1b[31mERROR\x1b[0m %s: <%v>\n", r.URL.Path, err)
			http.Error(w, err.Error(), 400)
			return
		}
		if version == "one" && note.Text == "boom" {
			fmt.Fprintln(os.Stderr, "\x1b[31mERROR\x1b[0m a note that can not be kept: boom")
			http.Error(w, "can not keep this", 500)
			return
		}
		fmt.Printf("\x1b[32mINFO\x1b[0m kept a note of %d bytes, session %q\n", len(note.Text), r.Header.Get("Cookie"))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "seen=secret-of-the-answer; Path=/")
		w.WriteHeader(201)
		_ = json.NewEncoder(w).Encode(map[string]any{"text": note.Text, "version": version, "cookie": r.Header.Get("Cookie") == "session=secret", "lines": []int{1, 2, 3}})
	})
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(600 * time.Millisecond)
		fmt.Fprint(w, "at last")
	})
	http.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	http.HandleFunc("/favicon.ico", http.NotFound)
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

// dashRun is a spindle dev whose dashboard is looked at.
type dashRun struct {
	*devRun
	token string
}

func startDash(t *testing.T) *dashRun {
	t.Helper()
	return startDashOf(t, map[string]string{"go.mod": netHTTPMod, "main.go": dashMain})
}

// startDashOf runs the program that consists of these files.
func startDashOf(t *testing.T, files map[string]string) *dashRun {
	t.Helper()
	d := &dashRun{devRun: startDev(t, files, ".")}
	d.await("ready", 1)
	_, page := d.get("/__spindle__/")
	m := regexp.MustCompile(`name="spindle-token" content="([A-Z0-9]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no token: %.500s", page)
	}
	d.token = m[1]
	return d
}

// post sends a request to the program, or with a token to the dashboard.
func (d *dashRun) post(path, token string, body []byte, fields ...string) (status int, text string) {
	d.Helper()
	r, err := http.NewRequest("POST", d.url+path, bytes.NewReader(body))
	must(d.T, err)
	if token != "" {
		r.Header.Set("X-Spindle-Token", token)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	a, err := d.client.Do(r)
	must(d.T, err)
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	must(d.T, err)
	return a.StatusCode, string(got)
}

type dashListed struct {
	ID, Again int64
	Method    string
	Target    string
	Status    int
	Gen       int
}

// last is the newest request for a target.
func (d *dashRun) last(target string) (x dashListed) {
	d.Helper()
	var all struct{ Requests []dashListed }
	_, text := d.get("/__spindle__/dash/state")
	must(d.T, json.Unmarshal([]byte(text), &all))
	for _, r := range all.Requests {
		if r.Target == target {
			x = r
		}
	}
	if x.ID == 0 {
		d.Fatalf("no request for %s in %s", target, text)
	}
	return x
}

func TestDashboardRecords(t *testing.T) {
	t.Parallel()
	d := startDash(t)
	status, _ := d.post("/notes?a=1", "", []byte(`{"Text":"hello"}`), "Cookie", "session=secret", "Authorization", "Bearer secret", "Content-Type", "application/json")
	if status != 201 {
		t.Fatalf("status %d", status)
	}
	x := d.last("/notes?a=1")
	_, text := d.get(fmt.Sprintf("/__spindle__/requests/%d", x.ID))
	if strings.Contains(text, "secret") || !strings.Contains(text, "[masked]") || !strings.Contains(text, "hello") {
		t.Errorf("the record is %s", text)
	}
	send := fmt.Sprintf("/__spindle__/requests/%d/send", x.ID)
	if status, _ := d.post(send, "", nil); status != 403 {
		t.Errorf("without the token: %d", status)
	}
	status, text = d.post(send, d.token, nil)
	var sent struct{ ID int64 }
	if status != 200 || json.Unmarshal([]byte(text), &sent) != nil || sent.ID <= x.ID {
		t.Fatalf("sent again: %d %s", status, text)
	}
	_, text = d.get(fmt.Sprintf("/__spindle__/requests/%d", sent.ID))
	if !strings.Contains(text, `\"cookie\": true`) || strings.Contains(text, "secret") || strings.Contains(text, `"op":"+"`) {
		t.Errorf("the cookie was not sent again, or is shown, or the answer differs: %s", text)
	}
	for _, target := range []string{"http://example.org/", "/__spindle__/dash/clear", "/a b", ""} {
		edited, _ := json.Marshal(map[string]string{"method": "GET", "target": target})
		if status, text := d.post(send, d.token, edited); status != 422 {
			t.Errorf("%q was sent: %d %s", target, status, text)
		}
	}
	big := bytes.Repeat([]byte("x"), 3<<20)
	if _, text := d.post("/big", "", big); text != fmt.Sprint(len(big)) {
		t.Errorf("of a large content %s bytes came", text)
	}
	x = d.last("/big")
	if status, text := d.post(fmt.Sprintf("/__spindle__/requests/%d/send", x.ID), d.token, nil); status != 422 || !strings.Contains(text, "too large") {
		t.Errorf("%d %s", status, text)
	}
	// One that is sent after each save, with no page open.
	d.post("/notes?later", "", []byte(`{"Text":"boom"}`), "Content-Type", "application/json")
	if status, text := d.post(fmt.Sprintf("/__spindle__/repeats?request=%d", d.last("/notes?later").ID), d.token, nil); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for i, row := range []struct{ program, said string }{{dashMain + "\n// saved\n", "still 500"}, {strings.Replace(dashMain, `"one"`, `"two"`, 1), "201 Created, it passes now"}} {
		d.write("main.go", row.program)
		d.await("ready", i+2)
		d.await("notice", i+1)
		if d.seen(func(e devEvent) bool { return e.Event == "notice" && strings.Contains(e.Text, row.said) }) != 1 {
			t.Errorf("it is not said that it is %s", row.said)
		}
	}
	for _, name := range []string{"pause", "resume", "clear"} {
		if status, _ := d.post("/__spindle__/dash/"+name, "", nil); status != 403 {
			t.Errorf("%s without the token: %d", name, status)
		}
		if status, _ := d.post("/__spindle__/dash/"+name, d.token, nil); status != 204 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// look leaves a screenshot, if anybody wants it, when what moves has come to rest.
func look(b *browser, name string) {
	b.Helper()
	b.until("document.getAnimations().every(a => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)")
	keepShot(b.T, "dash-"+name+".png", b.screenshot())
}

func (b *browser) press(key string) {
	b.Helper()
	b.eval("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: " + quoteJS(key) + ", bubbles: true, cancelable: true}))")
}

func TestDashboardInChromium(t *testing.T) {
	t.Parallel()
	d := startDash(t)
	b := openChromium(t, d.url+"/__spindle__/")
	b.as(1380, 1000, "light", false)
	b.until("document.getElementById('phase').dataset.phase === 'running'")

	for i := range 24 {
		d.post("/notes", "", []byte(fmt.Sprintf(`{"Text":"note %d"}`, i)), "Content-Type", "application/json")
		d.get(fmt.Sprintf("/?page=%d", i))
		if i%8 == 3 {
			d.post("/notes", "", []byte(`{oops`))
		}
	}
	d.get("/slow")
	d.post("/notes?x=<b>1</b>", "", []byte(`{"Text":"boom"}`), "Content-Type", "application/json", "Cookie", "session=secret")
	b.until("document.querySelectorAll('#requests tr.s5').length === 1")
	b.until("document.querySelectorAll('#log .a31').length >= 2")
	b.until("document.getElementById('errors').textContent === '1'")
	if b.eval("document.querySelectorAll('#requests b').length + document.querySelectorAll('#log b').length") != "0" {
		t.Error("what a request says becomes markup")
	}
	look(b, "wide-light")
	b.as(1380, 1000, "dark", false)
	look(b, "wide-dark")
	b.as(390, 844, "light", true)
	look(b, "phone-light")
	if got := b.eval("document.documentElement.scrollWidth"); got != "390" {
		t.Errorf("on a phone the page is %s wide", got)
	}
	b.as(1380, 1000, "light", false)

	// The keys.
	b.press("/")
	b.until("document.activeElement.id === 'filter'")
	b.eval("const f = document.getElementById('filter'); f.value = '5xx'; f.dispatchEvent(new Event('input'))")
	b.until("document.querySelectorAll('#requests tr').length === 1")
	b.press("Escape")
	b.until("document.querySelectorAll('#requests tr').length > 20")
	b.press("Escape")

	// The failed request, sent again to the mended program.
	b.eval("document.querySelector('#requests tr.s5').click()")
	b.until("document.getElementById('detail').open && document.querySelectorAll('#d-body .part').length === 3 && !!document.getElementById('d-fall')")
	if text := b.eval("document.getElementById('detail').textContent"); strings.Contains(text, "secret") || !strings.Contains(text, "can not keep this") {
		t.Errorf("the page of the request says %s", text)
	}
	look(b, "request")
	d.write("main.go", strings.Replace(dashMain, `version = "one"`, `version = "two"`, 1))
	d.await("ready", 2)
	b.eval("document.getElementById('d-send').click()")
	b.until("document.querySelectorAll('.diff .add').length > 0 && document.querySelectorAll('.diff .del').length > 0")
	b.until("document.getElementById('d-status').textContent === '201 Created'")
	look(b, "diff")
	b.eval("document.getElementById('d-edit').click(); document.getElementById('e-body').value = '{\"Text\":\"edited\"}'")
	look(b, "edit")
	b.eval("document.getElementById('e-send').click()")
	b.until("document.getElementById('d-body').textContent.includes('\"text\": \"edited\"')")
	b.eval("document.getElementById('d-curl').click()")
	b.until("document.getElementById('d-said').textContent !== ''")
	b.eval("document.getElementById('d-close').click()")
	b.until("!document.getElementById('detail').open && location.hash === ''")

	// One that is sent after each save, until it passes.
	d.post("/notes?again", "", []byte(`{"Text":"later"}`), "Content-Type", "application/json")
	const later = `version != "%s" && note.Text == "later"`
	mended := func(v string) string {
		return strings.Replace(strings.Replace(dashMain, `version = "one"`, `version = "`+v+`"`, 1), `version == "one" && note.Text == "boom"`, fmt.Sprintf(later, "four"), 1)
	}
	d.write("main.go", mended("three"))
	d.await("ready", 3)
	b.until("document.querySelector('#requests tr .target').textContent === '/notes?again'")
	b.eval("document.querySelector('#requests tr').click()")
	b.until("document.getElementById('detail').open && !!document.getElementById('d-each')")
	b.eval("document.getElementById('d-each').click()")
	d.write("main.go", mended("three")+"\n// saved\n")
	b.until("document.getElementById('d-said').textContent.startsWith('Not yet')")
	d.await("ready", 4)
	d.write("main.go", mended("four"))
	b.until("document.getElementById('d-said').textContent === 'It passes.'")
	b.as(390, 844, "dark", true)
	look(b, "phone-request")
	b.as(1380, 1000, "light", false)
	b.eval("document.getElementById('d-close').click()")

	// A build that fails, and one that works again.
	d.write("main.go", strings.Replace(dashMain, "fmt.Fprint(w, n)", "fmt.Fprint(w, nn)", 1))
	d.await("failed", 1)
	b.until("!document.getElementById('failed').hidden")
	b.eval("document.getElementById('failed-show').click()")
	b.until("document.querySelectorAll('#failed-page .fault').length > 0")
	look(b, "failed")
	d.write("main.go", dashMain)
	d.await("ready", 6)
	b.until("document.getElementById('failed').hidden && document.getElementById('phase').textContent.includes('generation 6')")
	b.press("p")
	b.until("document.getElementById('phase').textContent.includes('Paused')")
	b.press("p")
	b.until("document.getElementById('phase').textContent.includes('Running')")
	b.press("r")
	d.await("ready", 7)
	b.press("c")
	b.until("document.querySelectorAll('#requests tr').length === 0")
}

// TestDashboardUnderLoad has 1,000 requests come in a second, or as many as do, and the page
// keep up. It tells what the dashboard costs the server, without and with a page that shows it.
func TestDashboardUnderLoad(t *testing.T) {
	d := startDash(t)
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	n := 0
	load := func() (share float64) {
		cpu, began := processorTime(t, d.cmd.Process.Pid), time.Now()
		for first := n; time.Since(began) < 4*time.Second; {
			a, err := client.Get(d.url + "/?n=" + fmt.Sprint(n))
			must(t, err)
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
			if n++; n%10 == 0 {
				time.Sleep(time.Until(began.Add(time.Duration(n-first) * time.Millisecond))) // no more than 1,000/s
			}
		}
		return (processorTime(t, d.cmd.Process.Pid) - cpu).Seconds() / time.Since(began).Seconds()
	}
	load() // after which nothing is new
	closed := load()
	b := openChromium(t, d.url+"/__spindle__/")
	b.until("document.getElementById('phase').dataset.phase === 'running'")
	b.eval("window.gaps_ = []; (function f(last) { requestAnimationFrame(now => { gaps_.push(now - last); f(now) }) })(performance.now())")
	before := n
	open := load()
	gaps := b.eval("gaps_.sort((a, b) => a - b), [gaps_.length, ...[.5, .95, .99].map(p => gaps_[Math.floor(p * gaps_.length)]), gaps_.at(-1)].map(x => Math.round(x)).join(', ')")
	b.until("Number(document.getElementById('total').textContent.replace(/,/g, '')) >= " + fmt.Sprint(n))
	rows := b.eval("document.querySelectorAll('#requests tr').length")
	t.Logf("%d requests in 4 s: the server takes %.1f%% of a core without a dashboard, %.1f%% with; frames, and ms between them (median, 95%%, 99%%, longest): %s",
		n-before, closed*100, open*100, gaps)
	if rows != "200" {
		t.Errorf("%s rows", rows)
	}
	look(b, "load")
}

// processorTime is what a process has used, of all its threads.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	ticks := 0
	for _, word := range strings.Fields(rest)[11:13] {
		n, err := strconv.Atoi(word)
		must(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
