//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file runs a program that knows nothing of Spindle, with the routers that people use,
// each of which recovers panics in its own way.

const routersMain = `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"
)

// What a program may call its own.
func append(a, b int) int { return a + b }

type error interface{ Error() string }

var json = "json"

type Order struct {
	ID    int
	Stock map[string]int
}

type outOfStock struct{ item string }

func (e *outOfStock) Error() string { return "out of stock: " + e.item }

func find(item string, n int) *Order {
	if item == "wool" {
		panic(fmt.Errorf("order %d: %w", n, &outOfStock{item}))
	}
	return nil
}

func total(item string, n int) int {
	order := find(item, n)
	return order.ID + n
}

func bill(item string, n int) string {
	stock := map[string]int{item: n}
	return fmt.Sprint(total(item, append(n, 0)), stock)
}

func handle(w http.ResponseWriter, r *http.Request) {
	n := 0
	fmt.Sscan(r.FormValue("n"), &n)
	io.WriteString(w, bill(r.FormValue("item"), n))
}

func main() {
	go func() {
		for {
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<!doctype html><title>shop</title><h1>The shop</h1>")
	})
	mux.HandleFunc("/plain/bill", handle)
	mux.HandleFunc("/begun/bill", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "the bill:")
		w.(http.Flusher).Flush()
		handle(w, r)
	})
	mux.HandleFunc("/own/bill", func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, http.StatusText(503), 503)
			}
		}()
		handle(w, r)
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			log.Println(err)
			return
		}
		c.WriteMessage(websocket.TextMessage, []byte("hello"))
		c.Close()
	})
	c := chi.NewRouter()
	c.Use(chimiddleware.Logger, chimiddleware.Recoverer)
	c.Get("/chi/bill", handle)
	mux.Handle("/chi/", c)
	e := echo.New()
	e.Use(echomiddleware.Recover())
	e.GET("/echo/bill", echo.WrapHandler(http.HandlerFunc(handle)))
	mux.Handle("/echo/", e)
	g := gin.Default()
	g.GET("/gin/bill", gin.WrapF(handle))
	g.GET("/gin/stream", func(c *gin.Context) {
		n := 0
		c.Stream(func(io.Writer) bool { n++; c.SSEvent("n", n); return n < 3 })
	})
	mux.Handle("/gin/", g)
	h := gin.New()
	h.Use(gin.CustomRecovery(func(c *gin.Context, v any) { c.Data(500, "text/html", []byte("<!doctype html><h1>Oh no")) }))
	h.GET("/html/bill", gin.WrapF(handle))
	mux.Handle("/html/", h)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
`

// routersMod is the go.mod and go.sum of a program with those of bench/apps, and without
// Spindle.
func routersMod(t *testing.T) (mod, sum string) {
	t.Helper()
	text, err := os.ReadFile("../apps/go.mod")
	must(t, err)
	sums, err := os.ReadFile("../apps/go.sum")
	must(t, err)
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "module") || strings.HasPrefix(line, "replace") || strings.Contains(line, "spindle v0.0.0")
	})
	return "module example.org/shop\n" + strings.Join(lines, "\n"), string(sums)
}

// A panic of a program that is no Spindle program, and does not import it.
func TestWitness(t *testing.T) {
	t.Parallel()
	mod, sum := routersMod(t)
	d := startDev(t, map[string]string{"go.mod": mod, "go.sum": sum, "main.go": routersMain}, "--build-flag=-mod=mod", ".")
	d.await("ready", 1)
	d.get("/", "Accept", "text/html")
	for range 5 { // what reads variables is started, and learns of the program, first
		if _, body := d.get("/plain/bill?item=distaff&n=1"); strings.Contains(body, "order = nil") {
			break
		}
	}
	d.T.Run("pages", func(t *testing.T) { d.pagesOfRouters(t) })
	d.T.Run("answers", func(t *testing.T) { d.answersOfRouters(t) })
	d.T.Run("at once", func(t *testing.T) { d.panicsAtOnce(t) })
	d.T.Run("console", func(t *testing.T) { d.consoleOfRouters(t) })
	d.T.Run("Chromium", func(t *testing.T) { d.pageOfGinInChromium(t) })
}

// wordsOfFrames is what is said of the three frames of the program.
func wordsOfFrames(item string, n int) []string {
	return []string{"\nmain.total\n", "\n    order = nil  (*main.Order)\n", "\nmain.bill\n", fmt.Sprintf("\n    stock = {%q: %d}  (map[string]int)\n", item, n),
		"\nmain.handle\n", fmt.Sprintf("\n    n = %d  (int)\n", n), fmt.Sprintf("\n    item = %q  (string)\n", item), "return order.ID + n\n"}
}

