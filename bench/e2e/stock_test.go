//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/cgi"
	"spindle/resource/events"
	"spindle/resource/fastcgi"
	"spindle/resource/handler"
	"spindle/resource/proxy"
	"spindle/resource/rewrite"
	"spindle/resource/scgi"
	"spindle/resource/static"
	"spindle/resource/vhost"
	"spindle/resource/wsgi"
	"spindle/resource/wsock"
	"spindle/site"
)

// This file asks every stock resource over each protocol, with curl: the answers must be
// the same.

// stock serves them, in the clear and with TLS, and tells the address of each.
func stock(t *testing.T) (plain, secure string) {
	t.Helper()
	r := reactor.New()
	root := new(resource.Tree)
	root.PutChild("files", stockFiles(t)).
		PutChild("data", resource.NewData([]byte("<p>data"), "text/html; charset=utf-8")).
		PutChild("moved", &resource.Redirect{URL: "/data"}).
		PutChild("up", resource.ParentRedirect{}).
		PutChild("secure", &resource.SecureRedirect{Inner: resource.NewData([]byte("secure"), "text/plain"), Port: 8443}).
		PutChild("form", form{}).
		PutChild("pieces", pieces{}).
		PutChild("events", stockEvents(r)).
		PutChild("socket", stockSocket()).
		PutChild("hosts", stockHosts()).
		PutChild("rewritten", rewrite.New(form{}, rewrite.Rule{Prefix: "/old", To: "/data", Status: 301}, rewrite.Rule{Prefix: "/a", To: "/b"}))
	stockApplications(t, r, root)
	s := site.New(root)
	s.UpgradeHTTP2 = true
	port, err := r.Listen("tcp:0:interface=127.0.0.1", s)
	must(t, err)
	tls, err := r.Listen("tls:0:interface=127.0.0.1", s)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + port.Addr().String(), "https://" + tls.Addr().String()
}

func stockFiles(t *testing.T) *static.Dir {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	for name, content := range map[string]string{
		"small.txt": "small\n", "empty": "", "large.bin": strings.Repeat("0123456789abcdef", 200_000),
		"style.css": "p {}", "style.css.br": "not really",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	files := static.New(dir)
	files.Listing = true
	files.Precompressed = []string{".br"}
	return files
}

// stockEvents is a stream that ends by itself.
func stockEvents(r *reactor.Reactor) *events.Events {
	e := events.New(r)
	e.History = true
	e.Publish(events.Event{Data: "one\ntwo"})
	e.Publish(events.Event{Name: "named", Data: "three"})
	e.Opened = func(s *events.Stream, _ *resource.Request) error {
		r.CallLater(50*time.Millisecond, s.Finish)
		return nil
	}
	return e
}

func stockSocket() *wsock.Socket {
	return wsock.New(func(*resource.Request) (websocket.Handler, error) { return backAgain{}, nil })
}

func stockHosts() *vhost.Hosts {
	hosts := vhost.New()
	hosts.Add("a.example", resource.NewData([]byte("a"), "text/plain"))
	hosts.Add("*.b.example", resource.NewData([]byte("any b"), "text/plain"))
	return hosts
}

// stockApplications puts into the tree what passes requests on: to a handler of net/http,
// a server of it, scripts, Python, php-fpm, and Spindle itself by FastCGI and SCGI. The
// applications answer with what they are asked.
func stockApplications(t *testing.T, r *reactor.Reactor, root *resource.Tree) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "script"), []byte(`#!/bin/sh
printf 'Content-Type: text/plain\nX-Made: by a script\n\n%s %s %s %s\n' "$REQUEST_METHOD" "$SCRIPT_NAME" "$PATH_INFO" "$QUERY_STRING"
cat
`), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "app.py"), []byte(`
def application(environ, start_response):
    if environ["PATH_INFO"] == "/raise":
        raise ValueError("as asked")
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Made", "by Python")])
    yield " ".join(environ[k] for k in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")).encode("latin-1")
    yield environ["wsgi.input"].read()
`), 0o644))
	upstream := httptest.NewServer(http.HandlerFunc(answerGo))
	t.Cleanup(upstream.Close)
	p, err := proxy.New(upstream.URL)
	must(t, err)
	python := wsgi.New(r, "app")
	python.Python, python.Dir = debianPython, dir
	php := fastcgi.NewPHP(phpRoot(t), "unix:"+phpFPM(t, 2))
	php.Files = static.New(phpRoot(t))
	files := gwFiles(t)
	root.PutChild("handler", handler.New(http.HandlerFunc(answerGo))).
		PutChild("proxy", p).
		PutChild("cgi", cgi.New(dir)).
		PutChild("wsgi", python).
		PutChild("php", php).
		PutChild("fastcgi", fastcgi.New("unix:"+gwSpindle(t, "--path", files, "--as", "fastcgi"))).
		PutChild("scgi", scgi.New("unix:"+gwSpindle(t, "--path", files, "--as", "scgi")))
}

