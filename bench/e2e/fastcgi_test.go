//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/fastcgi"
	"spindle/resource/gateway"
	"spindle/resource/static"
	"spindle/site"
)

// php is the application, absolute.
func phpRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("testdata/php")
	must(t, err)
	return root
}

// gwProcess starts a program that ends with the test, and waits for its socket.
func gwProcess(t *testing.T, socket string, args ...string) *exec.Cmd {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", args[0], log.String())
		}
	})
	awaitListener(t, "unix", socket)
	return cmd
}

// phpFPM runs php-fpm with so many children, and gives its socket.
func phpFPM(t testing.TB, children int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fpm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	socket, config := filepath.Join(dir, "sock"), filepath.Join(dir, "fpm.conf")
	text := fmt.Sprintf(`
[global]
error_log = %[1]s/log
pid = %[1]s/pid
daemonize = no
[www]
listen = %[1]s/sock
listen.mode = 0666
pm = static
pm.max_children = %[2]d
catch_workers_output = no
php_admin_value[upload_max_filesize] = 200M
php_admin_value[post_max_size] = 300M
php_admin_value[upload_tmp_dir] = %[1]s
php_admin_value[memory_limit] = 64M
php_admin_value[display_errors] = 0
php_admin_value[log_errors] = 1
php_admin_value[html_errors] = 0
`, dir, children)
	if os.Getuid() == 0 {
		text += "user = nobody\ngroup = nogroup\n"
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("php-fpm8.2")
	if err != nil {
		matches, _ := filepath.Glob("/usr/sbin/php-fpm*")
		if len(matches) == 0 {
			t.Fatal("php-fpm is missing")
		}
		program = matches[0]
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "-F", "-y", config)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	awaitListener(t, "unix", socket)
	return socket
}

// gwLog is a log that a test reads.
type gwLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *gwLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *gwLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *gwLog) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// wants waits until the log has the text.
func (l *gwLog) wants(t *testing.T, text string) {
	t.Helper()
	await(t, 10*time.Second, func() error {
		if got := l.String(); !strings.Contains(got, text) {
			return fmt.Errorf("the log does not have %q:\n%s", text, got)
		}
		return nil
	})
}

// gwServe serves a tree on a port of its own, and gives a client for it.
func gwServe(t *testing.T, root resource.Resource, log *gwLog) *gwClient {
	t.Helper()
	r := reactor.New()
	s := site.New(root)
	s.ErrorLog = log.logger()
	port, err := r.Listen("tcp:0:interface=127.0.0.1", s)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return newGWClient("tcp", port.Addr().String())
}

// gwClient asks one server, and follows no redirect.
type gwClient struct{ http.Client }