func (d *devRun) pagesOfRouters(t *testing.T) {
	for _, router := range []string{"plain", "own", "chi", "gin"} {
		status, body := d.get("/"+router+"/bill?item=distaff&n=7", "Accept", "text/plain")
		want := 500
		if router == "own" {
			want = 503
		}
		for _, w := range append(wordsOfFrames("distaff", 7), "runtime error: invalid memory address or nil pointer dereference (runtime.errorString)\n") {
			if status != want || !strings.Contains(body, w) {
				t.Fatalf("%s: %d, no %q in\n%s", router, status, w, body)
			}
		}
		if strings.Contains(body, "\nexample.org/shop/zz_spindle_dev") {
			t.Errorf("%s: a frame of the witness is shown:\n%s", router, body)
		}
	}
	for _, router := range []string{"plain", "own", "chi", "gin", "echo"} { // in a browser
		_, page := d.get("/"+router+"/bill?item=wool&n=7", "Accept", "text/html")
		for _, w := range []string{"order 7: out of stock: wool", "*main.outOfStock", "<code>main.bill</code>", `class="line here"`, "data-secret="} {
			if !strings.Contains(page, w) {
				t.Fatalf("%s: no %q in\n%s", router, w, page)
			}
		}
	}
}

// answersOfRouters is about answers that stay the program's own.
func (d *devRun) answersOfRouters(t *testing.T) {
	for path, want := range map[string]string{"/html/bill": "<h1>Oh no", "/echo/bill": `{"message":"Internal Server Error"}`} {
		before := d.seen(isTicket)
		if _, body := d.get(path, "Accept", "*/*"); !strings.Contains(body, want) || strings.Contains(body, "main.total") {
			t.Errorf("%s: %s", path, body)
		}
		d.await("ticket", before+1)
	}
	before := d.seen(isTicket)
	a, err := d.client.Get(d.url + "/begun/bill")
	must(t, err)
	defer a.Body.Close()
	if text, err := io.ReadAll(a.Body); err == nil || string(text) != "the bill:" {
		t.Errorf("what has begun: %s, %v", text, err)
	}
	d.await("ticket", before+1)
	if _, body := d.get("/gin/stream"); !strings.Contains(body, "data:3") {
		t.Error(body)
	}
	d.helloByWebSocket(t)
}

// helloByWebSocket opens one through the witness, which must leave the connection to it.
func (d *devRun) helloByWebSocket(t *testing.T) {
	c, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	must(t, err)
	text, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(text), "HTTP/1.1 101 ") || !strings.Contains(string(text), "hello") {
		t.Errorf("%q", text)
	}
}

func isTicket(e devEvent) bool { return e.Event == "ticket" }

// panicsAtOnce has each of 20 panics have a page, and a ticket, of its own.
func (d *devRun) panicsAtOnce(t *testing.T) {
	before := d.seen(isTicket)
	var all sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		all.Go(func() {
			_, body := d.get(fmt.Sprintf("/gin/bill?item=i%d&n=%d", i, i), "Accept", "text/plain")
			for _, w := range append(wordsOfFrames(fmt.Sprintf("i%d", i), i), fmt.Sprintf("GET /gin/bill?item=i%d&n=%d", i, i)) {
				if !strings.Contains(body, w) {
					t.Errorf("page %d: no %q in\n%s", i, w, body)
				}
			}
			if m := regexp.MustCompile(`(?m)^ticket: (\w+)$`).FindStringSubmatch(body); m != nil {
				ids[i] = m[1]
			}
		})
	}
	all.Wait()
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 20 {
		t.Errorf("%d tickets", n)
	}
	// What does not come tells nobody: a ticket of what gin has printed would be there by now.
	time.Sleep(300 * time.Millisecond)
	if n := d.seen(isTicket) - before; n != 20 {
		t.Errorf("%d tickets for 20 panics", n)
	}
}

func (d *devRun) consoleOfRouters(t *testing.T) {
	_, page := d.get("/gin/bill?item=yarn&n=5", "Accept", "text/html")
	m := secretAttr.FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	a, _ := d.post("pin", m[2], "", url.Values{"pin": {d.pinOf()}})
	if a.StatusCode != 204 || len(a.Cookies()) != 1 {
		t.Fatal(a.Status)
	}
	cookie := a.Cookies()[0].Name + "=" + a.Cookies()[0].Value
	_, text := d.post("console", m[2], cookie, url.Values{"ticket": {m[1]}, "frame": {"1"}, "expression": {`stock["yarn"] + n*2`}})
	if text = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, ""); !strings.Contains(text, "15") {
		t.Error(text)
	}
}

func (d *devRun) pageOfGinInChromium(t *testing.T) {
	b := openChromium(t, d.url+"/gin/bill?item=wool&n=3")
	b.until("document.querySelectorAll('.frame').length > 3 && document.readyState === 'complete'")
	b.shots("gin")
	b.eval("location.href = '/html/bill?item=wool&n=3'")
	b.until("document.body.textContent === 'Oh no' && !!document.querySelector('spindle-dev')?.shadowRoot.querySelector('a.corner[href^=\"/__spindle__/tickets/\"]')")
	keepShot(t, "gin-own-page.png", b.screenshot())
	b.eval("document.querySelector('spindle-dev').shadowRoot.querySelector('a.corner').click()")
	b.until("document.querySelectorAll('.frame').length > 3")
}
