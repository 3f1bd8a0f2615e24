//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource/proxy"
	"spindle/site"
)

// This file has requests passed on to servers that others have made, Node, nginx and net/http, for
// clients that others have made: curl, Chromium, python3-websockets.

// behindProxy serves a Proxy of upstreams at an endpoint.
func behindProxy(t *testing.T, endpoint string, upstreams ...string) (addr string, log *gwLog) {
	t.Helper()
	r := reactor.New()
	log = new(gwLog)
	r.Logger = log.logger()
	p, err := proxy.New(upstreams...)
	must(t, err)
	s := site.New(p)
	s.ErrorLog = log.logger()
	s.HalfCloseTimeout = time.Second // who leaves is known to have left after that
	port, err := r.Listen(endpoint, s)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		<-ended
	})
	return port.Addr().String(), log
}

// nodeUpstream starts the server of testdata/proxy.js.
func nodeUpstream(t *testing.T) (upstream string, cmd *exec.Cmd, log *safeBuffer) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "node.sock")
	cmd, log = exec.Command("node", "testdata/proxy.js", socket), new(safeBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	log.await(t, "ready")
	return "unix:" + socket, cmd, log
}

// curled is what curl prints, with -i, for a path.
func curled(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := exec.CommandContext(patience(t), "curl", append([]string{"-skiS", "--max-time", "20"}, args...)...).CombinedOutput()
	return string(out)
}

func TestProxyNode(t *testing.T) {
	t.Parallel()
	up, _, log := nodeUpstream(t)
	plain, _ := behindProxy(t, plainEndpoint, up)
	secure, _ := behindProxy(t, "tls:0:interface=127.0.0.1", up)
	for _, c := range []struct{ version, url, scheme string }{
		{"--http1.1", "http://" + plain, "http"}, {"--http1.1", "https://" + secure, "https"}, {"--http2", "https://" + secure, "https"},
	} {
		host := c.url[strings.LastIndexByte(c.url, '/')+1:]
		for path, wants := range map[string][]string{
			"/a%20b?c":  {"GET /a%20b?c " + host + " " + c.scheme + " 127.0.0.1", "et-cookie: a=1", "et-cookie: b=2"},
			"/hints":    {"103", "link: </a.css>; rel=preload", "hinted"},
			"/trailers": {"content"},
		} {
			got := curled(t, c.version, c.url+path)
			for _, want := range wants {
				if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
					t.Errorf("%s %s%s: there is no %q in\n%s", c.version, c.url, path, want, got)
				}
			}
		}
		for path, want := range map[string]string{"/half": "some", "/chunks": "some"} {
			cmd := exec.CommandContext(patience(t), "curl", "-sk", c.version, c.url+path)
			if out, err := cmd.Output(); err == nil || string(out) != want && len(out) > 0 {
				t.Errorf("%s %s%s: an answer that breaks off is taken for whole: %v %q", c.version, c.url, path, err, out)
			}
		}
		// An event arrives before the answer is done; when the client leaves the upstream is told, after
		// the time in which it might have closed its half only.
		got := curled(t, c.version, "-N", "--max-time", "1", c.url+"/events")
		if !strings.Contains(got, "data: first") {
			t.Errorf("%s %s: no event in\n%s", c.version, c.url, got)
		}
		_ = curled(t, c.version, "--max-time", "1", c.url+"/hang")
	}
	log.await(t, "left /events")
	log.await(t, "left /hang")
}

func TestProxyNodeDies(t *testing.T) {
	t.Parallel()
	up, cmd, _ := nodeUpstream(t)
	addr, log := behindProxy(t, plainEndpoint, up)
	if out, err := exec.Command("curl", "-s", "http://"+addr+"/die").Output(); err == nil {
		t.Errorf("half an answer is taken for whole: %q", out)
	}
	_ = cmd.Wait()
	if got := curled(t, "http://"+addr+"/"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("without an upstream: %s", got)
	}
	log.wants(t, "before its answer was complete")
	log.wants(t, "no connection to")
}

