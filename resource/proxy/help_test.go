package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/site"
)

// front is a site on a real loop, to which tests talk over loopback.
type front struct {
	t    *testing.T
	url  string
	addr string
	loop *reactor.Reactor
	log  *lines
}

// lines is a log that tests look into.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve starts a site with root.
func serve(t *testing.T, root resource.Resource, change func(*site.Site)) *front {
	t.Helper()
	f := &front{t: t, log: new(lines), loop: reactor.New()}
	f.loop.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	s := site.New(root)
	s.ErrorLog = f.loop.Logger
	if change != nil {
		change(s)
	}
	port, err := f.loop.Listen("tcp:0:interface=127.0.0.1", s)
	if err != nil {
		t.Fatal(err)
	}
	f.addr = port.Addr().String()
	f.url = "http://" + f.addr
	done := make(chan error, 1)
	go func() { done <- f.loop.Run() }()
	t.Cleanup(func() {
		f.loop.Stop()
		<-done
	})
	return f
}

// behind starts a site that is a Proxy, for all of its paths, of upstreams.
func behind(t *testing.T, change func(*proxy.Proxy), upstreams ...string) *front {
	t.Helper()
	p, err := proxy.New(upstreams...)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(p)
	}
	return serve(t, p, func(s *site.Site) {
		s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
}

// upstream starts a server of net/http.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// raw starts a server that does with each connection what f says, after a head was read.
func raw(t *testing.T, f func(c net.Conn, head string)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				head, err := readHead(bufio.NewReader(c))
				if err == nil {
					f(c, head)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func readHead(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String(), err
		}
	}
}

// exchange sends text and gives back all that comes until the server closes.
func (f *front) exchange(text string) string {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		f.t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		return string(all) + fmt.Sprintf("\n[%v]", err)
	}
	return string(all)
}

// get asks for path and gives back status and content.
func (f *front) get(path string) (int, string) {
	f.t.Helper()
	r, err := http.Get(f.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return r.StatusCode, string(body) + "\n[" + err.Error() + "]"
	}
	return r.StatusCode, string(body)
}
