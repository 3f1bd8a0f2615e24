package static

import (
	"archive/zip"
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

//go:embed *.go listing.html
var ourselves embed.FS

func TestEmbeddedFiles(t *testing.T) {
	want, err := os.ReadFile("listing.html")
	must(t, err)
	s := server(t, FS(ourselves))
	x := s.Get("/listing.html")
	if x.Status != 200 || !bytes.Equal(x.Body, want) || x.Field("Last-Modified") != "" || !strings.HasPrefix(x.Field("ETag"), `"`) {
		t.Errorf("%d %v", x.Status, x.Fields)
	}
	if x := s.Do("GET", "/listing.html", fields("If-None-Match", x.Field("ETag")), nil); x.Status != 304 {
		t.Error(x)
	}
	if x := s.Do("GET", "/listing.html", fields("Range", "bytes=0-8"), nil); string(x.Body) != "<!DOCTYPE" {
		t.Error(x)
	}
	s.Loop.Advance(time.Hour)
	if x := s.Start("GET", "/listing.html", nil, nil); !x.Done {
		t.Error("what is embedded was looked at again")
	}
	slow := &gate{FS: ourselves}
	s = server(t, FS(slow)) // one that may change
	s.Get("/listing.html")
	s.Loop.Advance(time.Hour)
	opened := make(chan struct{})
	slow.opened.Store(&opened)
	if x := s.Start("GET", "/listing.html", nil, nil); x.Done {
		t.Error("what may have changed was not looked at")
	}
	close(opened)
}

// gate is files that are not opened while there is a channel that is open.
type gate struct {
	fs.FS
	opened atomic.Pointer[chan struct{}]
}

func (g *gate) Open(name string) (fs.File, error) {
	if c := g.opened.Load(); c != nil {
		<-*c
	}
	return g.FS.Open(name)
}

// What is embedded is read once, also where an fs.Sub stands before it; what has no
// time otherwise is read again.
func TestFilesWithoutATimeAreReadAgainUnlessEmbedded(t *testing.T) {
	sub, err := fs.Sub(ourselves, ".")
	must(t, err)
	for name, c := range map[string]struct {
		fs.FS
		reads int32
	}{"embedded": {sub, 1}, "other": {fstest.MapFS{"dir.go": {Data: []byte("x")}}, 3}} {
		files := &closer{FS: c.FS}
		s := server(t, FS(files))
		for range 3 {
			s.Get("/dir.go")
			s.Loop.Advance(time.Second)
		}
		if n := files.readers.Load(); n != c.reads {
			t.Errorf("%s: read %d times", name, n)
		}
	}
}

func big(t testing.TB) fstest.MapFS {
	return fstest.MapFS{
		"big.bin":   {Data: []byte(bigContent), ModTime: old},
		"d/x.txt":   {Data: []byte("x"), ModTime: old},
		"timeless":  {Data: []byte(bigContent)},
		"small":     {Data: []byte("s")},
		".hidden/x": {Data: []byte("h")},
	}
}

func TestLargeFileOfAnFS(t *testing.T) {
	s := server(t, FS(big(t)))
	for range 2 {
		x := s.Get("/big.bin")
		if x.Status != 200 || string(x.Body) != bigContent || x.Length != int64(len(bigContent)) || !x.Done {
			t.Errorf("%d, %d bytes", x.Status, len(x.Body))
		}
	}
	if x := s.Do("HEAD", "/big.bin", nil, nil); x.Length != int64(len(bigContent)) || !x.Done {
		t.Error(x)
	}
	x := s.Do("GET", "/big.bin", fields("Range", "bytes=70000-170000"), nil)
	if x.Status != 206 || string(x.Body) != bigContent[70000:170001] {
		t.Errorf("%d, %d bytes", x.Status, len(x.Body))
	}
	x = s.Do("GET", "/big.bin", fields("Range", "bytes=100000-100009,5-9,-3"), nil)
	if parts := readParts(t, x); len(parts) != 3 || parts[0].body != bigContent[100000:100010] || parts[1].body != bigContent[5:10] ||
		parts[2].body != bigContent[len(bigContent)-3:] || x.Length != int64(len(x.Body)) {
		t.Errorf("%q", parts)
	}
	if x := s.Get("/timeless"); x.Status != 200 || string(x.Body) != bigContent || x.Field("ETag")[0] != '"' || x.Field("Last-Modified") != "" {
		t.Errorf("%d %v", x.Status, x.Fields)
	}
	if got := statusOf(s, "/d", "/d/", "/.hidden/x", "/none", "/%ff"); got[0] != 301 || got[1] != 403 || got[2] != 404 || got[3] != 404 || got[4] != 404 {
		t.Error(got)
	}
}

// An FS of the machine's files is sent by sendfile.
func TestDirFSIsSentFromTheDisk(t *testing.T) {
	d := FS(os.DirFS(write(t, map[string]string{"big": bigContent})))
	if x := server(t, d).Get("/big"); string(x.Body) != bigContent {
		t.Error(x.Status)
	}
	if d.state.cache.entries["/big"].page.reps[0].file == nil {
		t.Error("read by threads")
	}
}

// A file that can not seek is sent whole.
func TestZip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("big.txt")
	must(t, err)
	f.Write([]byte(bigContent))
	must(t, w.Close())
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	must(t, err)
	s := server(t, FS(r))
	x := s.Do("GET", "/big.txt", fields("Range", "bytes=0-1"), nil)
	if x.Status != 200 || string(x.Body) != bigContent || x.Field("Accept-Ranges") != "" {
		t.Errorf("%d %v", x.Status, x.Fields)
	}
}

