//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// This file has spindle web behind web servers: nginx and lighttpd ask it by FastCGI and
// SCGI, lighttpd starts it by CGI, and what comes of it is what it serves itself.

// gwFiles is a tree of files to serve.
func gwFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "sub dir"), 0o755))
	large := make([]byte, 5<<20)
	rand.Read(large)
	for name, content := range map[string][]byte{
		"index.html": []byte("<p>index"), "a.txt": []byte("0123456789"), "empty": nil, "large.bin": large,
		"sub dir/é.txt": []byte("umlaut"), "sub dir/index.html": []byte("sub"),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
		old := time.Now().Add(-time.Hour) // so that its ETag is a strong one from the first
		must(t, os.Chtimes(filepath.Join(dir, name), old, old))
	}
	os.Chmod(dir, 0o755)
	return dir
}

// gwSpindle runs spindle web at a UNIX socket.
func gwSpindle(t *testing.T, args ...string) string {
	t.Helper()
	name := build(t, "cmd/spindle")
	socket := filepath.Join(t.TempDir(), "s")
	gwProcess(t, socket, append([]string{name, "web", "--listen", "unix:" + socket, "--log", "none"}, args...)...)
	return socket
}

func gwNginx(t *testing.T, location string) *gwClient {
	t.Helper()
	dir := t.TempDir()
	socket, config := filepath.Join(dir, "sock"), filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 256; }
http {
	access_log off; client_max_body_size 0;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	%[3]s
}`, dir, socket, strings.ReplaceAll(location, "LISTEN", "listen unix:"+socket)), 0o644))
	gwProcess(t, socket, "nginx", "-e", "stderr", "-p", dir, "-c", config)
	return newGWClient("unix", socket)
}

func gwLighttpd(t *testing.T, config string) *gwClient {
	t.Helper()
	dir := t.TempDir()
	socket, name := filepath.Join(dir, "sock"), filepath.Join(dir, "lighttpd.conf")
	must(t, os.WriteFile(name, fmt.Appendf(nil, `
