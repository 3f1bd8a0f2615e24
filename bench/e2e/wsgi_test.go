//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// This file has spindle wsgi serve applications of the frameworks that Debian packages,
// and a project of Django's with its admin site.

const debianPython = "/usr/bin/python3"

// wsgiServer is a process of spindle wsgi.
type wsgiServer struct {
	*testing.T
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	said bytes.Buffer
	done chan struct{} // it says no more
}

var localURL = regexp.MustCompile(`Local +(http\S+)/\n`)

// startWSGI runs spindle wsgi until it says where it is.
func startWSGI(t *testing.T, program string, args ...string) *wsgiServer {
	t.Helper()
	s := &wsgiServer{T: t, done: make(chan struct{})}
	s.cmd = exec.Command(program, append([]string{"wsgi", "--listen", "127.0.0.1:0", "--log", "none"}, args...)...)
	errs, err := s.cmd.StderrPipe()
	must(t, err)
	must(t, s.cmd.Start())
	t.Cleanup(s.stop)
	found := make(chan string, 1)
	go s.read(errs, found)
	select {
	case s.url = <-found:
	case <-s.done:
		t.Fatalf("it ended: %s", s.text())
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not say where it is: %s", s.text())
	}
	return s
}

func (s *wsgiServer) read(from io.Reader, found chan string) {
	defer close(s.done)
	told := false
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		s.mu.Lock()
		s.said.WriteString(line)
		s.mu.Unlock()
		if m := localURL.FindStringSubmatch(line); m != nil && !told {
			told = true
			found <- m[1]
		}
		if err != nil {
			return
		}
	}
}

func (s *wsgiServer) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// stop ends it as Ctrl-C does. No worker may be left.
func (s *wsgiServer) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	late := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.done
	if err := s.cmd.Wait(); err != nil {
		s.Errorf("it ends with %v", err)
	}
	if s.Failed() {
		s.Log(s.text())
	}
}

// request is what a browser would send; the content is what came back.
func (s *wsgiServer) request(method, path, kind string, body io.Reader) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequest(method, s.url+path, body)
	must(s.T, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	a, err := http.DefaultClient.Do(r)
	must(s.T, err)
	defer a.Body.Close()
	content, err := io.ReadAll(a.Body)
	must(s.T, err)
	return a, string(content)
}

// want compares what a request gives.
func (s *wsgiServer) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %d bytes, %.200q, want %.200q", what, len(got), got, want)
	}
}

// Each application has the same pages, whatever its framework calls them.
func (s *wsgiServer) check() {
	_, page := s.request("GET", "/", "", nil)
	if !regexp.MustCompile(`<h1>.* page</h1>`).MatchString(page) {
		s.Errorf("the page: %.200q", page)
	}
	form := url.Values{"a": {"1"}, "b": {"café"}}.Encode()
	_, got := s.request("POST", "/form", "application/x-www-form-urlencoded", strings.NewReader(form))
	s.want("form", got, "a=1;b=café")
	var parts bytes.Buffer
	w := multipart.NewWriter(&parts)
	must(s.T, w.WriteField("a", "1"))
	must(s.T, w.WriteField("b", "two"))
	must(s.T, w.Close())
	_, got = s.request("POST", "/form", w.FormDataContentType(), bytes.NewReader(parts.Bytes()))
	s.want("multipart form", got, "a=1;b=two")
	_, got = s.request("POST", "/form", w.FormDataContentType(), struct{ io.Reader }{bytes.NewReader(parts.Bytes())})
	s.want("multipart form in chunks", got, "a=1;b=two")
	_, got = s.request("GET", "/stream", "", nil)
	s.want("stream", got, "chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n")
	s.checkCookies()
	if a, _ := s.request("GET", "/nothing/here", "", nil); a.StatusCode != 404 {
		s.Errorf("/nothing/here: %d", a.StatusCode)
	}
	_, got = s.request("GET", "/big", "", nil)
	s.want("big", got, strings.Repeat("0123456789abcdef", 65536))
	if a, body := s.request("HEAD", "/big", "", nil); a.StatusCode >= 500 || body != "" {
		s.Errorf("HEAD: %d", a.StatusCode)
	}
}