func TestProxyNginx(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content := bytes.Repeat([]byte("0123456789"), 50000)
	must(t, os.WriteFile(filepath.Join(dir, "file.txt"), content, 0o644))
	must(t, os.Chmod(dir, 0o755))
	conf, socket := filepath.Join(dir, "conf"), filepath.Join(dir, "s")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `daemon off; pid %[1]s/pid; error_log stderr crit; events {} user root;
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
gzip on; gzip_types text/plain; server { listen unix:%[2]s; root %[1]s; location /old { return 301 /file.txt; } } }`, dir, socket), 0o600))
	gwProcess(t, socket, "nginx", "-p", dir, "-c", conf)
	addr, _ := behindProxy(t, plainEndpoint, "unix:"+socket)
	direct, through := newGWClient("unix", socket), newGWClient("tcp", addr)
	for _, c := range []struct {
		method, path string
		fields       []string
	}{
		{"GET", "/file.txt", nil}, {"HEAD", "/file.txt", nil}, {"GET", "/file.txt", []string{"Range", "bytes=10-19"}},
		{"GET", "/file.txt", []string{"Range", "bytes=1-2,5-9"}}, {"GET", "/file.txt", []string{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}},
		{"GET", "/file.txt", []string{"Range", "bytes=900000-"}}, {"GET", "/old", nil}, {"GET", "/none", nil}, {"DELETE", "/file.txt", nil},
		{"GET", "/file.txt", []string{"Accept-Encoding", "gzip"}},
	} {
		a, wantBody, err := direct.ask(t, c.method, c.path, nil, c.fields...)
		must(t, err)
		b, body, err := through.ask(t, c.method, c.path, nil, c.fields...)
		must(t, err)
		boundary := regexp.MustCompile(`\d{20}`) // differs each time
		if a.StatusCode != b.StatusCode || boundary.ReplaceAllString(body, "") != boundary.ReplaceAllString(wantBody, "") {
			t.Errorf("%s %s %v: %d, %d bytes; nginx itself %d, %d bytes", c.method, c.path, c.fields, b.StatusCode, len(body), a.StatusCode, len(wantBody))
		}
		for _, name := range []string{"Content-Type", "Content-Range", "Content-Encoding", "Etag", "Last-Modified", "Content-Length", "Server"} {
			want, got := boundary.ReplaceAllString(a.Header.Get(name), ""), boundary.ReplaceAllString(b.Header.Get(name), "")
			if want != got {
				t.Errorf("%s %s %v: %s is %q; of nginx itself %q", c.method, c.path, c.fields, name, got, want)
			}
		}
	}
}

func TestProxyWebSockets(t *testing.T) {
	t.Parallel()
	up, told, _ := live(t, plainEndpoint)
	plain, _ := behindProxy(t, plainEndpoint, "http://"+up)
	wantWell(t, exec.CommandContext(patience(t), "/usr/bin/python3", "testdata/live_websockets.py", plain))
	secure, _ := behindProxy(t, "tls:0:interface=127.0.0.1", "http://"+up)
	for _, url := range []string{"http://" + plain, "https://" + secure} {
		openChromium(t, url+"/")
		select {
		case report := <-told:
			if report != "all is well" {
				t.Errorf("%s: %s", url, report)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s: the page tells nothing", url)
		}
	}
}

func TestProxyNetHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", strconv.FormatInt(n, 10))
	}))
	defer s.Close()
	addr, _ := behindProxy(t, plainEndpoint, s.URL)
	const size = 20 << 20
	r, err := http.Post("http://"+addr, "x/y", struct{ io.Reader }{io.LimitReader(zeros{}, size)})
	must(t, err)
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || n != size || r.Trailer.Get("X-Sum") != strconv.Itoa(size) {
		t.Errorf("%d bytes, %v, trailers %v", n, err, r.Trailer)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// residentKiB is the memory of a process.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

func TestProxyMemory(t *testing.T) {
	t.Parallel()
	up, _, log := nodeUpstream(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := gwProcess(t, socket, build(t, "cmd/spindle"), "web", "--quiet", "--proxy", "/="+up, "--listen", "unix:"+socket)
	c := newGWClient("unix", socket)
	if _, body, err := c.ask(t, "POST", "/upload", io.LimitReader(zeros{}, 1<<20)); err != nil || body != "got 1048576" {
		t.Fatalf("%q, %v", body, err)
	}

	before := residentKiB(t, cmd.Process.Pid)
	if _, body, err := c.ask(t, "POST", "/upload", io.LimitReader(zeros{}, 100<<20)); err != nil || body != "got 104857600" {
		t.Errorf("100 MiB up: %q, %v", body, err)
	}
	if after := residentKiB(t, cmd.Process.Pid); after-before > 8<<10 {
		t.Errorf("100 MiB up: %d KiB became %d KiB", before, after)
	}

	// Someone who reads slowly, and leaves after a while.
	before = residentKiB(t, cmd.Process.Pid)
	slow, err := net.Dial("unix", socket)
	must(t, err)
	fmt.Fprintf(slow, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
	buf := make([]byte, 64<<10)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := slow.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	if after := residentKiB(t, cmd.Process.Pid); after-before > 2<<10 {
		t.Errorf("a slow reader of 1 GiB: %d KiB became %d KiB", before, after)
	}
	slow.Close()
	log.await(t, "left /big")

	// And one who reads it all.
	r, err := c.Client.Get("http://x/big")
	must(t, err)
	n, err := io.Copy(io.Discard, r.Body)
	r.Body.Close()
	if err != nil || n != 1<<30 {
		t.Errorf("1 GiB: %d bytes, %v", n, err)
	}
	if after := residentKiB(t, cmd.Process.Pid); after-before > 8<<10 {
		t.Errorf("1 GiB down: %d KiB became %d KiB", before, after)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
}