// A client that does not read holds one piece, and no thread.
func TestSlowDownloadOfAnFS(t *testing.T) {
	s := server(t, FS(big(t)))
	x := s.Start("GET", "/big.bin", nil, nil)
	x.Slow(true)
	idle(s)
	s.Loop.Run()
	idle(s)
	s.Loop.Run()
	if len(x.Body) > streamBytes || x.Done {
		t.Errorf("%d bytes sent to a client that does not read", len(x.Body))
	}
	x.Slow(false)
	if x.Wait(); string(x.Body) != bigContent {
		t.Errorf("%d bytes", len(x.Body))
	}
}

// closer notes whether what was opened was closed.
type closer struct {
	fs.FS
	open, most atomic.Int32
	readers    atomic.Int32 // files of which something was read
	fail       error        // of a read beyond the first 64 KiB
}

type closerFile struct {
	fs.File
	c    *closer
	read int
}

func (c *closer) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	c.most.Store(max(c.most.Load(), c.open.Add(1)))
	return &closerFile{File: f, c: c}, nil
}

func (f *closerFile) Close() error { f.c.open.Add(-1); return f.File.Close() }

func (f *closerFile) Read(b []byte) (int, error) {
	if f.read == 0 {
		f.c.readers.Add(1)
	}
	n, err := f.File.Read(b)
	if f.read += n; f.c.fail != nil && f.read > 2*streamBytes {
		return 0, f.c.fail
	}
	return n, err
}

func TestStreamsCloseTheirFiles(t *testing.T) {
	c := &closer{FS: big(t)}
	s := server(t, FS(c))
	s.Get("/big.bin")
	idle(s)
	if c.open.Load() != 0 || c.most.Load() == 0 {
		t.Errorf("%d open after a download", c.open.Load())
	}
	x := s.Start("GET", "/big.bin", nil, nil)
	x.Slow(true)
	x.Lose(nil)
	idle(s)
	s.Loop.Run()
	idle(s)
	if c.open.Load() != 0 {
		t.Errorf("%d open after a client left", c.open.Load())
	}
	c.fail = errors.New("unreadable")
	if x := s.Get("/big.bin"); x.Aborted == nil {
		t.Errorf("%d, %d bytes", x.Status, len(x.Body))
	}
	idle(s)
	if c.open.Load() != 0 {
		t.Errorf("%d open after an error", c.open.Load())
	}
}

