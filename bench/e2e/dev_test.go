//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// This file uses spindle dev as somebody does who writes a program: saves, mistakes, an
// undo, a crash, and a client that asks all the while.

// devRun is a spindle dev at work.
type devRun struct {
	*testing.T
	dir, url string
	cmd      *exec.Cmd
	client   *http.Client
	mu       sync.Mutex
	events   []devEvent
	log      *safeBuffer
}

type devEvent struct {
	Event      string
	Generation int
	Text       string
	Cached     bool
	PID        int
	Took       time.Duration `json:"took_ns"`
	Failure    *struct{ Title, Stage string }
}

// startDev runs it in a directory with these files.
func startDev(t *testing.T, files map[string]string, args ...string) *devRun {
	t.Helper()
	d := &devRun{T: t, dir: t.TempDir(), client: &http.Client{Timeout: 20 * time.Second}, log: new(safeBuffer)}
	for name, text := range files {
		d.write(name, text)
	}
	port := freePort(t)
	d.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	args = append([]string{"dev", "--listen", localAddr(port), "--events", "-", "--log", "none"}, args...)
	d.cmd = exec.CommandContext(patience(t), build(t, "cmd/spindle"), args...)
	d.cmd.Dir = d.dir
	out, err := d.cmd.StdoutPipe()
	must(t, err)
	d.cmd.Stderr = d.log
	must(t, d.cmd.Start())
	go d.read(out)
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(os.Interrupt)
		_ = d.cmd.Wait()
		if t.Failed() {
			t.Log(d.log)
		}
	})
	return d
}

func (d *devRun) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e devEvent
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			d.mu.Lock()
			d.events = append(d.events, e)
			d.mu.Unlock()
		}
	}
}

// seen is how many events there are that match.
func (d *devRun) seen(match func(e devEvent) bool) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if match(e) {
			n++
		}
	}
	return n
}

