package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/protocol/http1"
	"spindle/resource"
	"spindle/resource/proxy"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s host=%s body=%s\n", r.Method, r.RequestURI, r.Host, body)
	for _, name := range []string{"X-Forwarded-For", "X_Forwarded_For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded",
		"Connection", "Keep-Alive", "X-Hop", "Te", "Proxy-Authorization", "Cookie", "Expect", "X-Free"} {
		if v := r.Header.Values(name); v != nil {
			fmt.Fprintf(w, "%s: %s\n", name, strings.Join(v, "|"))
		}
	}
}

func TestFieldsOfRequests(t *testing.T) {
	f := behind(t, func(p *proxy.Proxy) { p.Forwarded = true }, upstream(t, echo)+"/base/")
	got := f.exchange("GET /a%2Fb?q=1 HTTP/1.1\r\nHost: Site.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n" +
		"X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nTE: gzip\r\nProxy-Authorization: x\r\n" +
		"Cookie: a=1\r\nX-Free: yes\r\n\r\n")
	for _, want := range []string{"GET /base/a%2Fb?q=1 host=Site.example", "X-Forwarded-For: 127.0.0.1\n", "X-Forwarded-Host: Site.example\n",
		"X-Forwarded-Proto: http\n", "Forwarded: for=127.0.0.1;proto=http;host=\"Site.example\"\n", "Cookie: a=1\n", "X-Free: yes"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	for _, not := range []string{"6.6.6.6", "X-Hop:", "Keep-Alive: 5", "gzip", "Proxy-Auth"} {
		if strings.Contains(got, not) {
			t.Errorf("there is %q in\n%s", not, got)
		}
	}
}

func TestContentBothWays(t *testing.T) {
	f := behind(t, nil, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n))
	}))
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB
	for _, chunked := range []bool{false, true} {
		var body io.Reader = bytes.NewReader(big)
		if chunked {
			body = struct{ io.Reader }{body}
		}
		r, err := http.Post(f.url, "text/x", body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, big) {
			t.Errorf("chunked %v: %d bytes, %v", chunked, len(got), err)
		}
		if sum := r.Trailer.Get("X-Sum"); sum != fmt.Sprint(len(big)) {
			t.Errorf("chunked %v: trailer %q", chunked, sum)
		}
	}
}

func TestAnswers(t *testing.T) {
	f := behind(t, nil, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/untyped":
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "x")
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("ETag", `"a"`)
			w.WriteHeader(304)
		case "/hints":
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
			_, _ = io.WriteString(w, "x")
		case "/two":
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			w.Header().Set("Connection", "X-Hop")
			w.Header().Set("X-Hop", "1")
			w.Header().Set("Server", "theirs")
		default:
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, "abc")
		}
	}))
	ask := func(method, path string) string {
		return f.exchange(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}
	if got := ask("GET", "/untyped"); strings.Contains(got, "Content-Type") {
		t.Errorf("a type was made up:\n%s", got)
	}
	if got := ask("HEAD", "/"); !strings.Contains(got, "Content-Length: 3\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("HEAD:\n%s", got)
	}
	if got := ask("GET", "/204"); !strings.HasPrefix(got, "HTTP/1.1 204 ") || !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("204:\n%s", got)
	}
	if got := ask("GET", "/304"); !strings.HasPrefix(got, "HTTP/1.1 304 ") || !strings.Contains(got, `Etag: "a"`) {
		t.Errorf("304:\n%s", got)
	}
	if got := ask("GET", "/hints"); !strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200") {
		t.Errorf("103:\n%s", got)
	}
	got := ask("GET", "/two")
	if strings.Count(got, "Set-Cookie:") != 2 || strings.Contains(got, "X-Hop") || !strings.Contains(got, "Server: theirs") {
		t.Errorf("fields:\n%s", got)
	}
}

func TestUpstreamsThatFail(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		status       int
		reason       string
	}{
		{"closes at once", "", 502, "without an answer"},
		{"garbage", "what?\r\n\r\n", 502, "status line"},
		{"half a head", "HTTP/1.1 200 OK\r\nA: b", 502, "in the head"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 502, "more than one Content-Length"},
		{"fields too large", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 70000) + "\r\n\r\n", 502, "too long"},
		{"less than promised", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0, "before its answer was complete"},
		{"cut in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, "before its answer was complete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := behind(t, nil, raw(t, func(conn net.Conn, _ string) { _, _ = io.WriteString(conn, c.answer) }))
			status, body := f.get("/")
			if c.status != 0 && status != c.status || c.status == 0 && !strings.HasSuffix(body, "]") && status == 200 {
				t.Errorf("%d %s", status, body)
			}
			if log := f.log.String(); !strings.Contains(log, c.reason) {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	f := behind(t, nil, "http://"+addr)
	if status, _ := f.get("/"); status != 502 || !strings.Contains(f.log.String(), "refused") {
		t.Errorf("%d; %s", status, f.log)
	}
	good := upstream(t, echo)
	log := new(lines)
	f = behind(t, func(p *proxy.Proxy) {
		p.Policy = proxy.RoundRobin
		p.Log = slog.New(slog.NewTextHandler(log, nil))
	}, "http://"+addr, good)
	for range 6 {
		if status, body := f.get("/"); status != 200 {
			t.Errorf("with another upstream: %d %s", status, body)
		}
	}
	if !strings.Contains(log.String(), "passed over") {
		t.Errorf("the log says\n%s", log)
	}
}

func TestTimeouts(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	up := raw(t, func(conn net.Conn, head string) {
		if strings.HasPrefix(head, "GET /half") {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
		}
		<-hang
	})
	f := behind(t, func(p *proxy.Proxy) {
		p.SetUp = func(pool *agent.Pool) {
			pool.HTTP1 = &http1.ClientSettings{HeadTimeout: 50 * time.Millisecond, BodyTimeout: 50 * time.Millisecond}
		}
	}, up)
	if status, _ := f.get("/"); status != 504 || !strings.Contains(f.log.String(), "no answer in time") {
		t.Errorf("%d; %s", status, f.log)
	}
	if status, body := f.get("/half"); status == 200 && !strings.HasSuffix(body, "]") {
		t.Errorf("%d %s", status, body)
	}
}

func TestClientLeaves(t *testing.T) {
	told := make(chan struct{})
	f := behind(t, nil, upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(told)
	}))
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	buf := make([]byte, 1)
	_, _ = c.Read(buf)
	c.Close()
	<-told
}

