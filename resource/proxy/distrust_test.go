package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spindle/protocol/cache"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/site"
)

// This file holds what neither a client nor an upstream may get out of a proxy by what it says.

func TestWhatAClientSaysOfItself(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			fmt.Fprintf(w, "%s,", name)
		}
	})
	said := "X-Forwarded-Port: 1\r\nX_Forwarded_Port: 1\r\nX-Forwarded-Prefix: /x\r\nX-Forwarded-Ssl: on\r\nX-Real-IP: 1.2.3.4\r\n" +
		"X-Forwarded-Server: x\r\nProxy: http://evil.example\r\nX-Other: 1\r\n"
	ask := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + said + "\r\n"
	f := behind(t, nil, up)
	got := strings.ToLower(f.exchange(ask))
	for _, name := range []string{"port", "prefix", "ssl", "real", "server,", "proxy,"} {
		if strings.Contains(got, name) {
			t.Errorf("%s was passed on for a client:\n%s", name, got)
		}
	}
	if !strings.Contains(got, "x-other,") || !strings.Contains(got, "x-forwarded-for,") {
		t.Errorf("what should pass:\n%s", got)
	}
	p, err := proxy.New(up)
	if err != nil {
		t.Fatal(err)
	}
	f = serve(t, p, func(s *site.Site) { s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	got = strings.ToLower(f.exchange(ask))
	for _, name := range []string{"x-forwarded-port,", "x-forwarded-prefix,", "x-real-ip,"} {
		if !strings.Contains(got, name) {
			t.Errorf("%s was not passed on for a proxy that is trusted:\n%s", name, got)
		}
	}
	if strings.Contains(got, "x_forwarded_port") {
		t.Errorf("what only looks like a field was passed on:\n%s", got)
	}
}

func TestStatusThatIsNone(t *testing.T) {
	f := behind(t, nil, raw(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx") }))
	if status, _ := f.get("/"); status != 502 || !strings.Contains(f.log.String(), "status 999") {
		t.Errorf("%d; %s", status, f.log)
	}
}

// An application that makes its redirects of the Host that it was asked for leads to where it
// is here.
func TestRedirectToTheHostThatWasAskedFor(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.Replace(r.URL.Query().Get("to"), "HOST", r.Host, 1))
		w.WriteHeader(302)
	})
	p, err := proxy.New(up)
	if err != nil {
		t.Fatal(err)
	}
	p.RewriteAnswers = true
	root := new(resource.Tree)
	root.PutChild("here", p)
	f := serve(t, root, nil)
	for to, want := range map[string]string{
		"http://HOST/login":  "/here/login",
		"http://HOST":        "/here/",
		"https://HOST/login": "https://" + f.addr + "/login",
		"http://HOSTx/login": "http://" + f.addr + "x/login",
	} {
		got := f.exchange("GET /here/x?to=" + to + " HTTP/1.1\r\nHost: " + f.addr + "\r\nConnection: close\r\n\r\n")
		if !strings.Contains(got, "Location: "+want+"\r\n") {
			t.Errorf("%s:\n%s", to, got)
		}
	}
}

// What an upstream chooses by fields that are made here would be given to other clients.
func TestCacheVariesByWhoAsks(t *testing.T) {
	var asked atomic.Int32
	f := behind(t, func(p *proxy.Proxy) { p.Cache = new(cache.Store) }, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept, x-forwarded-for")
		fmt.Fprint(w, asked.Add(1))
	}))
	f.get("/")
	if _, body := f.get("/"); body != "2" {
		t.Errorf("kept: %s", body)
	}
}

// An answer that is asked for behind a client's back and is not kept, or too long, is given up.
func TestRefreshOfAnEndlessAnswer(t *testing.T) {
	var asked atomic.Int32
	given := make(chan struct{})
	f := behind(t, func(p *proxy.Proxy) { p.Cache = new(cache.Store) }, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Cache-Control", "max-age=0, stale-while-revalidate=60")
			w.Header().Set("ETag", `"x"`)
			_, _ = io.WriteString(w, "body")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		piece := make([]byte, 64<<10)
		for range 2000 {
			if _, err := w.Write(piece); err != nil {
				close(given)
				return
			}
		}
	}))
	f.get("/")
	f.get("/")
	select {
	case <-given:
	case <-time.After(5 * time.Second):
		t.Error("the answer goes on, and nobody wants it")
	}
}

// A client does not get a tunnel of HTTP/2 to an upstream, in which no request would be seen.
func TestNoUpgradeToHTTP(t *testing.T) {
	f := behind(t, nil, raw(t, func(c net.Conn, head string) {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(head), head)
	}))
	for _, to := range []string{"h2c", "H2C, websocket", "HTTP/2.0", "TLS/1.3"} {
		for _, connection := range []string{"Upgrade, HTTP2-Settings, close", "Upgrade, close"} {
			got := f.exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: " + connection + "\r\nUpgrade: " + to + "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 200 ") || strings.Contains(got, "Upgrade:") || strings.Contains(got, "HTTP2-Settings") {
				t.Errorf("%s, %s:\n%s", to, connection, got)
			}
		}
	}
}