// A file that was replaced after its page was made is not sent under the old
// fields.
func TestReplacedFileOfAnFS(t *testing.T) {
	files := big(t)
	s := server(t, FS(files))
	s.Get("/big.bin")
	files["big.bin"] = &fstest.MapFile{Data: []byte(bigContent + "more"), ModTime: old.Add(time.Hour)}
	if x := s.Get("/big.bin"); x.Status != 503 || x.Field("ETag") != "" {
		t.Errorf("%d %v", x.Status, x.Fields)
	}
	s.Loop.Advance(time.Second)
	if x := s.Get("/big.bin"); x.Status != 200 || string(x.Body) != bigContent+"more" {
		t.Errorf("%d %v", x.Status, x.Fields)
	}
}

func TestPrecompressed(t *testing.T) {
	dir := write(t, map[string]string{
		"app.js": "plain", "app.js.br": "BR", "app.js.gz": "GZ", "app.js.zst": "ZST",
		"lonely.css": "css", "stale.js": "new", "stale.js.gz": "OLD",
		"tool.tar.gz": "archive",
	})
	setTime(t, dir+"/stale.js.gz", old.Add(-time.Hour))
	s := server(t, &Dir{Path: dir, Precompressed: []string{".br", ".zst", ".gz"}})
	for _, c := range []struct{ target, accept, body, coding, vary string }{
		{"/app.js", "gzip, deflate, br, zstd", "BR", "br", "Accept-Encoding"},
		{"/app.js", "gzip, zstd", "ZST", "zstd", "Accept-Encoding"},
		{"/app.js", "gzip;q=1, br;q=0.5", "GZ", "gzip", "Accept-Encoding"},
		{"/app.js", "br;q=0, *", "ZST", "zstd", "Accept-Encoding"},
		{"/app.js", "", "plain", "", "Accept-Encoding"},
		{"/app.js", "identity", "plain", "", "Accept-Encoding"},
		{"/app.js", "gzip;q=0", "plain", "", "Accept-Encoding"},
		{"/lonely.css", "gzip, br", "css", "", ""},
		{"/stale.js", "gzip", "new", "", ""},
		{"/tool.tar.gz", "gzip", "archive", "", ""},
		{"/app.js.gz", "gzip", "GZ", "", ""},
	} {
		x := s.Do("GET", c.target, fields("Accept-Encoding", c.accept), nil)
		if string(x.Body) != c.body || x.Field("Content-Encoding") != c.coding || x.Field("Vary") != c.vary {
			t.Errorf("%s, %q: %v", c.target, c.accept, x)
		}
		if c.target == "/app.js" && x.Field("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%q: %v", c.accept, x)
		}
	}
	br := s.Do("GET", "/app.js", fields("Accept-Encoding", "br"), nil)
	plain := s.Get("/app.js")
	if br.Field("ETag") == plain.Field("ETag") || !strings.HasSuffix(br.Field("ETag"), `-br"`) {
		t.Error(br.Field("ETag"), plain.Field("ETag"))
	}
	not := s.Do("GET", "/app.js", fields("Accept-Encoding", "br", "If-None-Match", br.Field("ETag")), nil)
	if not.Status != 304 || not.Field("Vary") != "Accept-Encoding" || not.Field("ETag") != br.Field("ETag") {
		t.Error(not)
	}
	if x := s.Do("GET", "/app.js", fields("Accept-Encoding", "gzip", "If-None-Match", br.Field("ETag")), nil); x.Status != 200 {
		t.Error("the tag of one coding matches another", x)
	}
	if x := s.Do("GET", "/app.js", fields("Accept-Encoding", "zstd", "Range", "bytes=1-1"), nil); x.Status != 206 || string(x.Body) != "S" {
		t.Error(x)
	}
	if x := server(t, New(dir)).Do("GET", "/app.js", fields("Accept-Encoding", "br"), nil); string(x.Body) != "plain" || x.Field("Vary") != "" {
		t.Error("off by default", x)
	}
}

