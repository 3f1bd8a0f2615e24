//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// This file has the script of spindle dev meet pages that it could break.

const liveMain = `package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

func page(name string) string {
	text, _ := os.ReadFile("page.html")
	return strings.ReplaceAll(string(text), "NAME", name)
}

func main() {
	http.HandleFunc("/csp/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", map[string]string{
			"nonce": "script-src 'nonce-abc'", "self": "default-src 'self'", "none": "default-src 'none'"}[r.URL.Path[5:]])
		fmt.Fprint(w, page("csp"))
	})
	http.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			fmt.Fprint(w, page("plain"))
			return
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		fmt.Fprint(z, page("gzip"))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(b.Bytes())
	})
	http.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html><head></head><body><p id=s>first</p>")
		w.(http.Flusher).Flush()
		time.Sleep(500 * time.Millisecond)
		fmt.Fprint(w, page("stream"))
	})
	http.HandleFunc("/frame", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html><head></head><body><iframe src=/gzip></iframe>")
	})
	http.HandleFunc("/fragment", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<p>fragment</p>")
	})
	posts := 0
	http.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.Method == "POST" {
			posts++
			w.WriteHeader(422)
			fmt.Fprint(w, page(fmt.Sprint("posts ", posts)))
			return
		}
		fmt.Fprint(w, page("form")+"<form id=f method=post><input name=n></form>")
	})
	http.HandleFunc("/built", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page("built")+"<input id=typed><div id=app></div><script>app.innerHTML = '<p id=made>made</p>'; document.body.append(Object.assign(document.createElement('aside'), { id: 'toast' }))</script>")
	})
	http.HandleFunc("/toast", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page("toast"))
	})
	http.HandleFunc("/sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: mine\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	http.Handle("/static/", http.FileServer(http.Dir(".")))
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`

const livePage = `<!doctype html><html><head><title>t</title><link rel="stylesheet" href="/static/main.css"></head><body><h1 id="h">one NAME</h1>`

// The script gets into pages with policies, compression, streams and frames, keeps out of
// fragments, and takes a page anew without breaking what scripts or forms have made.
func TestDevLiveInChromium(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"go.mod": netHTTPMod, "main.go": liveMain, "page.html": livePage,
		"static/main.css": "@import 'more.css'; body { background-image: url(dot.svg) }", "static/more.css": "h1 { color: rgb(1, 2, 3) }",
		"static/dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>"})
	d.until("/gzip", "one ")
	b := openChromium(t, d.url+"/gzip")
	turn := 0
	// change has the page say something else.
	change := func() string {
		turn++
		text := fmt.Sprintf("turn%d", turn)
		d.write("page.html", strings.Replace(livePage, "one", text, 1))
		return "document.querySelector('#h').textContent.startsWith('" + text + " ')"
	}
	visit := func(path, ready string) {
		t.Helper()
		b.call("Page.navigate", map[string]any{"url": d.url + path}, nil)
		b.until("location.pathname === '" + strings.SplitN(path, "?", 2)[0] + "' && document.readyState === 'complete' && " + ready)
		b.until("window.listening || frames[0]?.listening")
	}
	for _, path := range []string{"/gzip", "/csp/nonce", "/csp/self", "/csp/none", "/stream"} {
		visit(path, "!!window.__spindle")
		b.eval("window.stays = 1")
		b.until(change())
		if path != "/stream" && b.eval("window.stays") != "1" {
			t.Errorf("%s was loaded, not merged", path)
		}
	}
	visit("/frame", "!!frames[0].__spindle")
	b.until("!!frames[0].document.querySelector('#h')")
	b.until(strings.Replace(change(), "document", "frames[0].document", 1))

	visit("/gzip", "!!window.__spindle")
	b.eval("fetch('/fragment').then(a => a.text()).then(t => { window.fragment = t }); new EventSource('/sse').onmessage = e => { window.event = e.data }; 1")
	b.until("window.fragment === '<p>fragment</p>' && window.event === 'mine'")
	d.write("static/more.css", "h1 { color: rgb(7, 8, 9) }")
	b.until("getComputedStyle(document.querySelector('#h')).color === 'rgb(7, 8, 9)'")

	visit("/built", "!!window.__spindle")
	b.eval("document.querySelector('#typed').value = 'typed'; 1")
	b.until(change())
	b.until("document.querySelectorAll('#made').length === 1 && document.querySelectorAll('#toast').length === 1 && document.querySelector('#typed').value === 'typed'")

	visit("/toast", "!!window.__spindle")
	b.eval("document.body.prepend(document.createElement('aside')); window.stays = 1")
	b.until(change())
	b.until("window.stays === undefined && !document.querySelector('aside')")

	visit("/form", "!!window.__spindle")
	b.eval("document.querySelector('#f').submit()")
	b.until("document.body.textContent.includes('posts 1') && document.readyState === 'complete' && window.listening")
	change()
	b.until("document.querySelector('spindle-dev').shadowRoot.textContent.includes('answer to a form')")
	if got := b.eval("document.querySelector('#h').textContent"); !strings.Contains(got, "posts 1") {
		t.Errorf("the form was sent again: %s", got)
	}
}
