//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// This file runs the program of bench/apps/oneport: one Site with a part of every kind, each
// with the real program behind it.

// onePort is that program, and what is behind it.
type onePort struct {
	url  string
	log  *safeBuffer
	node *exec.Cmd
}

// djangoProject makes a project whose static files are collected below files, at
// /static/django/.
func djangoProject(t *testing.T, files string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(patience(t), "/usr/bin/django-admin", "startproject", "mysite", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	settings, err := os.OpenFile(filepath.Join(dir, "mysite", "settings.py"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(settings, "\nSTATIC_URL = '/static/django/'\nSTATIC_ROOT = %q\nALLOWED_HOSTS = ['127.0.0.1']\nDEBUG = False\n",
		filepath.Join(files, "django"))
	must(t, err)
	must(t, settings.Close())
	manage(t, dir, nil, "migrate", "-v0")
	manage(t, dir, nil, "collectstatic", "--noinput", "-v0")
	manage(t, dir, []string{"DJANGO_SUPERUSER_PASSWORD=correct horse"}, "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
	return dir
}

func startOnePort(t *testing.T) *onePort {
	t.Helper()
	source, err := filepath.Abs("../apps/oneport")
	must(t, err)
	files := t.TempDir()
	must(t, os.CopyFS(files, os.DirFS(filepath.Join(source, "static"))))
	django := djangoProject(t, files)
	fpm := phpFPM(t, 2)
	socket := filepath.Join(t.TempDir(), "node.sock")
	p := &onePort{log: new(safeBuffer)}
	said := new(safeBuffer)
	p.node = exec.Command("node", filepath.Join(source, "node", "server.js"), socket)
	p.node.Stdout, p.node.Stderr = said, said
	must(t, p.node.Start())
	t.Cleanup(func() {
		_ = p.node.Process.Kill()
		_ = p.node.Wait()
	})
	said.await(t, "ready")

	cmd := exec.Command(buildIn(t, "../apps", "./oneport"), "-listen", "tcp:0:interface=127.0.0.1", "-dir", source, "-static", files, "-django", django,
		"-python", debianPython, "-fpm", "unix:"+fpm, "-node", "unix:"+socket)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	p.log.await(t, "serving at")
	p.url = regexp.MustCompile(`http://\S+`).FindString(p.log.String())
	return p
}

// TestOnePort: each part answers, in a client and in a browser, and the page at the root
// tells how it does, also when one goes.
func TestOnePort(t *testing.T) {
	t.Parallel()
	p := startOnePort(t)
	p.fetchEach(t)
	b := openChromium(t, p.url)
	b.until(`document.querySelector('[data-path="django"] .how')?.textContent === "2 of 2 workers up, 0 under way, 0 waiting"`)
	b.browseEach(p.url)

	b.visit(p.url)
	for path, state := range map[string]string{
		"django": "2 of 2 workers up, 0 under way, 0 waiting",
		"flask":  "1 of 1 workers up, 0 under way, 0 waiting",
		"cgi":    "0 under way, 0 waiting",
		"gin":    "0 under way, 0 waiting",
	} {
		b.until(`document.querySelector('[data-path="` + path + `"] .how').textContent === "` + state + `"`)
	}
	b.until(`document.querySelector('[data-path="php"] .how').textContent.startsWith("1 of 1 up, 0 under way")`)
	b.until(`document.querySelector('[data-path="node"] .how').textContent.startsWith("1 of 1 up, ")`) // the page before may still listen
	keepShot(t, "oneport.png", b.whole())

	must(t, p.node.Process.Kill())
	_ = p.node.Wait()
	if res, _ := p.get(t, new(http.Client), "node/"); res.StatusCode != 502 {
		t.Errorf("node is gone: %d", res.StatusCode)
	}
	b.until(`document.querySelector('[data-path="node"] .how').textContent.startsWith("0 of 1 up")`)
	keepShot(t, "oneport-down.png", b.whole())
	if res, _ := p.get(t, new(http.Client), "flask/"); res.StatusCode != 200 {
		t.Errorf("the rest is unharmed: %d", res.StatusCode)
	}
}

// get asks for a path.
func (p *onePort) get(t *testing.T, c *http.Client, path string) (*http.Response, string) {
	t.Helper()
	res, err := c.Get(p.url + path)
	must(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	must(t, err)
	return res, string(content)
}

// fetchEach asks for a page of each part.
func (p *onePort) fetchEach(t *testing.T) {
	jar, err := cookiejar.New(nil)
	must(t, err)
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	for path, want := range map[string]string{
		"":                                 `data-path="django"`,
		"static/":                          "files of a directory",
		"static/style.css":                 "rgb(20, 120, 60)",
		"static/django/admin/css/base.css": "DJANGO Admin",
		"django/admin/login/":              "id_username",
		"flask/":                           "<h1>Flask</h1>",
		"php/":                             "<h1>PHP</h1>",
		"php/index.php":                    `<b id="visits">`,
		"gin/":                             "<h1>gin</h1>",
		"gin/ping":                         `{"message":"pong"}`,
		"cgi/":                             "answers GET /cgi/index.cgi for 127.0.0.1",
		"node/":                            "is asked for / and says",
	} {
		if res, got := p.get(t, c, path); res.StatusCode != 200 || !strings.Contains(got, want) {
			t.Errorf("/%s: %d %.300q, want %q", path, res.StatusCode, got, want)
		}
	}
}

// visit opens a page.
func (b *browser) visit(url string) {
	b.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`location.href === ` + quoteJS(url) + ` && document.readyState === "complete"`)
}

// whole is a picture of the page in its whole length.
func (b *browser) whole() []byte {
	b.Helper()
	height := 0
	_, _ = fmt.Sscan(b.eval("document.documentElement.scrollHeight"), &height)
	size := map[string]any{"width": 1100, "height": max(height, 800), "deviceScaleFactor": 1, "mobile": false}
	b.call("Emulation.setDeviceMetricsOverride", size, nil)
	defer b.call("Emulation.clearDeviceMetricsOverride", map[string]any{}, nil)
	b.eval("window.woven = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.woven = true })); 1")
	b.until("window.woven") // its threads, anew
	return b.screenshot()
}

// browseEach goes through the parts as somebody does who uses them.
func (b *browser) browseEach(url string) {
	b.visit(url + "static/")
	b.until(`getComputedStyle(document.querySelector("h1")).color === "rgb(20, 120, 60)"`)
	keepShot(b.T, "oneport-static.png", b.screenshot())

	b.visit(url + "django/admin/login/")
	b.eval(`document.querySelector("#id_username").value = "ada"; document.querySelector("#id_password").value = "correct horse";
		document.querySelector("input[name=next]").value = "/django/admin/"; document.querySelector("#login-form").submit()`)
	b.until(`document.readyState === "complete" && document.querySelector("#user-tools strong")?.textContent === "ada"`)
	b.until(`getComputedStyle(document.querySelector("#header")).backgroundColor === "rgb(65, 118, 144)"`)
	keepShot(b.T, "oneport-django.png", b.screenshot())

	b.visit(url + "flask/")
	b.eval(`document.querySelector("input").value = "a <note>"; document.forms[0].submit()`)
	b.until(`document.querySelector("li")?.textContent === "a <note>"`)
	keepShot(b.T, "oneport-flask.png", b.screenshot())

	b.visit(url + "php/")
	b.eval(`location.reload()`)
	b.until(`document.querySelector("#visits")?.textContent === "2"`)
	keepShot(b.T, "oneport-php.png", b.screenshot())

	b.visit(url + "gin/")
	b.eval(`document.querySelector("a").click()`)
	b.until(`document.body?.textContent === '{"message":"pong"}'`)
	keepShot(b.T, "oneport-gin.png", b.screenshot())

	b.visit(url + "cgi/")
	b.until(`document.querySelector("p").textContent.includes("answers GET /cgi/index.cgi")`)
	keepShot(b.T, "oneport-cgi.png", b.screenshot())

	b.visit(url + "node/")
	b.until(`document.querySelector("#time").textContent.includes("T")`)
	keepShot(b.T, "oneport-node.png", b.screenshot())
}