func TestSiblingsComeAndGo(t *testing.T) {
	dir := write(t, map[string]string{"a.js": "plain"})
	s := server(t, &Dir{Path: dir, Precompressed: []string{".gz"}})
	ask := func() string {
		s.Loop.Advance(time.Second)
		return string(s.Do("GET", "/a.js", fields("Accept-Encoding", "gzip"), nil).Body)
	}
	got := ask()
	writeFile(t, dir+"/a.js.gz", "GZ")
	got += " " + ask()
	must(t, os.Remove(dir+"/a.js.gz"))
	if got += " " + ask(); got != "plain GZ plain" {
		t.Error(got)
	}
}

// script answers with what it was told.
type script struct {
	resource.Leaf
	path string
}

func (s script) Render(r *resource.Request) ([]byte, error) {
	body, err := r.BodyBytes()
	if err != nil {
		return nil, err
	}
	return r.Text(s.path + "|" + strings.Join(r.Prepath(), ",") + "|" + strings.Join(r.Postpath(), ",") + "|" + string(body))
}

func TestProcessors(t *testing.T) {
	dir := write(t, map[string]string{"cgi/run.cgi": "#!secret", "UP.CGI": "#!secret", "a.txt": "a", "d/index.cgi": "#!secret", "x.cgi/y": "a directory"})
	made := func(path string) resource.Resource { return script{path: path} }
	var tree resource.Tree
	tree.PutChild("files", &Dir{Path: dir, Index: []string{"index.cgi"}, Processors: map[string]func(string) resource.Resource{".cgi": made}})
	s := server(t, &tree)
	for range 2 {
		for target, want := range map[string]string{
			"/files/cgi/run.cgi":        dir + "/cgi/run.cgi|files,cgi,run.cgi||",
			"/files/cgi/run.cgi?x":      dir + "/cgi/run.cgi|files,cgi,run.cgi||",
			"/files/cgi/run.cgi/":       dir + "/cgi/run.cgi|files,cgi,run.cgi||",
			"/files/cgi/run.cgi/a/b%20": dir + "/cgi/run.cgi|files,cgi,run.cgi|a,b |",
			"/files/UP.CGI":             dir + "/UP.CGI|files,UP.CGI||",
			"/files/d/":                 dir + "/d/index.cgi|files,d||",
			"/files/a.txt":              "a",
			"/files/x.cgi/y":            "a directory",
		} {
			x := s.Get(target)
			if x.Status != 200 || strings.TrimRight(string(x.Body), "|,") != strings.TrimRight(want, "|,") {
				t.Errorf("%s: %v\nwant %s", target, x, want)
			}
		}
	}
	x := s.Do("POST", "/files/cgi/run.cgi", nil, []byte("content"))
	if x.Status != 200 || !strings.HasSuffix(string(x.Body), "|content") {
		t.Error(x)
	}
	if x := s.Do("POST", "/files/a.txt", nil, []byte("content")); x.Status != 405 {
		t.Error(x)
	}
	if got := statusOf(s, "/files/none.cgi", "/files/a.txt/x", "/files/x.cgi", "/files/cgi/..%2frun.cgi"); got[0] != 404 || got[1] != 404 || got[2] != 301 || got[3] != 404 {
		t.Error(got)
	}
}

// A processor's file is not shown by who answers with RenderGET alone.
func TestProcessorsFileIsNoText(t *testing.T) {
	d := &Dir{Path: write(t, map[string]string{"run.cgi": "#!secret"}), Processors: map[string]func(string) resource.Resource{".cgi": nil}}
	d.Processors[".cgi"] = func(path string) resource.Resource { return script{path: path} }
	if x := resourcetest.Get(around{dir: d}, "/run.cgi"); x.Status != 403 || strings.Contains(string(x.Body), "secret") {
		t.Error(x)
	}
}

type around struct {
	resource.Leaf
	dir *Dir
}

func (a around) RenderGET(r *resource.Request) ([]byte, error) { return a.dir.RenderGET(r) }
