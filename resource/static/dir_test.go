package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// old is when the files of a test were changed last: long before the clock starts.
var old = reactortest.Start.Add(-30 * 24 * time.Hour)

// write makes a tree of files in a new directory and gives its path.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
	setTime(t, path, old)
}

func setTime(t testing.TB, path string, at time.Time) {
	t.Helper()
	must(t, os.Chtimes(path, at, at))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a tree with a loop in memory.
func server(t testing.TB, root resource.Resource) *resourcetest.Server {
	t.Helper()
	s := resourcetest.New(root)
	t.Cleanup(s.Loop.Close)
	return s
}

func fields(pairs ...string) (f protocol.Fields) {
	for i := 0; i < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// statusOf is the status for each of targets, in order.
func statusOf(s *resourcetest.Server, targets ...string) (list []int) {
	for _, target := range targets {
		list = append(list, s.Get(target).Status)
	}
	return list
}

func TestFile(t *testing.T) {
	dir := write(t, map[string]string{"hello.txt": "hello\n", "a b/ü.html": "<p>", "empty.css": "", "noext": "x", "100%": "y"})
	s := server(t, New(dir))
	for _, c := range []struct{ target, contentType, body string }{
		{"/hello.txt", "text/plain; charset=utf-8", "hello\n"},
		{"/%68ello.txt", "text/plain; charset=utf-8", "hello\n"},
		{"/hello.txt?v=1", "text/plain; charset=utf-8", "hello\n"},
		{"/a%20b/%C3%BC.html", "text/html; charset=utf-8", "<p>"},
		{"/empty.css", "text/css; charset=utf-8", ""},
		{"/noext", "application/octet-stream", "x"},
		{"/100%25", "application/octet-stream", "y"},
	} {
		for _, from := range []string{"disk", "memory"} {
			x := s.Get(c.target)
			if x.Status != 200 || string(x.Body) != c.body || x.Field("Content-Type") != c.contentType || x.Length != int64(len(c.body)) {
				t.Errorf("%s from %s: %v", c.target, from, x)
			}
			if x.Field("X-Content-Type-Options") != "nosniff" || x.Field("ETag") == "" ||
				x.Field("Last-Modified") != string(protocol.AppendDate(nil, old)) || x.Field("Accept-Ranges") != "bytes" {
				t.Errorf("%s from %s: %v", c.target, from, x)
			}
			head := s.Do("HEAD", c.target, nil, nil)
			if head.Status != 200 || head.Length != x.Length || len(head.Body) != 0 || head.Field("ETag") != x.Field("ETag") {
				t.Errorf("HEAD %s: %v", c.target, head)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"a.txt": "a"})))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		x := s.Do(method, "/a.txt", nil, nil)
		if x.Status != 405 || x.Field("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: %v", method, x)
		}
	}
	if x := s.Do("OPTIONS", "/a.txt", nil, nil); x.Status != 204 || x.Field("Allow") != "GET, HEAD, OPTIONS" {
		t.Error(x)
	}
}

func TestIndex(t *testing.T) {
	dir := write(t, map[string]string{"index.html": "root", "sub/index.html": "sub", "sub/index.htm": "htm", "bare/a.txt": "", "dir/index.html/x": ""})
	s := server(t, New(dir))
	for target, want := range map[string]string{"/": "root", "/sub/": "sub"} {
		if x := s.Get(target); x.Status != 200 || string(x.Body) != want || x.Field("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", target, x)
		}
	}
	for target, want := range map[string]int{
		"/bare/": 403, "/dir/": 403, "/sub/index.html/": 404, "/none/": 404, "/index.html/x": 404, "/sub//": 404, "//": 404,
	} {
		if x := s.Get(target); x.Status != want {
			t.Errorf("%s: %v, want %d", target, x, want)
		}
	}
	s = server(t, &Dir{Path: dir, Index: []string{"none", "index.htm", "index.html"}})
	if x := s.Get("/sub/"); string(x.Body) != "htm" {
		t.Error(x)
	}
	s = server(t, &Dir{Path: dir, Index: []string{}})
	if x := s.Get("/sub/"); x.Status != 403 {
		t.Error(x)
	}
}