// await waits for the nth event of a kind.
func (d *devRun) await(kind string, n int) {
	d.Helper()
	await(d.T, 3*time.Minute, func() error {
		if d.seen(func(e devEvent) bool { return e.Event == kind }) >= n {
			return nil
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		return fmt.Errorf("%d events %q did not come: %+v", n, kind, d.events)
	})
}

func (d *devRun) write(name, text string) {
	d.Helper()
	path := filepath.Join(d.dir, name)
	must(d.T, os.MkdirAll(filepath.Dir(path), 0o755))
	must(d.T, os.WriteFile(path, []byte(text), 0o644))
}

// get is the answer to a request.
func (d *devRun) get(path string, fields ...string) (status int, body string) {
	d.Helper()
	r, err := http.NewRequest("GET", d.url+path, nil)
	must(d.T, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	await(d.T, 30*time.Second, func() error {
		a, err := d.client.Do(r)
		if err != nil {
			return err
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		must(d.T, err)
		status, body = a.StatusCode, string(text)
		return nil
	})
	return status, body
}

// until asks until the answer has text in it, and tells how long that took.
func (d *devRun) until(path, text string) time.Duration {
	d.Helper()
	began := time.Now()
	await(d.T, 3*time.Minute, func() error {
		if _, body := d.get(path); !strings.Contains(body, text) {
			return fmt.Errorf("%s does not have %q", path, text)
		}
		return nil
	})
	return time.Since(began)
}

const netHTTPMod = "module demo\n\ngo 1.26\n"

// netHTTPMain is a program that honours PORT.
const netHTTPMain = `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const version = "v1"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<!doctype html><html><head><title>t</title></head><body>"+version+"</body></html>")
	})
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d %s %s", r.Host, r.ContentLength, r.URL.RawQuery, body)
	})
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html><head></head><body>first")
		w.(http.Flusher).Flush()
		time.Sleep(700 * time.Millisecond)
		fmt.Fprint(w, "last</body></html>")
	})
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

// spindleMain is a program of ours, which takes an open socket over.
func spindleMod(t *testing.T) string {
	root, err := filepath.Abs("../..")
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	must(t, err)
	mod := strings.Replace(string(text), "module spindle\n", "module demo\n", 1)
	return mod + "\nrequire spindle v0.0.0\n\nreplace spindle => " + root + "\n"
}

func spindleSum(t *testing.T) string {
	text, err := os.ReadFile("../../go.sum")
	must(t, err)
	return string(text)
}

const spindleMain = `package main

import (
	"log"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

const version = "v1"

type page struct{ resource.Leaf }

func (page) RenderGET(r *resource.Request) ([]byte, error) {
	return r.HTML("<!doctype html><html><head><title>t</title></head><body>" + version + "</body></html>")
}

func main() {
	reactor.ListenTCP(8080, site.New(page{}))
	log.Fatal(reactor.Run())
}
`

// 10,000 requests while the program is replaced 50 times, with builds among them that
// fail: none is refused, cut, or answered by what it should not be.
func TestDevNothingIsLost(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]string
		args  []string
	}{
		{"net/http", map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain}, nil},
		{"Spindle", map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": spindleMain}, nil},
		{"direct", map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": spindleMain}, []string{"--direct"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // with one another only: each waits for its requests, at their pace
			d := startDev(t, row.files, append(row.args, "--patience", "3s")...)
			d.until("/", "v1")
			var asked, wrong atomic.Int64
			stop := make(chan struct{})
			var clients sync.WaitGroup
			for range 4 {
				clients.Add(1)
				go func() {
					defer clients.Done()
					client := &http.Client{Timeout: 20 * time.Second, Transport: new(http.Transport)}
					pace := time.NewTicker(5 * time.Millisecond) // the builds need the machine, too
					defer pace.Stop()
					for {
						select {
						case <-stop:
							return
						case <-pace.C:
						}
						a, err := client.Get(d.url + "/")
						if err != nil {
							wrong.Add(1)
							t.Error(err)
							return
						}
						body, err := io.ReadAll(a.Body)
						_ = a.Body.Close()
						if asked.Add(1); err != nil || a.StatusCode != 200 || !bytes.Contains(body, []byte("<body>v")) {
							wrong.Add(1)
							t.Errorf("%d %s %v", a.StatusCode, body, err)
							return
						}
					}
				}()
			}
			reloads, failed := 0, 0
			for i := 2; reloads < 50; i++ {
				text := strings.Replace(row.files["main.go"], `"v1"`, fmt.Sprintf(`"v%d"`, 1+i%3), 1)
				if i%10 == 0 && failed < 5 {
					failed++
					d.write("main.go", text+"\nfunc {\n")
					d.await("failed", failed)
					continue
				}
				reloads++
				d.write("main.go", text)
				d.await("ready", reloads+1)
			}
			await(t, time.Minute, func() error {
				if n := asked.Load(); n < 10_000 && wrong.Load() == 0 {
					return fmt.Errorf("%d requests only", n)
				}
				return nil
			})
			close(stop)
			clients.Wait()
			t.Logf("%d requests over %d replacements and %d failed builds: %d wrong", asked.Load(), reloads, failed, wrong.Load())
		})
	}
}

// With --direct the development server answers only while no program does, and at the second
// port.
func TestDevDirect(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": spindleMain + "\nfunc broken( {\n"}, "--direct")
	d.await("failed", 1)
	page := []string{"Accept", "text/html", "Sec-Fetch-Dest", "document"}
	if status, body := d.get("/", page...); status != 500 || !strings.Contains(body, "broken") {
		t.Errorf("a first build that fails: %d %s", status, body)
	}
	d.write("main.go", spindleMain)
	d.await("ready", 1)
	d.until("/", "<body>v1") // the connection that is kept has the old way once more
	if _, body := d.get("/", page...); strings.Contains(body, "live.js") || !strings.Contains(body, "<body>v1") {
		t.Errorf("the program does not answer itself: %s", body)
	}
	_, front, _ := strings.Cut(d.log.String(), "All of that is at\n  ")
	front, _, _ = strings.Cut(front, "\n")
	public := d.url
	d.url = strings.TrimSuffix(front, "/")
	if _, body := d.get("/", page...); !strings.Contains(body, "live.js") || !strings.Contains(body, "<body>v1") {
		t.Errorf("no script at %s: %s", front, body)
	}
	d.url = public
	d.mu.Lock()
	pid := d.events[slices.IndexFunc(d.events, func(e devEvent) bool { return e.Event == "ready" })].PID
	d.mu.Unlock()
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	d.await("exit", 1)
	if status, body := d.get("/", page...); status != 500 || !strings.Contains(body, "The program ended") {
		t.Errorf("a program that ended: %d %s", status, body)
	}
	d.write("main.go", strings.Replace(spindleMain, `"v1"`, `"v2"`, 1))
	d.until("/", "<body>v2")
}

// What air's proxy does wrong, by DEVSERVERS.md: bodies, forms, Host, streams, WebSocket,
// fields of its own, all interfaces.
func TestDevPassesOnWhatItGets(t *testing.T) {
	d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain})
	d.until("/", "v1")
	host := strings.TrimPrefix(d.url, "http://")
	for _, row := range []struct{ kind, body string }{
		{"application/json", `{"a":1}`},
		{"application/x-www-form-urlencoded", "z=1&a=2&z=3"},
	} {
		a, err := http.Post(d.url+"/echo?x=1", row.kind, strings.NewReader(row.body))
		must(t, err)
		got, err := io.ReadAll(a.Body)
		must(t, err)
		if want := fmt.Sprintf("%s %d x=1 %s", host, len(row.body), row.body); string(got) != want {
			t.Errorf("%s arrives as %q, not %q", row.kind, got, want)
		}
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin: %s", got)
		}
	}
	began := time.Now()
	r, err := http.NewRequest("GET", d.url+"/slow", nil)
	must(t, err)
	r.Header.Set("Sec-Fetch-Dest", "document")
	a, err := d.client.Do(r)
	must(t, err)
	start := make([]byte, 40)
	_, err = io.ReadFull(a.Body, start)
	must(t, err)
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("the first byte of a stream came after %v", took)
	}
	rest, err := io.ReadAll(a.Body)
	must(t, err)
	if all := string(start) + string(rest); strings.Count(all, "live.js") != 1 || !strings.HasSuffix(all, "last</body></html>") {
		t.Errorf("%s", all)
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, other := range addrs {
			ip, _, _ := net.ParseCIDR(other.String())
			if ip.IsLoopback() || ip.To4() == nil {
				continue
			}
			_, port, _ := net.SplitHostPort(host)
			if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
				c.Close()
				t.Errorf("it can be reached at %s", ip)
			}
		}
	}
}

// An open stream does not hold a reload up, and the program that sends it ends.
func TestDevStreamsDoNotHoldAReloadUp(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain}, "--patience", "1s")
	d.until("/", "v1")
	a, err := http.Get(d.url + "/events")
	must(t, err)
	defer a.Body.Close()
	_, err = a.Body.Read(make([]byte, 8))
	must(t, err)
	d.write("main.go", strings.Replace(netHTTPMain, `"v1"`, `"v2"`, 1))
	if took := d.until("/", "v2"); took > 10*time.Second {
		t.Errorf("the reload took %v", took)
	}
	d.await("stopped", 1)
	if _, err := io.Copy(io.Discard, a.Body); err == nil {
		t.Log("the stream ended whole")
	}
}

// A program with all the mistakes that one makes.
func TestDevMistakes(t *testing.T) {
	d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain + "\nfunc broken( {\n"})
	d.await("failed", 1)
	if status, body := d.get("/", "Accept", "text/html"); status != 500 || !strings.Contains(body, "The build failed") || !strings.Contains(body, "broken") {
		t.Errorf("a first build that fails: %d %s", status, body)
	}
	d.write("main.go", netHTTPMain)
	d.until("/", "v1")

	d.write("main.go", strings.Replace(netHTTPMain, "func main() {", "func main() {\n\tpanic(\"no luck\")\n", 1))
	d.await("failed", 2)
	if _, body := d.get("/"); !strings.Contains(body, "v1") {
		t.Errorf("a start that fails ends the old program: %s", body)
	}
	if _, body := d.get("/__spindle__/failure", "Accept", "text/html"); !strings.Contains(body, "no luck") {
		t.Errorf("its last words are not shown: %s", body)
	}

	d.write("main.go", strings.Replace(netHTTPMain, `"v1"`, `"v2"`, 1))
	d.until("/", "v2")
	if took := func() time.Duration { d.write("main.go", netHTTPMain); return d.until("/", "v1") }(); took > time.Second {
		t.Errorf("an undo took %v", took)
	}
	must(t, os.Remove(filepath.Join(d.dir, "main.go")))
	d.await("failed", 3)
	d.write("main.go", strings.Replace(netHTTPMain, `"v1"`, `"v3"`, 1))
	d.until("/", "v3")
	d.await("ready", 4) // of this program: it may answer before that is told

	var pid int
	d.mu.Lock()
	for _, e := range slices.Backward(d.events) {
		if e.Event == "ready" {
			pid = e.PID
			break
		}
	}
	d.mu.Unlock()
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	d.await("exit", 1)
	d.write("main.go", strings.Replace(netHTTPMain, `"v1"`, `"v4"`, 1))
	d.until("/", "v4")
}

// However it ends, nothing is left running.
func TestDevLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain}, "--with", "w=sleep 300")
		d.until("/", "v1")
		group := strconv.Itoa(d.cmd.Process.Pid)
		var pids []int
		d.mu.Lock()
		for _, e := range d.events {
			if e.Event == "start" {
				pids = append(pids, e.PID)
			}
		}
		d.mu.Unlock()
		if len(pids) != 2 {
			t.Fatalf("%v of %s", pids, group)
		}
		must(t, d.cmd.Process.Signal(sig))
		_ = d.cmd.Wait()
		for _, pid := range pids {
			awaitEnd(t, pid)
		}
	}
}

// runs tells whether a process is there, and no zombie.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// A Python application: an edit, a syntax error, an error at import, and the mend.
func TestDevPython(t *testing.T) {
	app, err := os.ReadFile("testdata/apps/flask/app.py")
	must(t, err)
	d := startDev(t, map[string]string{"app.py": "import helper\n" + string(app), "helper.py": "name = 'one'\n"}, "--python", "/usr/bin/python3", "app.py")
	d.until("/", "flask page")
	d.write("app.py", "import helper\n"+strings.Replace(string(app), "flask page", "flask edited page", 1))
	if took := d.until("/", "flask edited page"); took > 5*time.Second {
		t.Errorf("an edit took %v", took)
	}
	d.write("helper.py", "name = 'two\n")
	d.await("failed", 1)
	if _, body := d.get("/__spindle__/failure", "Accept", "text/html"); !strings.Contains(body, "SyntaxError") || !strings.Contains(body, "helper.py") {
		t.Errorf("%s", body)
	}
	if _, body := d.get("/"); !strings.Contains(body, "flask edited page") {
		t.Errorf("the old one is gone: %s", body)
	}
	d.write("helper.py", "name = 'two'\n")
	d.write("app.py", "import helper\n"+strings.Replace(string(app), "flask page", "flask mended page", 1))
	d.until("/", "flask mended page")
}

const devPage = `<!doctype html><html><head><title>t</title><link rel="stylesheet" href="/style.css"></head>
<body><h1 id="h">one</h1><input id="i"><details id="d"><summary>s</summary>x</details><div style="height:3000px"></div></body></html>
`

// In a browser: a style sheet is taken anew without a reload, a page keeps what was typed
// and where it was, and errors stand above it until they are mended.
func TestDevInChromium(t *testing.T) {
	t.Parallel()
	site := startDev(t, map[string]string{"index.html": devPage, "style.css": "h1 { color: rgb(1, 2, 3) }"}, ".")
	site.until("/", "one")
	b := openChromium(t, site.url+"/")
	b.until("getComputedStyle(document.querySelector('#h')).color === 'rgb(1, 2, 3)' && !!window.__spindle")
	b.until("document.readyState === 'complete'")
	b.eval("window.stays = 1; document.querySelector('#i').value = 'typed'; document.querySelector('#d').open = true; scrollTo(0, 500); 1")
	b.until("window.listening")
	began := time.Now()
	site.write("style.css", "h1 { color: rgb(4, 5, 6) }")
	b.until("getComputedStyle(document.querySelector('#h')).color === 'rgb(4, 5, 6)'")
	t.Logf("a style sheet was seen after %v", time.Since(began))
	began = time.Now()
	site.write("index.html", strings.Replace(devPage, ">one<", ">two<", 1))
	b.until("document.querySelector('#h').textContent === 'two'")
	t.Logf("a page was seen after %v", time.Since(began))
	if got := b.eval("[window.stays, document.querySelector('#i').value, document.querySelector('#d').open, scrollY].join()"); got != "1,typed,true,500" {
		t.Errorf("what was there is now %s", got)
	}
	site.write("index.html", strings.Replace(devPage, "</body>", "<script>window.scripted = 1</script></body>", 1))
	b.until("window.scripted === 1 && window.stays === undefined")
}

// The page of a build error, in place of a page and above one.
func TestDevErrorsInChromium(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": netHTTPMain + "\nvar x int = \"<b>text</b>\"\n"})
	d.await("failed", 1)
	b := openChromium(t, d.url+"/")
	b.until("!!document.querySelector('.fault .here')")
	if got := b.eval("document.querySelector('.message').textContent"); !strings.Contains(got, "cannot use") {
		t.Error(got)
	}
	keepShot(t, "dev-failure.png", b.screenshot())
	d.write("main.go", netHTTPMain)
	b.until("document.body.textContent.includes('v1')")
	b.until("document.readyState === 'complete' && window.listening")
	d.write("main.go", netHTTPMain+"\nfunc {\n")
	b.until("!!document.querySelector('spindle-dev').shadowRoot.querySelector('.fault')")
	b.until("document.querySelector('spindle-dev').shadowRoot.adoptedStyleSheets.length === 1")
	keepShot(t, "dev-overlay.png", b.screenshot())
	d.write("main.go", strings.Replace(netHTTPMain, `"v1"`, `"v5"`, 1))
	b.until("document.body.textContent.includes('v5') && !document.querySelector('spindle-dev').shadowRoot.querySelector('.fault')")
}

// keepShot writes a picture where SPINDLE_SHOTS says, for somebody to look at.
func keepShot(t *testing.T, name string, png []byte) {
	t.Helper()
	if dir := os.Getenv("SPINDLE_SHOTS"); dir != "" {
		must(t, os.WriteFile(filepath.Join(dir, name), png, 0o644))
	}
}
