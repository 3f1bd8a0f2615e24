//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

// This file has our client of HTTP/2 ask servers of others: net/http, nghttpd and nginx.

// question is a Caller that sends content, and records the answer.
type question struct {
	protocoltest.Answer
	content  []byte
	trailers protocol.Fields
	version  protocol.Version
	over     func()
}

func (q *question) ChannelReady(ch protocol.ClientChannel) {
	if q.content == nil {
		return
	}
	for c := q.content; len(c) > 0; {
		n := min(len(c), 10_000)
		ch.Write(c[:n])
		c = c[n:]
	}
	ch.Finish(q.trailers)
}

func (q *question) HeadReceived(h *protocol.ResponseHead) {
	q.version = h.Version
	q.Answer.HeadReceived(h)
}

func (q *question) BodyFinished(trailers protocol.Fields) { q.Answer.BodyFinished(trailers); q.over() }
func (q *question) ExchangeLost(err error)                { q.Answer.ExchangeLost(err); q.over() }

// asker is a pool of connections on a loop that runs.
type asker struct {
	r    *reactor.Reactor
	pool *agent.Pool
}

func newAsker(t *testing.T) *asker {
	t.Helper()
	x := &asker{r: reactor.New()}
	x.pool = agent.NewPool(x.r)
	x.pool.TLS = &tls.Config{InsecureSkipVerify: true}
	ended := make(chan error, 1)
	go func() { ended <- x.r.Run() }()
	t.Cleanup(func() {
		x.r.CallFromThread(x.pool.Close)
		x.r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return x
}

// originOf is an address as an origin.
func originOf(scheme, address string) agent.Origin {
	a := netip.MustParseAddrPort(address)
	return agent.Origin{Scheme: scheme, Host: a.Addr().String(), Port: int(a.Port())}
}

// ask asks all of them at a time, and waits for the answers.
func (x *asker) ask(t *testing.T, o agent.Origin, heads []*protocol.RequestHead, all []*question) {
	t.Helper()
	done := make(chan bool, len(all))
	x.r.CallFromThread(func() {
		for i, q := range all {
			q.over = func() { done <- true }
			x.pool.Ask(o, heads[i], q)
		}
	})
	late := time.After(20 * time.Second)
	for range all {
		select {
		case <-done:
		case <-late:
			t.Fatal("there is no answer")
		}
	}
}

// get asks for one thing.
func (x *asker) get(t *testing.T, o agent.Origin, path string) *question {
	t.Helper()
	q := new(question)
	scheme := strings.Replace(o.Scheme, "h2c", "http", 1)
	x.ask(t, o, []*protocol.RequestHead{{Method: "GET", Scheme: scheme, Authority: "x.example", Target: path}}, []*question{q})
	return q
}

// echoing is what net/http answers: the content back, with what it knows of the request.
func echoing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		switch r.URL.Path {
		case "/hints":
			w.Header().Set("Link", "</a>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "hinted")
			return
		case "/early":
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case "/abort":
			io.WriteString(w, "some")
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Trailer", "Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("Sum", fmt.Sprint(n, r.Trailer.Get("T")))
	})
}

func TestClientAgainstNetHTTP(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			s := httptest.NewUnstartedServer(echoing())
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Config.Protocols.SetHTTP2(true)
			s.Config.ErrorLog = nil
			s.EnableHTTP2 = true
			o := agent.Origin{}
			if secure {
				s.StartTLS()
				o = originOf("https", s.Listener.Addr().String())
			} else {
				s.Start()
				o = originOf("h2c", s.Listener.Addr().String())
			}
			defer s.Close()
			x := newAsker(t)
			var heads []*protocol.RequestHead
			var all []*question
			for i := range 150 {
				q := &question{content: bytes.Repeat([]byte{byte(i)}, i*2500), trailers: protocol.Fields{{Name: "T", Value: fmt.Sprint("t", i)}}}
				h := &protocol.RequestHead{Method: "POST", Scheme: "https", Authority: "x", Target: fmt.Sprint("/", i), ContentLength: -1,
					Fields: protocol.Fields{{Name: "Trailer", Value: "T"}}}
				if i%3 == 0 {
					h.ContentLength, q.trailers = int64(len(q.content)), nil
				}
				h.ExpectContinue = i%7 == 0 && h.ContentLength != 0
				heads, all = append(heads, h), append(all, q)
			}
			x.ask(t, o, heads, all)
			for i, q := range all {
				want := fmt.Sprint(len(q.content), q.trailers.Get("T"))
				if !q.Done || !bytes.Equal(q.Body, q.content) || q.version != protocol.HTTP2 || q.Trailers.Get("Sum") != want {
					t.Errorf("%d: %d bytes of %d, trailers %v, %v", i, len(q.Body), len(q.content), q.Trailers, q.Log)
				}
			}
			if open := x.connections(o); open > 4 {
				t.Errorf("%d connections", open)
			}
			if q := x.get(t, o, "/hints"); len(q.Log) != 3 || !strings.HasPrefix(q.Log[0], "103 ") || string(q.Body) != "hinted" {
				t.Error(q.Log)
			}
			q := &question{content: make([]byte, 5<<20)}
			x.ask(t, o, []*protocol.RequestHead{{Method: "POST", Authority: "x", Target: "/early", ContentLength: 5 << 20}}, []*question{q})
			if q.Status != 413 || !q.Done {
				t.Error(q.Log)
			}
			var lost *protocol.LostError
			if q := x.get(t, o, "/abort"); !errors.As(q.Err, &lost) || lost.Unseen || !strings.Contains(lost.Reason, "INTERNAL_ERROR") {
				t.Error(q.Log)
			}
			if q := x.get(t, o, "/again"); !q.Done {
				t.Error(q.Log)
			}
		})
	}
}