server.document-root = "%[1]s"
server.bind = "%[2]s"
server.errorlog = "%[1]s/log"
server.upload-dirs = ("%[1]s")
%[3]s
`, dir, socket, config), 0o644))
	gwProcess(t, socket, "lighttpd", "-D", "-f", name)
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(dir, "log")); err == nil && t.Failed() {
			t.Logf("%s", log)
		}
	})
	return newGWClient("unix", socket)
}

// TestBehind: the same tree, over HTTP and behind each server.
func TestBehind(t *testing.T) {
	t.Parallel()
	files := gwFiles(t)
	itself := newGWClient("unix", gwSpindle(t, "--path", files))
	fast, scgi := gwSpindle(t, "--path", files, "--as", "fastcgi"), gwSpindle(t, "--path", files, "--as", "scgi")
	for name, s := range map[string]*gwClient{
		"nginx, FastCGI": gwNginx(t, `server { LISTEN; location / { include /etc/nginx/fastcgi_params; fastcgi_pass unix:`+fast+`; } }`),
		"nginx, FastCGI, kept": gwNginx(t, `upstream u { server unix:`+fast+`; keepalive 2; }
			server { LISTEN; location / { include /etc/nginx/fastcgi_params; fastcgi_pass u; fastcgi_keep_conn on; } }`),
		"nginx, FastCGI, unbuffered": gwNginx(t, `server { LISTEN; location / { include /etc/nginx/fastcgi_params;
			fastcgi_buffering off; fastcgi_request_buffering off; fastcgi_pass unix:`+fast+`; } }`),
		"nginx, SCGI": gwNginx(t, `server { LISTEN; location / { include /etc/nginx/scgi_params; scgi_pass unix:`+scgi+`; } }`),
		"lighttpd, FastCGI": gwLighttpd(t, `server.modules = ("mod_fastcgi")
			fastcgi.server = ("/" => (("socket" => "`+fast+`", "check-local" => "disable", "fix-root-scriptname" => "enable")))`),
		"lighttpd, SCGI": gwLighttpd(t, `server.modules = ("mod_scgi")
			scgi.server = ("/" => (("socket" => "`+scgi+`", "check-local" => "disable", "fix-root-scriptname" => "enable")))`),
	} {
		t.Run(name, func(t *testing.T) { gwCompare(t, itself, s, "") })
	}
}

// gwCompare asks both for the same, and wants the same. prefix is where the second has the
// tree.
func gwCompare(t *testing.T, itself, behind *gwClient, prefix string) {
	t.Helper()
	etag := ""
	for _, q := range []struct {
		method, path string
		fields       []string
	}{
		{"GET", "/a.txt", nil},
		{"HEAD", "/a.txt", nil},
		{"GET", "/", nil},
		{"GET", "/empty", nil},
		{"GET", "/large.bin", nil},
		{"HEAD", "/large.bin", nil},
		{"GET", "/large.bin", []string{"Range", "bytes=1000000-3000000"}},
		{"GET", "/a.txt", []string{"Range", "bytes=2-4"}},
		{"GET", "/a.txt", []string{"Range", "bytes=99-"}},
		{"GET", "/a.txt", []string{"If-None-Match", "ETAG"}},
		{"GET", "/sub%20dir/%C3%A9.txt?x=1", nil},
		{"GET", "/sub%20dir", nil},
		{"GET", "/sub%20dir/", nil},
		{"GET", "/missing", nil},
		{"POST", "/a.txt", nil},
		{"OPTIONS", "/a.txt", nil},
	} {
		fields := append([]string(nil), q.fields...)
		for i := range fields {
			fields[i] = strings.Replace(fields[i], "ETAG", etag, 1)
		}
		a, want, err := itself.ask(t, q.method, q.path, nil, fields...)
		must(t, err)
		b, got, err := behind.ask(t, q.method, prefix+q.path, nil, fields...)
		if err != nil || a.StatusCode != b.StatusCode || want != got {
			t.Errorf("%s %s %q: %d, %d bytes, %v; itself %d, %d bytes", q.method, q.path, fields, b.StatusCode, len(got), err, a.StatusCode, len(want))
			continue
		}
		for _, f := range []string{"Content-Type", "Etag", "Last-Modified", "Content-Range", "Location", "Allow", "Cache-Control"} {
			if a.Header.Get(f) != b.Header.Get(f) {
				t.Errorf("%s %s: %s: %q, itself %q", q.method, q.path, f, b.Header.Get(f), a.Header.Get(f))
			}
		}
		if e := a.Header.Get("Etag"); e != "" {
			etag = e
		}
	}
}

// TestBehindByCGI: lighttpd starts a process for each request.
func TestBehindByCGI(t *testing.T) {
	t.Parallel()
	files := gwFiles(t)
	name := build(t, "cmd/spindle")
	bin := t.TempDir()
	os.Chmod(bin, 0o755)
	must(t, os.WriteFile(filepath.Join(bin, "site.cgi"), fmt.Appendf(nil, "#!/bin/sh\nexec %s web --as cgi --path '%s'\n", name, files), 0o755))
	s := gwLighttpd(t, `server.modules = ("mod_alias", "mod_cgi")
		alias.url = ("/cgi-bin/" => "`+bin+`/")
		$HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ("" => "") }`)
	gwCompare(t, newGWClient("unix", gwSpindle(t, "--path", files)), s, "/cgi-bin/site.cgi")
}

// TestBehindContent: content goes through to the application behind, however it comes: a
// script of CGI, behind spindle, behind nginx. (It reads before it answers: nginx sends no
// more of the content when the head of the answer has come.)
func TestBehindContent(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "sum.sh")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\nn=$(wc -c)\necho 'Content-Type: text/plain'\necho\necho \"$REQUEST_METHOD $PATH_INFO $CONTENT_LENGTH $REMOTE_ADDR\"\necho $n\n"), 0o755))
	for _, as := range []string{"fastcgi", "scgi"} {
		socket := gwSpindle(t, "--cgi", "/sum="+script, "--as", as)
		for _, buffering := range []string{"on", "off"} {
			if buffering == "off" && as == "scgi" {
				continue // nginx then tells the length of what has come by the time
			}
			s := gwNginx(t, `server { LISTEN; location / { include /etc/nginx/`+as+`_params; `+as+`_request_buffering `+buffering+`; `+as+`_pass unix:`+socket+`; } }`)
			body := make([]byte, 3<<20)
			_, got, err := s.ask(t, "POST", "/sum/x", bytes.NewReader(body))
			if err != nil || !strings.HasPrefix(got, "POST /x 3145728 ") || !strings.Contains(got, "\n3145728") {
				t.Errorf("%s, buffering %s: %q %v", as, buffering, got, err)
			}
			_, got, err = s.ask(t, "POST", "/sum/y", io.MultiReader(bytes.NewReader(body)))
			if err != nil || !strings.Contains(got, "\n3145728") {
				t.Errorf("%s, chunked, buffering %s: %q %v", as, buffering, got, err)
			}
		}
	}
}

// TestBehindClientLeaves: nginx tells that a client is gone, and the script behind is
// ended.
func TestBehindClientLeaves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script, pid := filepath.Join(dir, "hang.sh"), filepath.Join(dir, "pid")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\necho $$ > "+pid+"\nsleep 60\n"), 0o755))
	socket := gwSpindle(t, "--cgi", "/hang="+script, "--as", "fastcgi")
	s := gwNginx(t, `server { LISTEN; location / { include /etc/nginx/fastcgi_params; fastcgi_pass unix:`+socket+`; } }`)
	s.Timeout = time.Second
	if _, err := s.Get("http://example.test/hang"); err == nil {
		t.Fatal("the script does not hang")
	}
	text, err := os.ReadFile(pid)
	must(t, err)
	var n int
	fmt.Sscan(string(text), &n)
	awaitEnd(t, n) // nobody waits for the script any more
}

// TestCGIByHand: a process that answers one request, as any server would start it.
func TestCGIByHand(t *testing.T) {
	t.Parallel()
	name := build(t, "cmd/spindle")
	files := gwFiles(t)
	run := func(env ...string) (string, error) {
		cmd := exec.Command(name, "web", "--as", "cgi", "--path", files)
		cmd.Env = append([]string{"GATEWAY_INTERFACE=CGI/1.1", "PATH=/usr/bin", "HOME=/nonexistent"}, env...)
		out, err := cmd.Output()
		return string(out), err
	}
	out, err := run("REQUEST_METHOD=GET", "SCRIPT_NAME=/x", "PATH_INFO=/a.txt")
	if err != nil || !strings.HasPrefix(out, "Status: 200 OK\r\n") || !strings.HasSuffix(out, "0123456789") {
		t.Errorf("%q %v", out, err)
	}
	out, err = run("REQUEST_METHOD=G T", "SCRIPT_NAME=/x", "PATH_INFO=/a.txt")
	if err != nil || !strings.HasPrefix(out, "Status: 400") {
		t.Errorf("%q %v", out, err)
	}
	cmd := exec.Command(name, "web", "--as", "cgi")
	cmd.Env = []string{"PATH=/usr/bin", "HOME=/nonexistent"}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "a web server starts it") {
		t.Errorf("by hand: %q %v", out, err)
	}
}