func (s *wsgiServer) checkCookies() {
	a, _ := s.request("GET", "/cookie", "", nil)
	if set := strings.ToLower(a.Header.Get("Set-Cookie")); !regexp.MustCompile(`^flavour="?oat"?;.*httponly`).MatchString(set) {
		s.Errorf("Set-Cookie: %q", set)
	}
	r, err := http.NewRequest("GET", s.url+"/cookie", nil)
	must(s.T, err)
	r.Header.Set("Cookie", "flavour=oat")
	a, err = http.DefaultClient.Do(r)
	must(s.T, err)
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	must(s.T, err)
	if !regexp.MustCompile(`had="?oat"?`).Match(got) {
		s.Errorf("the cookie came back as %q", got)
	}
}

// Quixote is in no package of Debian: it is looked at where it can be imported.
func TestWSGIFrameworks(t *testing.T) {
	t.Parallel()
	program := build(t, "cmd/spindle")
	for _, name := range []string{"bottle", "cherrypy", "django", "flask", "paste", "pyramid", "quixote", "webob", "webpy", "werkzeug"} {
		if name == "quixote" && exec.Command(debianPython, "-c", "import quixote.publish").Run() != nil {
			continue
		}
		dir := filepath.Join("testdata", "apps", name)
		for how, args := range map[string][]string{
			"plain":     {"app:application"},
			"validated": {"../validated.py"},
			"processes": {"app:application", "--workers", "2", "--threads", "1"},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s := startWSGI(t, program, append(args, "--chdir", dir, "--python", debianPython)...)
				s.check()
				if strings.Contains(s.text(), "Traceback") || strings.Contains(s.text(), "ERROR") {
					t.Errorf("it complains: %s", s.text())
				}
			})
		}
	}
}

// manage runs a command of a project of Django's.
func manage(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(patience(t), debianPython, append([]string{"manage.py"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// A project as django-admin makes it: SQLite, the admin site and its static files, and a
// browser that logs in.
func TestDjangoAdmin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(patience(t), "/usr/bin/django-admin", "startproject", "mysite", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	settings, err := os.OpenFile(filepath.Join(dir, "mysite", "settings.py"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprint(settings, "\nSTATIC_ROOT = BASE_DIR / 'collected'\nALLOWED_HOSTS = ['127.0.0.1']\nDEBUG = False\n")
	must(t, err)
	must(t, settings.Close())
	manage(t, dir, nil, "migrate", "-v0")
	manage(t, dir, nil, "collectstatic", "--noinput", "-v0")
	manage(t, dir, []string{"DJANGO_SUPERUSER_PASSWORD=correct horse"}, "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
	s := startWSGI(t, build(t, "cmd/spindle"), "mysite.wsgi", "--chdir", dir, "--python", debianPython,
		"--static", "/static="+filepath.Join(dir, "collected"))
	b := openChromium(t, s.url+"/admin/")
	b.until(`document.querySelector("#id_username") !== null`)
	b.eval(`document.querySelector("#id_username").value = "ada"; document.querySelector("#id_password").value = "correct horse";
		document.querySelector("#login-form").submit()`)
	b.until(`document.readyState === "complete" && document.querySelector("#user-tools") !== null`)
	if got := b.eval(`document.querySelector("#user-tools strong").textContent`); got != "ada" {
		t.Errorf("logged in as %q", got)
	}
	if got := b.eval(`getComputedStyle(document.querySelector("#header")).backgroundColor`); got != "rgb(65, 118, 144)" {
		t.Errorf("the header has the colour %q: no style sheet?", got)
	}
	b.eval(`location.href = "/admin/auth/user/add/"`)
	b.until(`location.pathname === "/admin/auth/user/add/" && document.readyState === "complete" && document.querySelector("#id_username") !== null`)
	b.eval(`document.querySelector("#id_username").value = "grace"; document.querySelector("#id_password1").value = "battery staple";
		document.querySelector("#id_password2").value = "battery staple"; document.querySelector("#user_form").submit()`)
	b.until(`location.pathname.endsWith("/change/") && document.readyState === "complete"`)
	if shot := os.Getenv("SCREENSHOT"); shot != "" {
		must(t, os.WriteFile(shot, b.screenshot(), 0o644))
	}
	if got := b.eval(`document.querySelector("#id_username").value`); got != "grace" {
		t.Errorf("the new user is %q", got)
	}
}