func TestRedirectToSlash(t *testing.T) {
	dir := write(t, map[string]string{"sub/index.html": "", "a:b/x": "", "sub/ü /x": "", "evil.example/x": ""})
	var tree resource.Tree
	tree.PutChild("files", New(dir))
	tree.PutChild("c d", New(dir))
	s := server(t, &tree)
	for target, want := range map[string]string{
		"/files/sub":              "./sub/",
		"/files/sub?a=1&b=2":      "./sub/?a=1&b=2",
		"/files/a:b":              "./a:b/", // without "./" a scheme
		"/files/sub/%C3%BC%20":    "./%C3%BC%20/",
		"/files/evil.example?//x": "./evil.example/?//x",
		"/files":                  "./files/",
		"/c%20d?x":                "./c%20d/?x",
	} {
		x := s.Get(target)
		if x.Status != 301 || x.Field("Location") != want {
			t.Errorf("%s: %v", target, x)
		}
	}
}

func TestRootThatIsAFile(t *testing.T) {
	dir := write(t, map[string]string{"page.html": "hi", "other": ""})
	var tree resource.Tree
	tree.PutChild("page", New(filepath.Join(dir, "page.html")))
	s := server(t, &tree)
	if x := s.Get("/page"); x.Status != 200 || string(x.Body) != "hi" || x.Field("Content-Type") != "text/html; charset=utf-8" {
		t.Error(x)
	}
	if got := statusOf(s, "/page/x", "/page/other", "/page/page.html"); got[0] != 404 || got[1] != 404 || got[2] != 404 {
		t.Error(got)
	}
}

func TestRootThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	s := server(t, New(filepath.Join(dir, "later")))
	if x := s.Get("/a"); x.Status != 500 || strings.Contains(string(x.Body), dir) {
		t.Error(x) // an error of whoever set it up, which the log explains and the page does not
	}
	writeFile(t, filepath.Join(dir, "later/a"), "a")
	if x := s.Get("/a"); x.Status != 200 {
		t.Error(x)
	}
}