// answerGo answers with what it is asked, with a trailer.
func answerGo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	switch r.URL.Query().Get("how") {
	case "error":
		http.Error(w, "as asked", http.StatusTeapot)
	case "panic":
		panic("as asked")
	case "nothing":
		w.WriteHeader(http.StatusNoContent)
	case "trailer":
		w.Header().Set("Trailer", "X-After")
		defer w.Header().Set("X-After", "all")
		fallthrough
	default:
		fmt.Fprintln(w, r.Method, strings.TrimPrefix(r.URL.Path, "/handler"), r.URL.RawQuery, r.Header.Values("X-A"), r.Host != "")
		w.Write(body)
	}
}

// form answers with what it is sent.
type form struct{ resource.Leaf }

func (form) RenderPOST(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", r.Field("Content-Type"))
	return r.BodyBytes()
}

// pieces answers in pieces, with a trailer.
type pieces struct{ resource.Leaf }

func (pieces) RenderGET(r *resource.Request) ([]byte, error) {
	n := 0
	var next func()
	next = func() {
		if n++; n > 20 {
			r.Finish()
			return
		}
		r.Write(bytes.Repeat([]byte{byte('a' + n)}, 5000))
		r.Loop().CallLater(0, next)
	}
	next()
	return nil, resource.NotDoneYet
}

// way is how curl asks: its option, whether there is TLS, and the protocol that must come
// of it.
type way struct {
	option string
	secure bool
	want   string
}

var ways = []way{
	{"--http1.1", false, "1.1"},
	{"--http2", false, "2"}, // by the upgrade; a request with content is left where it is
	{"--http2-prior-knowledge", false, "2"},
	{"--http1.1", true, "1.1"},
	{"--http2", true, "2"},
}

// asked is a request as curl is told to make it. SENT is the name of a file of more than
// a megabyte.
type asked struct {
	path string
	args []string
}

