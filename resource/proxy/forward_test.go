package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"spindle/resource/proxy"
)

func TestForward(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s host=%s via=%q proxy=%q for=%q", r.Method, r.RequestURI, r.Host, r.Header.Get("Via"),
			r.Header.Get("Proxy-Authorization"), r.Header.Get("X-Forwarded-For"))
	})
	addr := strings.TrimPrefix(up, "http://")
	_, port, _ := net.SplitHostPort(addr)
	fw, err := proxy.NewForward("127.0.0.0/8:*", "localhost:"+port, "*.example.org")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, fw, nil)
	through, _ := url.Parse(f.url)
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(through)}}
	r, err := c.Get(up + "/x?y")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if want := `GET /x?y host=` + addr + ` via="1.1 spindle" proxy="" for=""`; string(body) != want {
		t.Errorf("%s, want %s", body, want)
	}
	for target, status := range map[string]string{
		"http://10.0.0.1/":        "403", // a private address that is not listed
		"http://evil.example/":    "403",
		"http://x.example.org:22": "403",
		"https://x.example.org/":  "501",
	} {
		if got := f.exchange("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 "+status) {
			t.Errorf("%s: %.80s", target, got)
		}
	}
	if got := f.exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 404") {
		t.Errorf("not for a proxy: %.80s", got)
	}
}

func TestConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	fw, err := proxy.NewForward("127.0.0.1:*", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, fw, nil)
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\nhello", l.Addr(), l.Addr())
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 200 ") || !strings.HasSuffix(string(all), "\r\n\r\nhello") {
		t.Errorf("%v: %s", err, all)
	}
	for target, status := range map[string]string{"10.0.0.1:443": "403", "127.0.0.1:1": "502", "[::1]:443": "403", "localhost:22": "403", "localhost:443": "502"} {
		got := f.exchange("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 "+status) {
			t.Errorf("%s: %.80s", target, got)
		}
	}
}

func TestForwardRules(t *testing.T) {
	for text, ok := range map[string]bool{"a.b": true, "*": true, "*:*": true, "a:1": true, "10.0.0.0/8": true, "[::1]:80": true, "::1": true,
		"fe80::/10": true, "": false, "a b": false, "a:0": false, "a:x": false} {
		if _, err := proxy.NewForward(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Under the rule for all hosts no way of writing an address leads to what is not public.
func TestForwardToPrivateAddresses(t *testing.T) {
	fw, err := proxy.NewForward("*:*")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, fw, nil)
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "[::]", "169.254.169.254",
		"10.0.0.1", "[fec0::1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255", "[3fff::1]",
		"[5f00::1]", "192.88.99.1", "localhost"} {
		got := f.exchange("CONNECT " + host + ":22 HTTP/1.1\r\nHost: " + host + ":22\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 403") {
			t.Errorf("CONNECT %s: %.80s", host, got)
		}
	}
}
