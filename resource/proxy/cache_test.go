package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"spindle/protocol/cache"
	"spindle/resource/proxy"
)

func TestCache(t *testing.T) {
	var asked, broken atomic.Int32
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if broken.Load() != 0 {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Cache-Control", r.URL.Query().Get("cc"))
		if tag := r.URL.Query().Get("tag"); tag != "" {
			w.Header().Set("ETag", `"`+tag+`"`)
			if r.Header.Get("If-None-Match") == `"`+tag+`"` {
				w.WriteHeader(304)
				return
			}
		}
		fmt.Fprintf(w, "answer %d", n)
	})
	f := behind(t, func(p *proxy.Proxy) { p.Cache = new(cache.Store) }, up)
	ask := func(method, path string, fields ...string) (status int, body, how string) {
		q, _ := http.NewRequest(method, f.url+path, nil)
		for i := 0; i < len(fields); i += 2 {
			q.Header.Set(fields[i], fields[i+1])
		}
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(b), r.Header.Get("Cache-Status")
	}
	_, first, how := ask("GET", "/a?cc=max-age%3D60")
	if !strings.Contains(how, "stored") {
		t.Errorf("the first: %s", how)
	}
	if _, again, how := ask("GET", "/a?cc=max-age%3D60"); again != first || !strings.HasPrefix(how, "Spindle; hit; ttl=") {
		t.Errorf("again: %q, %s", again, how)
	}
	if status, body, _ := ask("HEAD", "/a?cc=max-age%3D60"); status != 200 || body != "" || asked.Load() != 1 {
		t.Errorf("HEAD: %d %q, %d asked", status, body, asked.Load())
	}
	if _, other, _ := ask("GET", "/a?cc=max-age%3D60", "Cache-Control", "no-cache"); other == first {
		t.Error("no-cache: from the cache")
	}
	if status, _, _ := ask("POST", "/a?cc=max-age%3D60"); status != 200 {
		t.Errorf("POST: %d", status)
	}
	if _, body, how := ask("GET", "/a?cc=max-age%3D60"); strings.Contains(how, "hit") || body == first {
		t.Errorf("after POST: %q %s", body, how)
	}
	if _, _, how := ask("GET", "/n?cc=no-store"); strings.Contains(how, "stored") {
		t.Errorf("no-store: %s", how)
	}
	_, first, _ = ask("GET", "/t?tag=x&cc=no-cache")
	if status, body, how := ask("GET", "/t?tag=x&cc=no-cache"); status != 200 || body != first || !strings.Contains(how, "fwd-status=304") {
		t.Errorf("revalidated: %d %q %s", status, body, how)
	}
	if status, body, _ := ask("GET", "/t?tag=x&cc=no-cache", "If-None-Match", `"x"`); status != 304 || body != "" {
		t.Errorf("a condition of the client: %d %q", status, body)
	}
	if status, _, _ := ask("GET", "/none", "Cache-Control", "only-if-cached"); status != 504 {
		t.Errorf("only-if-cached: %d", status)
	}
	_, first, _ = ask("GET", "/e?cc=max-age%3D0,stale-if-error%3D60&tag=e")
	broken.Store(1)
	if status, body, _ := ask("GET", "/e?cc=max-age%3D0,stale-if-error%3D60&tag=e"); status != 200 || body != first {
		t.Errorf("stale-if-error: %d %q", status, body)
	}
}

func TestCacheRefreshes(t *testing.T) {
	var asked atomic.Int32
	second := make(chan struct{})
	f := behind(t, func(p *proxy.Proxy) { p.Cache = new(cache.Store) }, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=0, stale-while-revalidate=60")
		w.Header().Set("ETag", `"x"`)
		if n := asked.Add(1); n == 2 {
			defer close(second)
		}
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, "body")
	}))
	for range 2 {
		if status, body := f.get("/"); status != 200 || body != "body" {
			t.Errorf("%d %s", status, body)
		}
	}
	<-second // asked behind the back of the second client
}