func TestUpgrade(t *testing.T) {
	f := behind(t, nil, raw(t, func(c net.Conn, head string) {
		if !strings.Contains(head, "Upgrade: echo\r\n") || !strings.Contains(head, "Connection: Upgrade\r\n") {
			_, _ = io.WriteString(c, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"+head)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello ")
		_, _ = io.Copy(c, c)
	}))
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nworld")
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(all), "Upgrade: echo\r\n") || !strings.HasSuffix(string(all), "\r\n\r\nhello world") {
		t.Errorf("%v: %s", err, all)
	}
}

func TestUNIXUpstream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "up.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(echo)}}
	s.Start()
	defer s.Close()
	f := behind(t, nil, "unix:"+path+":/deep")
	if status, body := f.get("/x"); status != 200 || !strings.Contains(body, "GET /deep/x ") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := f.get("/..%2f..%2fx"); status != 400 {
		t.Errorf("a path that leads out: %d", status)
	}
}

func TestPolicies(t *testing.T) {
	var ups []string
	var counts [3]atomic.Int32
	for i := range counts {
		ups = append(ups, upstream(t, func(w http.ResponseWriter, r *http.Request) {
			counts[i].Add(1)
			fmt.Fprint(w, i)
		}))
	}
	f := behind(t, func(p *proxy.Proxy) { p.Policy = proxy.RoundRobin }, ups...)
	for range 9 {
		f.get("/")
	}
	for i := range counts {
		if n := counts[i].Load(); n != 3 {
			t.Errorf("round robin: %d got %d", i, n)
		}
	}
	f = behind(t, func(p *proxy.Proxy) {
		p.Policy = proxy.Hash
		p.Key = proxy.ByCookie("user")
	}, ups...)
	at := map[string]string{}
	for range 3 {
		for user := range 12 {
			r, _ := http.NewRequest("GET", f.url, nil)
			name := fmt.Sprint(user)
			r.AddCookie(&http.Cookie{Name: "user", Value: name})
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if at[name] != "" && at[name] != string(body) {
				t.Errorf("user %s went to %s and to %s", name, at[name], body)
			}
			at[name] = string(body)
		}
	}
}

func TestRewrite(t *testing.T) {
	up := ""
	up = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", up+"/app/next?x")
		w.Header().Add("Set-Cookie", "a=1; Path=/app; Domain=127.0.0.1; HttpOnly")
		w.WriteHeader(302)
	})
	p, err := proxy.New(up + "/app")
	if err != nil {
		t.Fatal(err)
	}
	p.RewriteAnswers = true
	root := new(resource.Tree)
	root.PutChild("here", p)
	f := serve(t, root, nil)
	got := f.exchange("GET /here/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.Contains(got, "Location: /here/next?x\r\n") || !strings.Contains(got, "Set-Cookie: a=1; Path=/here; HttpOnly\r\n") {
		t.Error(got)
	}
}

func TestHooks(t *testing.T) {
	f := behind(t, func(p *proxy.Proxy) {
		p.EditRequest = func(r *resource.Request, h *protocol.RequestHead) error {
			if r.Path() == "/no" {
				return resource.ErrForbidden
			}
			h.Fields.Set("X-Free", "edited")
			return nil
		}
		p.EditAnswer = func(r *resource.Request, a *proxy.Answer) error {
			a.Status = 203
			a.Fields.Set("X-Seen", "yes")
			return nil
		}
	}, upstream(t, echo))
	if status, body := f.get("/"); status != 203 || !strings.Contains(body, "X-Free: edited") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := f.get("/no"); status != 403 {
		t.Errorf("refused: %d", status)
	}
}

func TestKeptConnectionsDie(t *testing.T) {
	var conns atomic.Int32
	f := behind(t, nil, raw(t, func(c net.Conn, _ string) {
		conns.Add(1)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") // and closes, without having said so
	}))
	for i := range 5 {
		if status, body := f.get("/"); status != 200 || body != "ok" {
			t.Errorf("%d: %d %s", i, status, body)
		}
	}
}

func TestParseUpstream(t *testing.T) {
	for text, ok := range map[string]bool{
		"http://a": true, "https://a:8443/x/": true, "h2c://[::1]:80": true, "unix:/run/x": true, "unix:/run/x:/base": true,
		"": false, "a:80": false, "ftp://a": false, "http://": false, "http://a:99999": false, "http://a/b c": false,
		"unix:": false, "http://a/?q": false, "http://u@a": false,
	} {
		if _, err := proxy.ParseUpstream(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