// connections is how many there are to an origin.
func (x *asker) connections(o agent.Origin) int {
	n := make(chan int, 1)
	x.r.CallFromThread(func() {
		open, _, _ := x.pool.Stats(o)
		n <- open
	})
	return <-n
}

// sizes is files of many sizes.
func sizes(t *testing.T) (dir string, files map[string][]byte) {
	t.Helper()
	dir, files = t.TempDir(), map[string][]byte{}
	must(t, os.Chmod(dir, 0o755))
	for _, n := range []int{0, 1, 100, 16383, 16384, 16385, 65535, 65536, 1 << 20, 3<<20 + 7} {
		name := fmt.Sprint("f", n)
		files[name] = bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		must(t, os.WriteFile(filepath.Join(dir, name), files[name], 0o644))
	}
	return dir, files
}

// wantFiles asks for all files at a time, several times.
func wantFiles(t *testing.T, o agent.Origin, files map[string][]byte) {
	t.Helper()
	x := newAsker(t)
	var names []string
	var heads []*protocol.RequestHead
	var all []*question
	for range 8 {
		for name := range files {
			names = append(names, name)
			heads = append(heads, &protocol.RequestHead{Method: "GET", Scheme: strings.Replace(o.Scheme, "h2c", "http", 1), Authority: "localhost", Target: "/" + name})
			all = append(all, new(question))
		}
	}
	x.ask(t, o, heads, all)
	for i, q := range all {
		if want := files[names[i]]; !q.Done || q.Status != 200 || q.version != protocol.HTTP2 || !bytes.Equal(q.Body, want) {
			t.Errorf("%s: status %d, %d bytes of %d, %v", names[i], q.Status, len(q.Body), len(want), q.Err)
		}
	}
	if q := x.get(t, o, "/nowhere"); q.Status != 404 || !q.Done {
		t.Error(q.Log)
	}
}

func TestClientAgainstNghttpd(t *testing.T) {
	t.Parallel()
	dir, files := sizes(t)
	port := freePort(t)
	c := exec.Command("nghttpd", "--no-tls", "-d", dir, "-a", "127.0.0.1", fmt.Sprint(port))
	must(t, c.Start())
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	awaitListener(t, "tcp", localAddr(port))
	wantFiles(t, originOf("h2c", localAddr(port)), files)
}

// nginx does not take trailers, and ends a connection after 1000 requests, by GOAWAY:
// nothing is lost by it.
func TestClientAgainstNginx(t *testing.T) {
	t.Parallel()
	dir, files := sizes(t)
	work := t.TempDir()
	port := freePort(t)
	config := filepath.Join(work, "nginx.conf")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 256; }
http {
	access_log off; keepalive_requests 50;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen 127.0.0.1:%[2]d http2; root %[3]s; }
}`, work, port, dir), 0o644))
	var log bytes.Buffer
	c := exec.Command("nginx", "-e", "stderr", "-p", work, "-c", config)
	c.Stderr = &log
	must(t, c.Start())
	t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	awaitListener(t, "tcp", localAddr(port))
	o := originOf("h2c", localAddr(port))
	wantFiles(t, o, files)
	x := newAsker(t)
	for range 8 { // 8 times over the limit of a connection
		var heads []*protocol.RequestHead
		var all []*question
		for range 50 {
			heads = append(heads, &protocol.RequestHead{Method: "GET", Scheme: "http", Authority: "localhost", Target: "/f100"})
			all = append(all, new(question))
		}
		x.ask(t, o, heads, all)
		for i, q := range all {
			if !q.Done || !bytes.Equal(q.Body, files["f100"]) {
				t.Errorf("%d: %v", i, q.Log)
			}
		}
	}
}

// The Python documentation over HTTP/2: every file comes as it lies on the disk, to
// net/http's client and to ours, many at a time.
func TestPythonDocumentationOverHTTP2(t *testing.T) {
	address := servePydoc(t)
	list := files(t)
	theirs := &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}}
	theirs.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	work := make(chan string)
	done := make(chan error)
	for range 16 {
		go func() {
			for path := range work {
				done <- sameFile(theirs, address, path)
			}
		}()
	}
	go func() {
		for _, path := range list {
			work <- path
		}
		close(work)
	}()
	for range list {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}

	x := newAsker(t)
	o := originOf("h2c", address)
	x.get(t, o, list[0])
	var heads []*protocol.RequestHead
	var all []*question
	for _, path := range list {
		heads = append(heads, &protocol.RequestHead{Method: "GET", Scheme: "http", Authority: "x.example", Target: path})
		all = append(all, new(question))
	}
	x.ask(t, o, heads, all)
	for i, q := range all {
		if want := onDisk(list[i]); !q.Done || q.Status != 200 || !bytes.Equal(q.Body, want) {
			t.Errorf("%s: status %d, %d bytes of %d, %v", list[i], q.Status, len(q.Body), len(want), q.Err)
		}
	}
	if n := x.connections(o); n > 12 {
		t.Errorf("%d connections", n)
	}
}

// onDisk is a file of the documentation.
func onDisk(path string) []byte {
	name, _ := url.PathUnescape(path)
	data, _ := os.ReadFile(filepath.Join(pydoc, name))
	return data
}

// sameFile asks net/http's client for a file.
func sameFile(c *http.Client, address, path string) error {
	a, err := c.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if want := onDisk(path); err != nil || a.StatusCode != 200 || a.ProtoMajor != 2 || !bytes.Equal(body, want) {
		return fmt.Errorf("%s: %s %s, %d bytes of %d, %v", path, a.Proto, a.Status, len(body), len(want), err)
	}
	return nil
}
