//go:build e2e

// Package e2e has the tests that need programs of the system: each fails, and does
// not skip, when one is missing.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource/static"
	"spindle/site"
)

// pydoc is Debian's python3.11-doc: a thousand files of HTML, and two links that
// lead out of it.
const pydoc = "/usr/share/doc/python3.11/html"

// server is one of the two that are compared.
type server struct {
	name string
	http.Client
}

// spindle serves pydoc.
func spindle(t *testing.T) *server {
	t.Helper()
	return client("spindle", "tcp", servePydoc(t))
}

// servePydoc serves it on a port of its own, and tells the address.
func servePydoc(t *testing.T) string {
	t.Helper()
	r := reactor.New()
	port, err := r.Listen("tcp:0:interface=127.0.0.1", site.New(&static.Dir{Path: pydoc, FollowSymlinks: static.FollowAll, DotFiles: true}))
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return port.Addr().String()
}

// nginx serves it too, from a configuration of its own, on a UNIX socket.
func nginx(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	socket, config := filepath.Join(dir, "sock"), filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 256; }
http {
	include /etc/nginx/mime.types; default_type application/octet-stream;
	charset utf-8; charset_types text/plain text/css text/javascript text/markdown application/javascript text/x-python;
	access_log off; sendfile on; absolute_redirect off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen unix:%[2]s; root %[3]s; index index.html; }
}`, dir, socket, pydoc), 0o644))
	var log bytes.Buffer
	cmd := exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", config)
	cmd.Stderr = &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	awaitListener(t, "unix", socket)
	return client("nginx", "unix", socket)
}

func client(name, network, addr string) *server {
	s := &server{name: name}
	s.Transport = &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	s.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what a client sees.
type answer struct {
	status int
	http.Header
	length int64
	body   []byte
}

// ask sends a request; fields are name, value, name, value.
func (s *server) ask(t *testing.T, method, path string, fields ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+s.name+".example"+path, nil)
	must(t, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	a, err := s.Do(r)
	must(t, err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%s: %s: %v", s.name, path, err)
	}
	return answer{a.StatusCode, a.Header, a.ContentLength, body}
}

// files are all that the tree has, as paths of a URL.
func files(t *testing.T) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(pydoc, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, (&url.URL{Path: strings.TrimPrefix(path, pydoc)}).EscapedPath())
		}
		return err
	}))
	if len(list) < 900 {
		t.Fatalf("%d files in %s: is python3.11-doc installed?", len(list), pydoc)
	}
	return list
}

// Every file comes byte for byte, with the status, type, validators, conditions and
// ranges of nginx.
func TestPythonDocumentationAsNginxServesIt(t *testing.T) {
	t.Parallel()
	ours, theirs := spindle(t), nginx(t)
	for _, path := range files(t) {
		t.Run(path, func(t *testing.T) {
			name, err := url.PathUnescape(path)
			must(t, err)
			want, err := os.ReadFile(pydoc + name)
			must(t, err)
			whole(t, ours, theirs, path, want)
			conditions(t, ours, theirs, path)
			ranges(t, ours, theirs, path, want)
		})
	}
}

func whole(t *testing.T, ours, theirs *server, path string, want []byte) {
	for range 2 { // from the disk, then from memory
		a, b := ours.ask(t, "GET", path), theirs.ask(t, "GET", path)
		if !bytes.Equal(a.body, want) || a.length != int64(len(want)) {
			t.Fatalf("%d bytes of %d", len(a.body), len(want))
		}
		same(t, "GET", a, b)
		a, b = ours.ask(t, "HEAD", path), theirs.ask(t, "HEAD", path)
		if a.length != b.length || len(a.body) != 0 {
			t.Errorf("HEAD: Content-Length %d, nginx says %d", a.length, b.length)
		}
		same(t, "HEAD", a, b)
	}
}

// same compares what both say of a file.
func same(t *testing.T, what string, a, b answer) {
	t.Helper()
	if a.status != b.status || !sameType(a.Get("Content-Type"), b.Get("Content-Type")) || a.Get("Last-Modified") != b.Get("Last-Modified") ||
		a.status == 200 && a.Get("Accept-Ranges") != b.Get("Accept-Ranges") || a.Get("Content-Range") != b.Get("Content-Range") ||
		(a.Get("ETag") == "") != (b.Get("ETag") == "") {
		t.Errorf("%s: %d %v\nnginx: %d %v", what, a.status, a.Header, b.status, b.Header)
	}
}

// sameType allows for where the two tables differ.
func sameType(a, b string) bool {
	a, _, _ = strings.Cut(a, ";")
	b, _, _ = strings.Cut(b, ";")
	switch {
	case a == "text/javascript": // RFC 9239; nginx has the older name
		return b == "application/javascript"
	case a == "application/xml": // RFC 7303: the two are one
		return b == "text/xml" || b == a
	case b == "application/octet-stream": // nginx does not know .py and .gz
		return a == "text/plain" || a == "application/gzip" || a == b
	}
	return a == b
}

func conditions(t *testing.T, ours, theirs *server, path string) {
	a, b := ours.ask(t, "HEAD", path), theirs.ask(t, "HEAD", path)
	for _, c := range []struct{ name, ours, theirs string }{
		{"If-None-Match", a.Get("ETag"), b.Get("ETag")},
		{"If-None-Match", `"x", W/` + a.Get("ETag"), `"x", W/` + b.Get("ETag")},
		{"If-None-Match", `"x"`, `"x"`},
		{"If-Match", a.Get("ETag"), b.Get("ETag")},
		{"If-Match", `"x"`, `"x"`},
		{"If-Modified-Since", a.Get("Last-Modified"), b.Get("Last-Modified")},
		{"If-Unmodified-Since", a.Get("Last-Modified"), b.Get("Last-Modified")},
		{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
	} {
		x, y := ours.ask(t, "GET", path, c.name, c.ours), theirs.ask(t, "GET", path, c.name, c.theirs)
		if x.status != y.status || x.status == 304 && (len(x.body) != 0 || x.Get("ETag") != a.Get("ETag")) {
			t.Errorf("%s: %s: %d %v; nginx: %d", c.name, c.ours, x.status, x.Header, y.status)
		}
	}
}

func ranges(t *testing.T, ours, theirs *server, path string, want []byte) {
	tag := ours.ask(t, "HEAD", path).Get("ETag")
	n := len(want)
	for _, value := range []string{
		"bytes=0-0", "bytes=0-99", "bytes=-100", fmt.Sprintf("bytes=%d-", n/2), fmt.Sprintf("bytes=%d-%d", n/3, n), "bytes=-99999999",
		fmt.Sprintf("bytes=%d-", n), fmt.Sprintf("bytes=0-9,%d-%d", n/2+20, n/2+29),
	} {
		a, b := ours.ask(t, "GET", path, "Range", value), theirs.ask(t, "GET", path, "Range", value)
		if n == 0 {
			continue // nothing to take a part of
		}
		kind, _, _ := mime.ParseMediaType(a.Get("Content-Type"))
		switch {
		case kind == "multipart/byteranges":
			if got, like := parts(t, a), parts(t, b); got != like {
				t.Errorf("%s: %.300q; nginx: %.300q", value, got, like)
			}
		case a.status == 416:
			if b.status != 416 || a.Get("Content-Range") != b.Get("Content-Range") {
				t.Errorf("%s: %d %v; nginx: %d %v", value, a.status, a.Header, b.status, b.Header)
			}
		default:
			same(t, value, a, b)
			if !bytes.Equal(a.body, b.body) {
				t.Errorf("%s: %d bytes, nginx has %d", value, len(a.body), len(b.body))
			}
		}
	}
	if x := ours.ask(t, "GET", path, "Range", "bytes=0-0", "If-Range", tag); n > 0 && x.status != 206 {
		t.Errorf("If-Range with its own tag %s: %d", tag, x.status)
	}
	if x := ours.ask(t, "GET", path, "Range", "bytes=0-0", "If-Range", `"x"`); x.status != 200 || !bytes.Equal(x.body, want) {
		t.Errorf("If-Range with another tag: %d", x.status)
	}
}

// parts is what a multipart/byteranges says, without boundary and types.
func parts(t *testing.T, a answer) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(a.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" || a.status != 206 || a.length != int64(len(a.body)) {
		t.Errorf("%d %v", a.status, a.Header)
		return ""
	}
	var b strings.Builder
	for r := multipart.NewReader(bytes.NewReader(a.body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return b.String()
		}
		must(t, err)
		body, err := io.ReadAll(p)
		must(t, err)
		fmt.Fprintf(&b, "%s\n%s\n", p.Header.Get("Content-Range"), body)
	}
}

// What is no file gets the status of nginx too.
func TestWhatIsNoFileAsNginxAnswers(t *testing.T) {
	t.Parallel()
	ours, theirs := spindle(t), nginx(t)
	for _, path := range []string{
		"/", "/library", "/library?x=1", "/library/", "/_static/", "/_static", "/none", "/none/", "/index.html/", "/index.html/x",
		"/library/none.html", "/%6cibrary/os.html", "/" + strings.Repeat("x", 300),
	} {
		a, b := ours.ask(t, "GET", path), theirs.ask(t, "GET", path)
		if a.status != b.status {
			t.Errorf("%s: %d, nginx: %d", path, a.status, b.status)
		}
		if a.status == 301 && resolve(t, path, a) != resolve(t, path, b) {
			t.Errorf("%s: to %s, nginx: to %s", path, a.Get("Location"), b.Get("Location"))
		}
	}
	for _, path := range []string{"/../html/index.html", "/%2e%2e/html/index.html", "/..%2fhtml/index.html", "/library/../../html/index.html"} {
		if a := ours.raw(t, path); a != 400 && a != 404 {
			t.Errorf("%s: %d", path, a)
		}
	}
	for _, method := range []string{"POST", "DELETE", "PUT"} {
		if a, b := ours.ask(t, method, "/index.html"), theirs.ask(t, method, "/index.html"); a.status != 405 || b.status != 405 {
			t.Errorf("%s: %d, nginx: %d", method, a.status, b.status)
		}
	}
}

// resolve is where a redirect leads.
func resolve(t *testing.T, path string, a answer) string {
	t.Helper()
	base, err := url.Parse("http://example" + path)
	must(t, err)
	to, err := base.Parse(a.Get("Location"))
	must(t, err)
	return to.RequestURI()
}

// raw asks for a path as it stands, and gives the status.
func (s *server) raw(t *testing.T, path string) int {
	t.Helper()
	r, err := http.NewRequest("GET", "http://example/", nil)
	must(t, err)
	r.URL.Opaque = path
	a, err := s.Do(r)
	must(t, err)
	a.Body.Close()
	return a.StatusCode
}