var allAsked = []asked{
	{"/data", nil},
	{"/data", []string{"-I"}},
	{"/data?a=b", []string{"-X", "DELETE"}},
	{"/data", []string{"-X", "OPTIONS"}},
	{"/data", manyFields},
	{"/moved", nil},
	{"/up", nil},
	{"/nowhere", nil},
	{"/form", []string{"-d", "a=b"}},
	{"/form", []string{"--data-binary", "@SENT"}},
	{"/form", []string{"--data-binary", "@SENT", "-H", "Transfer-Encoding: chunked"}},
	{"/form", nil},
	{"/pieces", nil},
	{"/events", nil},
	{"/events", []string{"-I"}},
	{"/events", []string{"-X", "POST"}},
	{"/socket", []string{"-X", "POST"}},

	{"/files/", nil},
	{"/files/sub", nil},
	{"/files/small.txt", nil},
	{"/files/empty", nil},
	{"/files/large.bin", nil},
	{"/files/large.bin", []string{"-I"}},
	{"/files/large.bin", []string{"-r", "100-199"}},
	{"/files/large.bin", []string{"-r", "1-2,5-6"}},
	{"/files/large.bin", []string{"-r", "-1000000"}},
	{"/files/large.bin", []string{"-r", "9999999-"}},
	{"/files/style.css", []string{"-H", "Accept-Encoding: br"}},
	{"/files/small.txt", []string{"-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}},
	{"/files/%2e%2e/etc/passwd", nil},

	{"/hosts", []string{"-H", "Host: a.example"}},
	{"/hosts", []string{"-H", "Host: x.B.example:80"}},
	{"/hosts", []string{"-H", "Host: c.example"}},
	{"/rewritten/old", nil},
	{"/rewritten/a", []string{"-d", "a=b"}},

	{"/handler", []string{"-H", "X-A: 1", "-H", "x-a: 2"}},
	{"/handler", []string{"--data-binary", "@SENT"}},
	{"/handler?how=error", nil},
	{"/handler?how=panic", nil},
	{"/handler?how=nothing", nil},
	{"/handler?how=trailer", []string{"-d", "a=b"}},
	{"/proxy", []string{"-H", "X-A: 1", "-H", "x-a: 2"}},
	{"/proxy/b%20c?d", []string{"--data-binary", "@SENT"}},
	{"/proxy/b", []string{"--data-binary", "@SENT", "-H", "Transfer-Encoding: chunked"}},
	{"/proxy?how=error", []string{"-I"}},
	{"/proxy?how=panic", nil},
	{"/proxy?how=nothing", nil},
	{"/proxy?how=trailer", nil},
	{"/cgi/script/a%20b?c=d", nil},
	{"/cgi/script", []string{"-I"}},
	{"/cgi/script", []string{"--data-binary", "@SENT"}},
	{"/cgi/nothing", nil},
	{"/wsgi/a%20b?c=d", nil},
	{"/wsgi", []string{"-I"}},
	{"/wsgi", []string{"--data-binary", "@SENT"}},
	{"/wsgi", []string{"--data-binary", "@SENT", "-H", "Transfer-Encoding: chunked"}},
	{"/wsgi/raise", nil},
	{"/php/index.php", nil},
	{"/php/index.php/form?a=b", []string{"-d", "c=d", "-b", "e=f"}},
	{"/php/index.php/form", []string{"--data-binary", "@SENT", "-H", "Content-Type: text/plain"}},
	{"/php/style.css", nil},
	{"/php/secret.inc", nil},
	{"/fastcgi/large.bin", nil},
	{"/fastcgi/a.txt", []string{"-r", "2-4"}},
	{"/fastcgi/missing", nil},
	{"/scgi/large.bin", nil},
	{"/scgi/a.txt", []string{"-r", "2-4"}},
	{"/scgi/a.txt", []string{"-d", "a=b"}},
}

func TestSameAnswersOverAllProtocols(t *testing.T) {
	t.Parallel()
	plain, secure := stock(t)
	sent := filepath.Join(t.TempDir(), "sent")
	must(t, os.WriteFile(sent, bytes.Repeat([]byte("what is sent "), 100_000), 0o644))
	for _, q := range allAsked {
		for i, arg := range q.args {
			q.args[i] = strings.Replace(arg, "SENT", sent, 1)
		}
		name := q.path + " " + strings.Join(q.args, " ")
		t.Run(name[:min(50, len(name))], func(t *testing.T) {
			first := q.answer(t, plain, ways[0])
			for _, w := range ways[1:] {
				base := plain
				if w.secure {
					base = secure
				}
				if got := q.answer(t, base, w); got != first {
					t.Errorf("%s, secure %v:\n%.1000s\nHTTP/1.1:\n%.1000s", w.option, w.secure, got, first)
				}
			}
		})
	}
}

// answer asks in one of the ways, and checks that the protocol is the one.
func (q asked) answer(t *testing.T, base string, w way) string {
	t.Helper()
	got, version := curl(t, base+q.path, append(slices.Clone(q.args), w.option)...)
	content := slices.Contains(q.args, "-d") || slices.Contains(q.args, "--data-binary")
	stays := w.option == "--http2" && !w.secure && (content || strings.HasPrefix(got, "431 "))
	if version != w.want && !stays {
		t.Errorf("%s: over HTTP/%s, want %s", w.option, version, w.want)
	}
	return got
}

// On a port without TLS a client is sent to the one with it, whatever protocol it speaks.
func TestSecureRedirectOverAllProtocols(t *testing.T) {
	t.Parallel()
	plain, secure := stock(t)
	q := asked{path: "/secure?a=b"}
	for _, w := range ways {
		base, want := plain, "308 "
		if w.secure {
			base, want = secure, "200 "
		}
		got := q.answer(t, base, w)
		if !strings.HasPrefix(got, want) || !w.secure && !strings.Contains(got, "location: https://127.0.0.1:8443/secure?a=b\n") {
			t.Errorf("%s, secure %v: %s", w.option, w.secure, got)
		}
	}
}

// manyFields are more than a head may have.
var manyFields = func() (args []string) {
	for i := range 101 {
		args = append(args, "-H", fmt.Sprintf("X-%d: v", i))
	}
	return args
}()

// dropped are the fields that belong to the connection or to the moment.
var dropped = regexp.MustCompile(`(?i)^(date|connection|keep-alive|transfer-encoding|upgrade):|^HTTP/`)

// curl asks, and tells status, fields and content of the answer, and its version.
func curl(t *testing.T, address string, args ...string) (answer, version string) {
	t.Helper()
	dir := t.TempDir()
	head, body := filepath.Join(dir, "head"), filepath.Join(dir, "body")
	args = append(args, "-sk", "--path-as-is", "-D", head, "-o", body, "-w", "%{http_code} %{http_version}", address)
	status, version, _ := strings.Cut(output(t, exec.CommandContext(patience(t), "curl", args...)), " ")
	fields, err := os.ReadFile(head)
	must(t, err)
	content, err := os.ReadFile(body)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if slices.Contains(args, "-I") {
		content = nil
	}
	_, fields, _ = cutLast(fields)
	var kept []string
	for line := range strings.Lines(string(fields)) {
		if line = strings.TrimSpace(line); line != "" && !dropped.MatchString(line) {
			name, value, _ := strings.Cut(line, ":")
			kept = append(kept, strings.ToLower(name)+":"+value)
		}
	}
	slices.Sort(kept)
	return random.ReplaceAllString(status+" "+strings.Join(kept, "\n")+"\n\n"+string(content), "$1$2ID"), version
}

// random is what no two error pages, and no two answers in parts, have in common.
var random = regexp.MustCompile(`(Error id: )[0-9A-Z]+|(boundary=|--)[A-Z2-7]{26}`)

// cutLast is the last of several heads, as there are after a 1xx.
func cutLast(heads []byte) (before, last []byte, ok bool) {
	heads = bytes.TrimSuffix(heads, []byte("\r\n\r\n"))
	i := bytes.LastIndex(heads, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, heads, false
	}
	return heads[:i], heads[i+4:], true
}
