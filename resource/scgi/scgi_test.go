package scgi_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol/cgi"
	"spindle/protocol/http1"
	proto "spindle/protocol/scgi"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/scgi"
)

// ask asks an App whose backend reads the request and then writes out, and gives what came
// and what the backend saw.
func ask(t *testing.T, out string, body io.Reader, hang bool) (got, seen string) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	saw := make(chan string, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			saw <- read(c)
			io.WriteString(c, out)
			if hang {
				io.Copy(io.Discard, c)
			}
			c.Close()
		}
	}()
	a := scgi.New("unix:" + l.Addr().String())
	a.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	a.ReadTimeout = 300 * time.Millisecond
	r := reactor.New()
	d := &resource.Dispatcher{Root: new(resource.Tree).PutChild("app", a), ErrorLog: a.Logger}
	port, err := r.Listen("tcp:0:interface=127.0.0.1", http1.NewFactory(d, nil))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	defer func() { r.Stop(); <-ended }()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post("http://"+port.Addr().String()+"/app/x?q", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		content = nil
	}
	if got = fmt.Sprintf("%d %s", res.StatusCode, content); err != nil {
		got += " cut"
	}
	return got, <-saw
}

// read reads a request, and tells what is in it.
func read(c net.Conn) string {
	h := proto.HeadReader{Max: 10000}
	var env cgi.Env
	buf := make([]byte, 4096)
	content := []byte{}
	length := -1
	for len(content) != length {
		n, err := c.Read(buf)
		if err != nil {
			return err.Error()
		}
		in := buf[:n]
		for len(in) > 0 && length < 0 {
			n, done, err := h.Read(in, &env)
			if err != nil {
				return err.Error()
			}
			if in = in[n:]; done {
				fmt.Sscan(env.Get("CONTENT_LENGTH"), &length)
			}
		}
		content = append(content, in...)
	}
	return fmt.Sprintf("%s %s|%s|%s %d", env.Get("REQUEST_METHOD"), env.Get("SCRIPT_NAME"), env.Get("PATH_INFO"), env.Get("QUERY_STRING"), len(content))
}

func TestApp(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 200_000)
	for name, r := range map[string]io.Reader{"length": bytes.NewReader(body), "chunked": io.MultiReader(bytes.NewReader(body))} {
		got, seen := ask(t, "Status: 201 Made\r\nA: b\r\n\r\nhello", r, false)
		if got != "201 hello" || seen != "POST /app|/x|q 200000" {
			t.Errorf("%s: %s, %s", name, got, seen)
		}
	}
	if got, seen := ask(t, "A: b\n\nx", nil, false); got != "200 x" || !strings.HasSuffix(seen, " 0") {
		t.Errorf("no content: %s, %s", got, seen)
	}
}

func TestBadBackends(t *testing.T) {
	for _, c := range []struct {
		name, out string
		hang      bool
		want      string
	}{
		{"closes at once", "", false, "502 "},
		{"garbage", "hello\n\n", false, "502 "},
		{"half of a head", "A: b\n", false, "502 "},
		{"says nothing", "", true, "504 "},
		{"shorter than it says", "Content-Length: 10\n\nabc", false, "200 abc cut"},
		{"longer than it says", "Content-Length: 2\n\nabc", false, "502 "},
	} {
		got, _ := ask(t, c.out, nil, c.hang)
		if got != c.want && !(c.name == "shorter than it says" && got == "502 ") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