func newGWClient(network, addr string) *gwClient {
	c := &gwClient{client("", network, addr).Client}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// ask asks for a path, and gives the answer with its content read. An error is that of
// the content.
func (s *gwClient) ask(t *testing.T, method, path string, body io.Reader, fields ...string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequest(method, "http://example.test"+path, body)
	must(t, err)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := s.Do(req)
	must(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return res, string(content), err
}

// wantPage asks for a path by GET, and compares.
func (s *gwClient) wantPage(t *testing.T, path string, status int, content string) {
	t.Helper()
	res, got, err := s.ask(t, "GET", path, nil)
	if err != nil || res.StatusCode != status || !strings.Contains(got, content) {
		t.Errorf("GET %s: %d %.200q %v, want %d %q", path, res.StatusCode, got, err, status, content)
	}
}

func phpApp(t *testing.T, log *gwLog, sockets ...string) *fastcgi.PHP {
	t.Helper()
	root := phpRoot(t)
	app := fastcgi.NewPHP(root)
	app.Files = static.New(root)
	for _, s := range sockets {
		app.Backends = append(app.Backends, "unix:"+s)
	}
	app.MaxBodyBytes = -1
	app.Logger = log.logger()
	return app
}

// TestPHP: an application in PHP, as its users see it.
func TestPHP(t *testing.T) {
	t.Parallel()
	var log gwLog
	app := phpApp(t, &log, phpFPM(t, 4))
	private := t.TempDir()
	must(t, os.WriteFile(filepath.Join(private, "f.txt"), []byte("0123456789"), 0o644))
	app.Sendfile = &gateway.Files{Roots: []string{private}, Accel: map[string]string{"/private/": private}}
	app.ReadTimeout = 2 * time.Second
	app.MaxIdle = 2
	root := new(resource.Tree).PutChild("app", app)
	root.PutChild("elsewhere", resource.NewData([]byte("there"), "text/plain"))
	s := gwServe(t, root, &log)

	s.wantPage(t, "/app/", 200, "index\n")
	s.wantPage(t, "/app/index.php", 200, "index\n")
	s.wantPage(t, "/app/sub/info.php/a%20b/c", 200, "/app/sub/info.php|/a b/c|info.php")
	s.wantPage(t, "/app/style.css", 200, "color: black")
	s.wantPage(t, "/app/secret.inc", 404, "")
	s.wantPage(t, "/app/style.css/x.php", 404, "")
	s.wantPage(t, "/app/missing.php", 404, "")
	s.wantPage(t, "/app/..%2findex.php", 404, "")
	s.wantPage(t, "/app/index.php/status", 404, "not here")
	s.wantPage(t, "/app/index.php/exit", 200, "before")
	s.wantPage(t, "/app/index.php/fatal", 500, "")
	log.wants(t, "undefined_function")
	s.wantPage(t, "/app/index.php/log", 200, "logged")
	log.wants(t, "first line of trouble")
	log.wants(t, "second line")
	s.wantPage(t, "/app/index.php/nothing", 204, "")
	s.wantPage(t, "/app/index.php/sendfile?file="+private+"/f.txt", 200, "0123456789")
	s.wantPage(t, "/app/index.php/sendfile?file=/etc/passwd", 502, "")
	s.wantPage(t, "/app/index.php/accel?path=/private/f.txt", 200, "0123456789")
	s.wantPage(t, "/app/index.php/accel?path=/private/../f.txt", 502, "")
	s.wantPage(t, "/app/index.php/hang", 504, "")
	s.wantPage(t, "/app/index.php/die", 502, "")
	log.wants(t, "closed the connection before the answer was whole")

	res, _, _ := s.ask(t, "GET", "/app", nil)
	if res.StatusCode != 308 || res.Header.Get("Location") != "./app/" {
		t.Errorf("without the slash: %d %q", res.StatusCode, res.Header.Get("Location"))
	}
	res, _, _ = s.ask(t, "GET", "/app/index.php/redirect", nil)
	if res.StatusCode != 302 || res.Header.Get("Location") != "/elsewhere" {
		t.Errorf("redirect: %d %q", res.StatusCode, res.Header.Get("Location"))
	}
	res, part, _ := s.ask(t, "GET", "/app/index.php/sendfile?file="+private+"/f.txt", nil, "Range", "bytes=2-4")
	if res.StatusCode != 206 || part != "234" {
		t.Errorf("a range of a sent file: %d %q", res.StatusCode, part)
	}
	s.wantPage(t, "/app/index.php/lies", 502, "")
	if res, err := s.Get("http://example.test/app/index.php/fatal-late"); err == nil {
		if got, err := io.ReadAll(res.Body); err == nil && res.StatusCode == 200 {
			t.Errorf("a cut answer of %d bytes looks whole", len(got))
		}
		res.Body.Close()
	}
	s.wantPage(t, "/app/", 200, "index\n") // and it goes on
}

func TestPHPForms(t *testing.T) {
	t.Parallel()
	var log gwLog
	s := gwServe(t, phpApp(t, &log, phpFPM(t, 4)), &log)
	var form struct {
		Get, Post, Cookie map[string]string
		Raw               int
	}
	_, got, err := s.ask(t, "POST", "/index.php/form?q=%C3%A9", strings.NewReader("a=1&b=x+y"),
		"Content-Type", "application/x-www-form-urlencoded", "Cookie", "c=1", "Cookie", "d=2")
	must(t, err)
	must(t, json.Unmarshal([]byte(got), &form))
	if form.Get["q"] != "é" || form.Post["b"] != "x y" || form.Cookie["c"] != "1" || form.Cookie["d"] != "2" || form.Raw != 9 {
		t.Errorf("form: %s", got)
	}
	// Chunked, so without a length beforehand.
	_, got, err = s.ask(t, "POST", "/index.php/form", io.MultiReader(strings.NewReader("a=chu"), strings.NewReader("nked")),
		"Content-Type", "application/x-www-form-urlencoded")
	must(t, err)
	if !strings.Contains(got, `"a":"chunked"`) {
		t.Errorf("chunked form: %s", got)
	}
	s.upload(t, "/index.php/upload")

	jar, _ := cookiejar.New(nil)
	s.Jar = jar
	for want := 1; want <= 3; want++ {
		if _, got, _ := s.ask(t, "GET", "/index.php/session", nil); got != fmt.Sprint(want) {
			t.Errorf("session: %q, want %d", got, want)
		}
	}
	s.Jar = nil
	res, got, _ := s.ask(t, "GET", "/index.php/cookies", nil, "Cookie", "c=see")
	if got != "see" || len(res.Cookies()) != 2 || res.Cookies()[1].Value != "two%20words" {
		t.Errorf("cookies: %q %v", got, res.Cookies())
	}
}

// upload sends several files, the largest of 50 MiB, once with its length and once
// chunked.
func (s *gwClient) upload(t *testing.T, path string) {
	t.Helper()
	large := make([]byte, 50<<20)
	rand.Read(large)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	w.WriteField("text", "value")
	for name, content := range map[string][]byte{"small": []byte("small"), "large": large, "empty": nil} {
		part, _ := w.CreateFormFile(name, name+".bin")
		part.Write(content)
	}
	w.Close()
	sum := sha1.Sum(large)
	for _, chunked := range []bool{false, true} {
		var r io.Reader = bytes.NewReader(body.Bytes())
		if chunked {
			r = io.MultiReader(r)
		}
		_, got, err := s.ask(t, "POST", path, r, "Content-Type", w.FormDataContentType())
		must(t, err)
		var answer struct {
			Post  map[string]string
			Files map[string]struct {
				Name, SHA1  string
				Size, Error int
			}
		}
		must(t, json.Unmarshal([]byte(got), &answer))
		f := answer.Files["large"]
		if answer.Post["text"] != "value" || f.Size != 50<<20 || f.SHA1 != hex.EncodeToString(sum[:]) || answer.Files["small"].Size != 5 {
			t.Errorf("upload, chunked %v: %s", chunked, got)
		}
	}
}

func TestPHPStreams(t *testing.T) {
	t.Parallel()
	var log gwLog
	s := gwServe(t, phpApp(t, &log, phpFPM(t, 2)), &log)
	res, err := s.Get("http://example.test/index.php/stream")
	must(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	begun := time.Now()
	var first time.Duration
	n := 0
	for ; lines.Scan(); n++ {
		if n == 0 {
			first = time.Since(begun)
		}
	}
	if all := time.Since(begun); n != 5 || all-first < 150*time.Millisecond {
		t.Errorf("%d lines, the first after %v, all after %v: not as they came", n, first, all)
	}
	_, got, err := s.ask(t, "GET", "/index.php/big?n=320", nil)
	if err != nil || len(got) != 320*65536 {
		t.Errorf("20 MiB: %d bytes, %v", len(got), err)
	}
	// A client that leaves does not keep a process: both are free again.
	for range 4 {
		c := &http.Client{Transport: s.Transport, Timeout: 100 * time.Millisecond}
		if res, err := c.Get("http://example.test/index.php/big?n=100000"); err == nil {
			res.Body.Close()
		}
	}
	s.wantPage(t, "/", 200, "index\n")
}

// TestPHPBackends: one that is not there is left out, one that ends is replaced.
func TestPHPBackends(t *testing.T) {
	t.Parallel()
	var log gwLog
	a, b := phpFPM(t, 2), phpFPM(t, 2)
	app := phpApp(t, &log, filepath.Join(t.TempDir(), "nobody"), a, b)
	app.Fallback = "front.php"
	s := gwServe(t, app, &log)
	for range 20 {
		s.wantPage(t, "/some/route?x=1", 200, "front /some/route?x=1")
	}
	log.wants(t, "there is no such socket")
	if n := strings.Count(log.String(), "there is no such socket"); n > 2 {
		t.Errorf("%d attempts at a backend that is not there", n)
	}

	var alone gwLog
	app = phpApp(t, &alone, filepath.Join(t.TempDir(), "nobody"))
	gwServe(t, app, &alone).wantPage(t, "/", 502, "")
	alone.wants(t, "there is no such socket")
}

// TestPHPVariables: what PHP finds in $_SERVER behind nginx it finds behind us, but for
// what is said here.
func TestPHPVariables(t *testing.T) {
	t.Parallel()
	var log gwLog
	socket := phpFPM(t, 4)
	ours := gwServe(t, phpApp(t, &log, socket), &log)
	reference := nginxPHP(t, phpRoot(t), socket)
	for _, path := range []string{"/index.php/vars", "/index.php/vars?a=b&c=%20+x", "/index.php/vars?"} {
		get := func(s *gwClient) map[string]any {
			_, got, err := s.ask(t, "POST", path, strings.NewReader("x=1"), "Content-Type", "application/x-www-form-urlencoded",
				"X-Custom", "1", "X-Custom", "2", "X_Under", "evil", "Proxy", "evil", "Authorization", "Basic eDp5", "Accept-Language", "de")
			must(t, err)
			var vars map[string]any
			if err := json.Unmarshal([]byte(got), &vars); err != nil {
				return map[string]any{"page": got}
			}
			return vars
		}
		mine, theirs := get(ours), get(reference)
		if _, no := theirs["page"]; no {
			continue
		}
		if mine["HTTP_PROXY"] != nil || mine["HTTP_X_UNDER"] != nil {
			t.Errorf("%s: HTTP_PROXY %v, HTTP_X_UNDER %v", path, mine["HTTP_PROXY"], mine["HTTP_X_UNDER"])
		}
		for _, own := range []string{
			"FCGI_ROLE", "REQUEST_TIME", "REQUEST_TIME_FLOAT", "REMOTE_PORT", "SERVER_PORT", "SERVER_SOFTWARE", // differ by nature
			"SERVER_NAME",                              // nginx's is that of its configuration
			"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", // nginx has them twice
			"HTTP_PROXY",                 // nginx passes it on
			"PATH_TRANSLATED",            // its manual leaves it out
			"HTTP_X_CUSTOM",              // of several fields, nginx before 1.23 takes one
			"REMOTE_USER",                // nginx takes the client's word
			"REMOTE_ADDR", "SERVER_ADDR", // nginx listens at a UNIX socket here
		} {
			delete(mine, own)
			delete(theirs, own)
		}
		if !reflect.DeepEqual(mine, theirs) {
			for name, value := range theirs {
				if !reflect.DeepEqual(mine[name], value) {
					t.Errorf("%s: %s: %v, behind nginx %v", path, name, mine[name], value)
				}
			}
			for name, value := range mine {
				if theirs[name] == nil {
					t.Errorf("%s: %s: %v, behind nginx nothing", path, name, value)
				}
			}
		}
	}
}

// nginxPHP is nginx in front of php-fpm, as its manual says.
func nginxPHP(t *testing.T, root, fpm string) *gwClient {
	t.Helper()
	dir := t.TempDir()
	socket, config := filepath.Join(dir, "sock"), filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 256; }
http {
	access_log off; merge_slashes off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server {
		listen unix:%[2]s; root %[3]s;
		location ~ [^/]\.php(/|$) {
			fastcgi_split_path_info ^(.+?\.php)(/.*)$;
			include /etc/nginx/fastcgi_params;
			fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
			fastcgi_param PATH_INFO $fastcgi_path_info;
			fastcgi_pass unix:%[4]s;
		}
	}
}`, dir, socket, root, fpm), 0o644))
	gwProcess(t, socket, "nginx", "-e", "stderr", "-p", dir, "-c", config)
	return newGWClient("unix", socket)
}

// TestPHPClientLeaves: the process behind is told when its client is gone.
func TestPHPClientLeaves(t *testing.T) {
	t.Parallel()
	var log gwLog
	s := gwServe(t, phpApp(t, &log, phpFPM(t, 1)), &log)
	u, _ := url.Parse("http://example.test/index.php/big?n=1000000")
	req := &http.Request{Method: "GET", URL: u}
	res, err := s.Do(req)
	must(t, err)
	io.CopyN(io.Discard, res.Body, 1<<20)
	res.Body.Close()
	begun := time.Now()
	s.wantPage(t, "/", 200, "index\n") // by the only process
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("the only process was free after %v", d)
	}
}
