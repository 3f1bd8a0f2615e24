//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/static"
	"spindle/site"
)

// This file looks at HTTP/2 with the eyes of others: h2spec, curl and h2load.

// target runs bench/target until the test ends. It tells where it listens: for both, for
// both with TLS, for HTTP/2 alone.
func target(t *testing.T) (plain, secure, h2c string) {
	t.Helper()
	c := exec.Command(build(t, "bench/target"), "-listen", "127.0.0.1:0", "-tls", "127.0.0.1:0", "-h2c", "127.0.0.1:0")
	out, err := c.StdoutPipe()
	must(t, err)
	c.Stderr = os.Stderr
	must(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for _, address := range []*string{&plain, &secure, &h2c} {
		if !lines.Scan() {
			t.Fatal("the target does not say where it listens")
		}
		*address = lines.Text()[strings.LastIndex(lines.Text(), " ")+1:]
	}
	return plain, secure, h2c
}

// h2spec builds it, from a module of its own.
func h2spec(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "h2spec")
	c := exec.Command("go", "build", "-o", program, "github.com/summerwind/h2spec/cmd/h2spec")
	c.Dir = "../suites"
	output(t, c)
	return program
}

// None of its tests fails, also on a port that speaks HTTP/1.1 too.
func TestH2spec(t *testing.T) {
	program := h2spec(t)
	plain, secure, h2c := target(t)
	for _, row := range []struct {
		name, address string
		args          []string
	}{
		{"HTTP2 alone", h2c, nil},
		{"both", plain, nil},
		{"TLS", secure, []string{"-t", "-k"}},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, strict %v", row.name, strict), func(t *testing.T) {
				host, port, _ := strings.Cut(row.address, ":")
				args := append([]string{"-h", host, "-p", port}, row.args...)
				all := 145
				if strict {
					all, args = 146, append(args, "--strict")
				}
				out, _ := exec.CommandContext(patience(t), program, args...).CombinedOutput()
				want := fmt.Sprintf("%d tests, %d passed, 0 skipped, 0 failed", all, all)
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("%s\nwant %s", tail(out), want)
				}
			})
		}
	}
}

// tail is the end of what a program has said.
func tail(out []byte) []byte { return out[max(0, len(out)-3000):] }

// stock serves some resources, in the clear and with TLS, and tells the address of each.
func stock(t *testing.T) (plain, secure string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "small.txt"), []byte("small\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "large.bin"), bytes.Repeat([]byte("0123456789abcdef"), 200_000), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	files := static.New(dir)
	files.Listing = true
	root := new(resource.Tree)
	root.PutChild("files", files).
		PutChild("data", resource.NewData([]byte("<p>data"), "text/html; charset=utf-8")).
		PutChild("moved", &resource.Redirect{URL: "/data"}).
		PutChild("form", form{}).
		PutChild("pieces", pieces{})
	r := reactor.New()
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

// ways are how curl asks: its options, whether there is TLS, and the protocol that must
// come of it.
var ways = []struct {
	option string
	secure bool
	want   string
}{
	{"--http1.1", false, "1.1"},
	{"--http2", false, "2"}, // by the upgrade; a request with content is left where it is
	{"--http2-prior-knowledge", false, "2"},
	{"--http1.1", true, "1.1"},
	{"--http2", true, "2"},
}

func TestSameAnswersOverAllProtocols(t *testing.T) {
	plain, secure := stock(t)
	sent := filepath.Join(t.TempDir(), "sent")
	must(t, os.WriteFile(sent, bytes.Repeat([]byte("what is sent "), 100_000), 0o644))
	for _, row := range []struct {
		path string
		args []string
	}{
		{"/data", nil},
		{"/data", []string{"-I"}},
		{"/data?a=b", []string{"-X", "DELETE"}},
		{"/data", []string{"-X", "OPTIONS"}},
		{"/moved", nil},
		{"/nowhere", nil},
		{"/files/", nil},
		{"/files/sub", nil},
		{"/files/small.txt", nil},
		{"/files/empty", nil},
		{"/files/large.bin", nil},
		{"/files/large.bin", []string{"-I"}},
		{"/files/large.bin", []string{"-r", "100-199"}},
		{"/files/large.bin", []string{"-r", "-1000000"}},
		{"/files/large.bin", []string{"-r", "9999999-"}},
		{"/files/small.txt", []string{"-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}},
		{"/files/%2e%2e/etc/passwd", nil},
		{"/form", []string{"-d", "a=b"}},
		{"/form", []string{"--data-binary", "@" + sent}},
		{"/form", []string{"--data-binary", "@" + sent, "-H", "Transfer-Encoding: chunked"}},
		{"/form", nil},
		{"/pieces", nil},
		{"/data", manyFields},
	} {
		t.Run(row.path+" "+strings.Join(row.args, " ")[:min(30, len(strings.Join(row.args, " ")))], func(t *testing.T) {
			var first string
			content := slices.Contains(row.args, "-d") || slices.Contains(row.args, "--data-binary")
			for _, way := range ways {
				base := plain
				if way.secure {
					base = secure
				}
				got, version := curl(t, base+row.path, append(row.args, way.option)...)
				stays := way.option == "--http2" && !way.secure && (content || strings.HasPrefix(got, "431 "))
				if version != way.want && !stays {
					t.Errorf("%s: over HTTP/%s, want %s", way.option, version, way.want)
				}
				if first == "" {
					first = got
				} else if got != first {
					t.Errorf("%s, secure %v:\n%.1000s\nHTTP/1.1:\n%.1000s", way.option, way.secure, got, first)
				}
			}
		})
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
	return status + " " + strings.Join(kept, "\n") + "\n\n" + errorID.ReplaceAllString(string(content), "ID"), version
}

// errorID is what no two error pages have in common.
var errorID = regexp.MustCompile(`[0-9a-f]{16,}`)

// cutLast is the last of several heads, as there are after a 1xx.
func cutLast(heads []byte) (before, last []byte, ok bool) {
	heads = bytes.TrimSuffix(heads, []byte("\r\n\r\n"))
	i := bytes.LastIndex(heads, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, heads, false
	}
	return heads[:i], heads[i+4:], true
}

// Under load every request is answered well, and with as many bytes of content, whatever
// the protocol.
func TestH2load(t *testing.T) {
	plain, secure, h2c := target(t)
	for path, size := range map[string]int{"/plaintext": 13, "/big": 1 << 20, "/json": 27} {
		n := 4000
		if size > 1000 {
			n = 100
		}
		for name, args := range map[string][]string{
			"HTTP/1.1":        {"-p", "http/1.1", "http://" + plain},
			"prior knowledge": {"-m", "32", "http://" + plain},
			"HTTP/2 alone":    {"-m", "32", "http://" + h2c},
			"small windows":   {"-m", "32", "-w", "14", "-W", "15", "http://" + plain},
			"TLS":             {"-m", "32", "https://" + secure},
			"TLS, HTTP/1.1":   {"--npn-list", "http/1.1", "https://" + secure},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				u, err := url.Parse(args[len(args)-1])
				must(t, err)
				u.Path = path
				all := append([]string{"-n", fmt.Sprint(n), "-c", "4", "-t", "1"}, args[:len(args)-1]...)
				out := output(t, exec.CommandContext(patience(t), "h2load", append(all, u.String())...))
				done := fmt.Sprintf("%d succeeded, 0 failed, 0 errored, 0 timeout", n)
				if data := fmt.Sprintf("(%d) data", n*size); !strings.Contains(out, done) || !strings.Contains(out, data) {
					t.Errorf("want %s and %s:\n%s", done, data, out)
				}
			})
		}
	}
}