func TestTypesAndDefaultType(t *testing.T) {
	dir := write(t, map[string]string{"a.html": "", "a.custom": "", "README": "", "A.PNG": ""})
	s := server(t, &Dir{Path: dir, Types: map[string]string{".html": "text/x-own", ".custom": "a/b"}, DefaultType: "text/plain"})
	for target, want := range map[string]string{"/a.html": "text/x-own", "/a.custom": "a/b", "/README": "text/plain", "/A.PNG": "image/png"} {
		if got := s.Get(target).Field("Content-Type"); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// Every type is one that a field can have, and text has its charset.
func TestTypeTable(t *testing.T) {
	for ext, value := range types {
		if ext != strings.ToLower(ext) || ext[0] != '.' || protocol.CheckField("Content-Type", value) != nil || !strings.Contains(value, "/") {
			t.Errorf("%s: %q", ext, value)
		}
		if strings.HasPrefix(value, "text/") != strings.HasSuffix(value, "; charset=utf-8") {
			t.Errorf("%s: %q", ext, value)
		}
	}
	for _, ext := range []string{".html", ".css", ".js", ".mjs", ".json", ".svg", ".wasm", ".woff2", ".avif", ".webp", ".mp4", ".pdf", ".txt", ".md", ".xml"} {
		if types[ext] == "" {
			t.Error("no type for", ext)
		}
	}
}

func TestCacheControl(t *testing.T) {
	dir := write(t, map[string]string{"a": "a"})
	for _, c := range []struct {
		dir  Dir
		want string
	}{
		{Dir{}, ""},
		{Dir{MaxAge: time.Hour}, "max-age=3600"},
		{Dir{MaxAge: -1}, "no-cache"},
		{Dir{MaxAge: time.Hour, CacheControl: "public, immutable"}, "public, immutable"},
	} {
		c.dir.Path = dir
		s := server(t, &c.dir)
		x := s.Get("/a")
		not := s.Do("GET", "/a", fields("If-None-Match", x.Field("ETag")), nil)
		if x.Field("Cache-Control") != c.want || not.Status != 304 || not.Field("Cache-Control") != c.want {
			t.Errorf("%q: %v %v", c.want, x, not)
		}
	}
}

func TestHiddenFiles(t *testing.T) {
	dir := write(t, map[string]string{".env": "s", ".git/config": "s", "a/.x/y": "s", ".well-known/acme-challenge/tok": "ok", ".well-known/.s": "s"})
	s := server(t, New(dir))
	for _, target := range []string{"/.env", "/%2eenv", "/.git/config", "/.git/", "/.git", "/a/.x/y", "/.well-known/.s"} {
		if x := s.Get(target); x.Status != 404 {
			t.Errorf("%s: %v", target, x)
		}
	}
	if x := s.Get("/.well-known/acme-challenge/tok"); string(x.Body) != "ok" {
		t.Error(x)
	}
	s = server(t, &Dir{Path: dir, DotFiles: true})
	for _, target := range []string{"/.env", "/.git/config", "/a/.x/y"} {
		if x := s.Get(target); x.Status != 200 {
			t.Errorf("%s: %v", target, x)
		}
	}
	if got := statusOf(s, "/..", "/.", "/a/..", "/a/."); got[0] != 404 || got[1] != 404 || got[2] != 404 || got[3] != 404 {
		t.Error(got)
	}
}

func TestFallback(t *testing.T) {
	dir := write(t, map[string]string{"index.html": "app", "app.js": "js", "empty/x": "", ".git/config": ""})
	s := server(t, &Dir{Path: dir, Fallback: "index.html"})
	html := fields("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	any := fields("Accept", "*/*")
	for _, c := range []struct {
		target string
		accept protocol.Fields
		want   int
	}{
		{"/users/7", html, 200},
		{"/users/7", any, 200},
		{"/users/7", nil, 200},
		{"/users/john.doe", html, 200},
		{"/users/7/", html, 200},
		{"/missing.js", any, 404},
		{"/missing.js", nil, 404},
		{"/users/7", fields("Accept", "application/json"), 404},
		{"/users/7", fields("Accept", "text/html;q=0"), 404},
		{"/../x", html, 404},
		{"/.git/config", html, 404},
		{"/a%5c..", html, 404},
	} {
		x := s.Do("GET", c.target, c.accept, nil)
		if x.Status != c.want {
			t.Errorf("%s, %v: %v", c.target, c.accept, x)
		}
		if c.want == 200 && (string(x.Body) != "app" || x.Field("Vary") != "Accept" || x.Field("Content-Type") != "text/html; charset=utf-8") {
			t.Errorf("%s: %v", c.target, x)
		}
	}
	if x := s.Get("/app.js"); string(x.Body) != "js" || x.Field("Vary") != "" {
		t.Error(x)
	}
	s = server(t, &Dir{Path: dir, Fallback: "gone.html"})
	if x := s.Do("GET", "/users", html, nil); x.Status != 404 {
		t.Error(x)
	}
}

func TestNotFoundResource(t *testing.T) {
	s := server(t, &Dir{Path: write(t, map[string]string{"d/x": ""}), NotFound: page404{}})
	for _, target := range []string{"/none", "/..", "/.env"} {
		if x := s.Get(target); x.Status != 404 || string(x.Body) != "not here: "+target || x.Field("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", target, x)
		}
	}
	if x := s.Get("/d/"); x.Status != 403 {
		t.Error(x)
	}
}

type page404 struct{ resource.Leaf }

func (page404) RenderGET(r *resource.Request) ([]byte, error) { return r.HTML("not here: " + r.Path()) }

// Fields that can not be meant are refused by the first request, not sent.
func TestFieldsAreChecked(t *testing.T) {
	for name, d := range map[string]*Dir{
		"Precompressed": {Precompressed: []string{".rar"}},
		"Types":         {Types: map[string]string{".x": "a/b\r\nSet-Cookie: x"}},
		"DefaultType":   {DefaultType: "a\x00"},
		"CacheControl":  {CacheControl: "no-cache\n"},
		"Index":         {Index: []string{"../index.html"}},
		"Fallback":      {Fallback: "/index.html"},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "static: "+name+": ") {
					t.Errorf("%s: %q", name, text)
				}
			}()
			d.start()
		}()
	}
}

// varying is what a subtree that varies puts around a Dir.
type varying struct{ dir *Dir }

func (varying) Child(string, *resource.Request) resource.Resource { return nil }

func (v varying) Pass(r *resource.Request) (resource.Resource, error) {
	r.AddField("Vary", "Cookie")
	return v.dir, nil
}

func TestVaryOfOthersStays(t *testing.T) {
	dir := write(t, map[string]string{"index.html": "x", "index.html.gz": "gz"})
	s := server(t, varying{&Dir{Path: dir, Precompressed: []string{".gz"}, Fallback: "index.html"}})
	for target, want := range map[string]string{"/index.html": "Cookie, Accept-Encoding", "/app": "Cookie, Accept, Accept-Encoding"} {
		for range 2 {
			x := s.Get(target)
			if got := strings.Join(x.Fields.Values("Vary"), ", "); got != want {
				t.Errorf("%s: %s", target, got)
			}
		}
	}
}

func TestFallbackThatIsADirectory(t *testing.T) {
	s := server(t, &Dir{Path: write(t, map[string]string{"app/x": ""}), Fallback: "app", Listing: true})
	if x := s.Get("/none"); x.Status != 404 {
		t.Error(x)
	}
}
