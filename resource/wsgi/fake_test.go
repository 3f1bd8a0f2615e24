package wsgi

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// This file has a worker in memory: what a process would do is done by the test.

// fakeWorker is one that was started.
type fakeWorker struct {
	*testing.T
	w       *worker
	loop    *reactortest.Loop
	control *reactortest.Transport
	links   []*reactortest.Transport
	signals []os.Signal
	gone    bool
}

func (f *fakeWorker) Pid() int { return 4711 }

func (f *fakeWorker) Write([]byte) {}
func (f *fakeWorker) Signal(s os.Signal) error {
	f.signals = append(f.signals, s)
	if f.gone {
		return os.ErrProcessDone
	}
	return nil
}
func (f *fakeWorker) LoseConnection() {}

// fakeApp is an App whose workers are fake.
type fakeApp struct {
	*testing.T
	*App
	server  *resourcetest.Server
	workers []*fakeWorker
}

func newFake(t *testing.T, set func(a *App)) *fakeApp {
	f := &fakeApp{T: t, App: &App{Target: "app", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}}
	f.server = resourcetest.New(f.App)
	f.server.ErrorLog = f.Logger
	f.loop = f.server.Loop
	f.launch = func(w *worker) error {
		fake := &fakeWorker{T: t, w: w, loop: f.server.Loop}
		w.process = fake
		f.workers = append(f.workers, fake)
		fake.control = f.server.Loop.NewTransport()
		f.loop.CallFromThread(func() { fake.control.Start(w.control) })
		return nil
	}
	f.adopt = func(file *os.File, _ reactor.Protocol) error { return file.Close() }
	if set != nil {
		set(f.App)
	}
	return f
}

// ready has the last worker load the application, with so many threads.
func (f *fakeApp) ready(threads int) *fakeWorker {
	f.Helper()
	f.server.Loop.Run()
	w := f.workers[len(f.workers)-1]
	w.load(threads)
	return w
}

func (w *fakeWorker) load(threads int) {
	w.control.DeliverString(frameOf(frameLoaded, "3.11.2\x00/usr/bin/python3\x00/app.py"))
	for range threads {
		w.newLink()
	}
}

func (w *fakeWorker) newLink() *reactortest.Transport {
	t := w.loop.NewTransport()
	t.Start(&link{w: w.w})
	w.links = append(w.links, t)
	t.DeliverString(frameOf(frameIdle, ""))
	return t
}

// dies ends the process.
func (w *fakeWorker) dies(words string, status reactor.ProcessStatus) {
	w.gone = true
	w.w.ErrReceived([]byte(words))
	w.w.ProcessExited(status)
	w.w.ProcessEnded(status)
	w.loop.Run()
}

// wholeOf is a whole answer, and that the thread is free.
func wholeOf(head, body string) string {
	size := string(binary.BigEndian.AppendUint32(nil, uint32(len(head))))
	return frameOf(frameWhole, size+head+body) + frameOf(frameIdle, "")
}

// asked is the environ of the request that a link was given, and what followed.
func asked(t *testing.T, link *reactortest.Transport) (environ map[string]string, content string) {
	t.Helper()
	in := link.Take()
	if len(in) < frameHeader || in[0] != frameRequest {
		t.Fatalf("the worker gets %q", in)
	}
	n := frameHeader + int(binary.BigEndian.Uint32(in[1:]))
	items := strings.Split(string(in[frameHeader+1:n]), "\x00")
	environ = map[string]string{"how": string(in[frameHeader])}
	for i := 0; i+1 < len(items); i += 2 {
		environ[items[i]] = items[i+1]
	}
	return environ, string(in[n:])
}

func TestWholeAnswer(t *testing.T) {
	f := newFake(t, nil)
	x := f.server.Start("GET", "/a", nil, nil)
	w := f.ready(1)
	environ, content := asked(t, w.links[0])
	if environ["PATH_INFO"] != "/a" || environ["how"] != "0" || content != "" {
		t.Errorf("%v %q", environ, content)
	}
	w.links[0].DeliverString(wholeOf("200 OK\x00Content-Type\x00text/plain\x00X-A\x00 1 ", "hello"))
	if want := "200 OK\nContent-Type: text/plain\nX-A: 1\n\nhello"; x.String() != want || !x.Done || x.Length != 5 {
		t.Errorf("got %q, %d", x.String(), x.Length)
	}
	for range 3 { // the link goes on
		x = f.server.Start("GET", "/b", nil, nil)
		w.links[0].DeliverString(wholeOf("204 No Content", ""))
		if x.Status != 204 || !x.Done {
			t.Errorf("got %s", x)
		}
	}
}

// However an answer is cut on its way, the client sees the same.
func TestAnswerInPieces(t *testing.T) {
	answer := frameOf(frameHead, "200 OK\x00Content-Type\x00text/plain") + frameOf(frameData, "one ") + frameOf(frameData, "two") +
		frameOf(frameFinish, "") + frameOf(frameIdle, "")
	for name, split := range reactortest.Splits() {
		f := newFake(t, nil)
		x := f.server.Start("GET", "/", nil, nil)
		w := f.ready(1)
		w.links[0].SetSplit(split)
		w.links[0].DeliverString(answer)
		if string(x.Body) != "one two" || x.Length != -1 || !x.Done {
			t.Errorf("%s: %s", name, x)
		}
	}
}

func TestEnvironNames(t *testing.T) {
	f := newFake(t, func(a *App) {
		a.User = func(*resource.Request) string { return "ada" }
	})
	f.server.Start("GET", "/caf%C3%A9//x%2Fy?a=b&c", protocol.Fields{
		{Name: "Host", Value: "example.org:8080"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "X_A", Value: "forged"},
		{Name: "Proxy", Value: "forged"}, {Name: "Cookie", Value: "a=1"}, {Name: "Cookie", Value: "b=2"}, {Name: "TE", Value: "trailers"},
		{Name: "Content-Type", Value: "text/plain"}, {Name: "Remote-User", Value: "forged"},
	}, nil)
	w := f.ready(1)
	environ, _ := asked(t, w.links[0])
	for name, want := range map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/caf\xc3\xa9//x/y", "QUERY_STRING": "a=b&c",
		"REQUEST_URI": "/caf%C3%A9//x%2Fy?a=b&c", "SERVER_NAME": "example.org", "SERVER_PORT": "8080", "REMOTE_ADDR": "127.0.0.1",
		"REMOTE_PORT": "40000", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "REMOTE_USER": "ada", "HTTP_REMOTE_USER": "forged",
		"HTTP_X_A": "1,2", "HTTP_COOKIE": "a=1; b=2", "CONTENT_TYPE": "text/plain", "HTTP_HOST": "example.org:8080",
	} {
		if environ[name] != want {
			t.Errorf("%s is %q, want %q", name, environ[name], want)
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTP_TE", "HTTP_CONTENT_TYPE", "CONTENT_LENGTH", "HTTPS"} {
		if v, there := environ[name]; there {
			t.Errorf("%s is there: %q", name, v)
		}
	}
}

func TestEnvironBehindAProxy(t *testing.T) {
	f := newFake(t, nil)
	f.server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f.server.Start("GET", "/", protocol.Fields{{Name: "Host", Value: "example.org"}, {Name: "X-Forwarded-For", Value: "192.0.2.7"},
		{Name: "X-Forwarded-Proto", Value: "https"}}, nil)
	environ, _ := asked(t, f.ready(1).links[0])
	for name, want := range map[string]string{"wsgi.url_scheme": "https", "HTTPS": "on", "SERVER_PORT": "443", "REMOTE_ADDR": "192.0.2.7"} {
		if environ[name] != want {
			t.Errorf("%s is %q, want %q", name, environ[name], want)
		}
	}
	if port, there := environ["REMOTE_PORT"]; there {
		t.Errorf("a port that nobody knows: %s", port)
	}
}

func TestContentGoesToTheWorker(t *testing.T) {
	f := newFake(t, nil)
	f.Start()
	w := f.ready(1)
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = 7
	x := f.server.Open(h)
	x.Send([]byte("abc"))
	x.Send([]byte("defg"))
	x.SendEnd(nil)
	environ, content := asked(t, w.links[0])
	if want := frameOf(frameContent, "abc") + frameOf(frameContent, "defg") + frameOf(frameEnd, ""); content != want || environ["how"] != "1" ||
		environ["CONTENT_LENGTH"] != "7" {
		t.Errorf("%v %q", environ, content)
	}
}

// A worker that does not read holds the client's content back; so does a request that
// waits for a worker.
func TestContentWaits(t *testing.T) {
	f := newFake(t, nil)
	h := resourcetest.Head("POST", "/", nil)
	h.ContentLength = 1 << 20
	x := f.server.Open(h)
	x.Send([]byte("early"))
	if !x.Paused {
		t.Error("content comes while there is no worker")
	}
	w := f.ready(0)
	slow := f.server.Loop.NewTransport()
	slow.SetCapacity(0)
	slow.Start(&link{w: w.w})
	slow.DeliverString(frameOf(frameIdle, ""))
	f.server.Loop.Run()
	if x.Paused {
		t.Error("content is held back for a worker that is there")
	}
	for range 20 {
		x.Send(make([]byte, 8<<10))
	}
	if !x.Paused {
		t.Error("a worker that does not read does not hold content back")
	}
	slow.Drain(1 << 20)
	f.server.Loop.Run()
	if x.Paused {
		t.Error("the content does not go on")
	}
	_, content := asked(t, slow)
	if !strings.HasPrefix(content, frameOf(frameContent, "early")) {
		t.Errorf("%.20q", content)
	}
}

// A client that does not read holds the worker back.
func TestAnswerWaits(t *testing.T) {
	f := newFake(t, nil)
	x := f.server.Start("GET", "/", nil, nil)
	w := f.ready(1)
	l := w.links[0]
	l.DeliverString(frameOf(frameHead, "200 OK"))
	x.Slow(true)
	if !l.ReadingPaused() {
		t.Error("the link is read though the client does not take the answer")
	}
	f.server.Loop.Advance(time.Hour) // it is not the application that is slow
	if len(w.signals) > 0 {
		t.Errorf("it is sent %v", w.signals)
	}
	x.Slow(false)
	l.DeliverString(frameOf(frameData, "x") + frameOf(frameFinish, "") + frameOf(frameIdle, ""))
	if string(x.Body) != "x" || !x.Done || l.ReadingPaused() {
		t.Errorf("%s", x)
	}
}

func TestClientLeavesAWorker(t *testing.T) {
	f := newFake(t, nil)
	x := f.server.Start("GET", "/", nil, nil)
	w := f.ready(1)
	w.links[0].DeliverString(frameOf(frameHead, "200 OK") + frameOf(frameData, "x"))
	x.Lose(nil)
	f.server.Loop.Run()
	if !w.links[0].Closed() {
		t.Error("the worker is not told")
	}
	x = f.server.Start("GET", "/", nil, nil)
	l := w.newLink()
	l.DeliverString(wholeOf("200 OK", "next"))
	if string(x.Body) != "next" {
		t.Errorf("%s", x)
	}
	f.server.Loop.Advance(time.Hour)
	if len(w.signals) > 0 {
		t.Errorf("it is sent %v", w.signals)
	}
}

// A thread that goes on working for nobody is not left alone for ever.
func TestAbandonedWorkIsLimited(t *testing.T) {
	f := newFake(t, nil)
	x := f.server.Start("GET", "/", nil, nil)
	w := f.ready(1)
	x.Lose(nil)
	f.server.Loop.Advance(59 * time.Second)
	if len(w.signals) > 0 {
		t.Errorf("too early: %v", w.signals)
	}
	f.server.Loop.Advance(2 * time.Second)
	if len(w.signals) == 0 || w.signals[0] != syscall.SIGABRT {
		t.Errorf("it is sent %v", w.signals)
	}
}

func TestTimeLimit(t *testing.T) {
	f := newFake(t, func(a *App) { a.Timeout, a.Debug, a.Threads = 5*time.Second, true, 2 })
	f.server.Debug = true
	slow := f.server.Start("GET", "/slow", nil, nil)
	w := f.ready(2)
	f.server.Loop.Advance(4 * time.Second)
	other := f.server.Start("GET", "/other", nil, nil)
	f.server.Loop.Advance(time.Second)
	if len(w.signals) != 1 || w.signals[0] != syscall.SIGABRT {
		t.Errorf("it is sent %v", w.signals)
	}
	f.server.Loop.Advance(time.Second)
	if len(w.signals) != 2 || w.signals[1] != syscall.SIGKILL {
		t.Errorf("it is sent %v", w.signals)
	}
	w.dies("in sleep, line 7\n", reactor.ProcessStatus{Code: -1, Signal: syscall.SIGKILL})
	if slow.Status != 504 || !strings.Contains(string(slow.Body), "in sleep, line 7") {
		t.Errorf("the slow one: %s", slow)
	}
	if other.Status != 502 {
		t.Errorf("the other one: %s", other)
	}
}

// Workers that die are started again: at once, then after pauses that grow.
func TestStartedAgain(t *testing.T) {
	f := newFake(t, nil)
	f.Start()
	f.ready(1)
	for i, pause := range []time.Duration{0, 100, 200, 400, 800, 1000, 1000} {
		n := len(f.workers)
		f.workers[n-1].dies("", reactor.ProcessStatus{Code: 1})
		if pause *= time.Millisecond; pause > 0 {
			f.server.Loop.Advance(pause - 1)
			if len(f.workers) != n {
				t.Errorf("death %d: started too early", i+1)
			}
		}
		f.server.Loop.Advance(1)
		if len(f.workers) != n+1 {
			t.Fatalf("death %d: not started after %v", i+1, pause)
		}
		f.ready(1)
	}
	f.server.Loop.Advance(longLife)
	n := len(f.workers)
	f.workers[n-1].dies("", reactor.ProcessStatus{Code: 1})
	f.server.Loop.Advance(1)
	if len(f.workers) != n+1 {
		t.Error("a death after a long life is not the first one again")
	}
}

func TestDeathIsAnswered(t *testing.T) {
	f := newFake(t, func(a *App) { a.Debug = true })
	f.server.Debug = true
	begun := f.server.Start("GET", "/begun", nil, nil)
	w := f.ready(1)
	w.links[0].DeliverString(frameOf(frameHead, "200 OK") + frameOf(frameData, "x"))
	w.dies("Segmentation fault\n", reactor.ProcessStatus{Code: -1, Signal: syscall.SIGSEGV})
	if begun.Aborted == nil {
		t.Errorf("an answer that had begun: %s", begun)
	}
	x := f.server.Start("GET", "/", nil, nil)
	w = f.ready(1)
	w.dies("Segmentation fault\n", reactor.ProcessStatus{Code: -1, Signal: syscall.SIGSEGV})
	if x.Status != 502 || !strings.Contains(string(x.Body), "Segmentation fault") || !strings.Contains(string(x.Body), "worker 1, process 4711") {
		t.Errorf("%s", x)
	}
}

func TestQueueIsBounded(t *testing.T) {
	f := newFake(t, func(a *App) { a.MaxQueue, a.QueueTimeout = 2, 10*time.Second })
	first := f.server.Start("GET", "/1", nil, nil)
	f.server.Loop.Advance(time.Second)
	gone := f.server.Start("GET", "/2", nil, nil)
	if x := f.server.Start("GET", "/3", nil, nil); x.Status != 503 || x.Field("Retry-After") != "1" {
		t.Errorf("the one too many: %s", x)
	}
	gone.Lose(nil)
	third := f.server.Start("GET", "/4", nil, nil)
	if third.Status != 0 {
		t.Errorf("the place of the one who left is not free: %s", third)
	}
	f.server.Loop.Advance(9 * time.Second)
	if first.Status != 503 || third.Status != 0 {
		t.Errorf("after 10 s: %d, %d", first.Status, third.Status)
	}
	w := f.ready(1)
	w.links[0].DeliverString(wholeOf("200 OK", "x"))
	if third.Status != 200 {
		t.Errorf("%s", third)
	}
}

// Without an application the answer is an error, until it can be loaded.
func TestNotLoaded(t *testing.T) {
	f := newFake(t, nil)
	waits := f.server.Start("GET", "/", nil, nil)
	f.server.Loop.Run()
	w := f.workers[0]
	w.control.DeliverString(frameOf(frameFailure, "app.py, line 3: SyntaxError\x00Traceback"))
	w.dies("", reactor.ProcessStatus{Code: 0})
	if waits.Status != 500 || strings.Contains(string(waits.Body), "SyntaxError") {
		t.Errorf("%s", waits)
	}
	var told error
	f.Start().Then(nil, func(err error) { told = err })
	if told == nil || told.Error() != "wsgi: app can not be loaded: app.py, line 3: SyntaxError" {
		t.Errorf("told %v", told)
	}
	if x := f.server.Start("GET", "/", nil, nil); x.Status != 500 {
		t.Errorf("%s", x)
	}
	f.server.Loop.Advance(time.Second)
	f.ready(1)
	x := f.server.Start("GET", "/", nil, nil)
	f.workers[len(f.workers)-1].links[0].DeliverString(wholeOf("200 OK", "x"))
	if x.Status != 200 {
		t.Errorf("%s", x)
	}
}

// In debug mode each request tries again, and waits for what comes of it.
func TestLoadedAgainForARequest(t *testing.T) {
	f := newFake(t, func(a *App) { a.Debug = true })
	f.server.Debug = true
	f.Start()
	f.server.Loop.Run()
	for range 3 {
		w := f.workers[len(f.workers)-1]
		w.control.DeliverString(frameOf(frameFailure, "app.py, line 3: SyntaxError\x00Traceback"))
		w.dies("", reactor.ProcessStatus{Code: 0})
		x := f.server.Start("GET", "/", nil, nil)
		f.server.Loop.Run()
		if x.Status != 0 {
			t.Errorf("%s", x)
		}
	}
	f.workers[len(f.workers)-1].load(1)
}

// A worker goes on until its successor is there.
func TestSuccession(t *testing.T) {
	f := newFake(t, func(a *App) { a.MaxRequests = 2 })
	f.server.Start("GET", "/", nil, nil)
	old := f.ready(1)
	old.links[0].DeliverString(wholeOf("200 OK", "1"))
	f.server.Start("GET", "/", nil, nil)
	old.links[0].DeliverString(wholeOf("200 OK", "2"))
	f.server.Loop.Run()
	if len(f.workers) != 2 {
		t.Fatalf("%d workers", len(f.workers))
	}
	x := f.server.Start("GET", "/", nil, nil)
	young := f.ready(1)
	if old.control.Closed() {
		t.Error("the old one is ended in the middle of a request")
	}
	old.links[0].DeliverString(wholeOf("200 OK", "3"))
	f.server.Loop.Run()
	if string(x.Body) != "3" || !old.control.Closed() || !old.links[0].Closed() {
		t.Errorf("%s, closed %v", x, old.control.Closed())
	}
	old.dies("", reactor.ProcessStatus{})
	x = f.server.Start("GET", "/", nil, nil)
	young.links[0].DeliverString(wholeOf("200 OK", "4"))
	if string(x.Body) != "4" {
		t.Errorf("%s", x)
	}
}

func TestStop(t *testing.T) {
	f := newFake(t, nil)
	f.Start()
	w := f.ready(2)
	stopped := false
	f.Stop().Then(func(struct{}) { stopped = true }, nil)
	f.server.Loop.Run()
	if !w.control.Closed() || stopped {
		t.Errorf("closed %v, stopped %v", w.control.Closed(), stopped)
	}
	f.server.Loop.Advance(defaultStopTimeout)
	if len(w.signals) != 1 || w.signals[0] != syscall.SIGKILL {
		t.Errorf("it is sent %v", w.signals)
	}
	w.dies("", reactor.ProcessStatus{Code: -1, Signal: syscall.SIGKILL})
	if !stopped {
		t.Error("it is not told")
	}
	if x := f.server.Start("GET", "/", nil, nil); x.Status != 503 {
		t.Errorf("afterwards: %s", x)
	}
}

// What makes no sense has the worker killed, and the request answered.
func TestGarbage(t *testing.T) {
	for _, in := range []string{
		"\xff\xff\xff\xff\xff",
		frameOf(frameIdle, ""),
		frameOf(frameWhole, "x"),
		frameOf(frameWhole, "\x00\x00\xff\xff200 OK"),
		frameOf(frameWhole, "\x00\x00\x00\x06000 OK"),
		frameOf(frameHead, "99"),
		frameOf(frameHead, "200 OK\x00Name"),
		frameOf(frameHead, "200 OK\x00Content-Length\x00-1"),
		frameOf(frameFinish, ""),
		frameOf(frameFile, "x"),
		frameOf(frameHead, "200 OK") + frameOf(frameHead, "200 OK"),
		frameOf(frameRequest, ""),
		frameOf(frameLoaded, ""),
	} {
		f := newFake(t, nil)
		x := f.server.Start("GET", "/", nil, nil)
		w := f.ready(1)
		w.links[0].DeliverString(in)
		if len(w.signals) == 0 || w.signals[0] != syscall.SIGKILL {
			t.Errorf("%q: it is sent %v", in, w.signals)
		}
		w.dies("", reactor.ProcessStatus{Code: -1, Signal: syscall.SIGKILL})
		if x.Status != 502 && x.Aborted == nil {
			t.Errorf("%q: %s", in, x)
		}
	}
}

// Fields that an application must not send make an error page, or are left out.
func TestAnswerFields(t *testing.T) {
	for head, want := range map[string]string{
		"200 OK\x00X A\x001":     "500",
		"200 OK\x00X-A\x00a\nb":  "500",
		"200 OK\x00X-A\x00a\x01": "500",
		"404 Nothing\x00Content-Type\x00text/plain\x00Connection\x00close\x00TE\x00x\x00Upgrade\x00y\x00X-A\x00\tb ": "404 Not Found\nContent-Type: text/plain\nX-A: b\n\nx",
	} {
		f := newFake(t, nil)
		x := f.server.Start("GET", "/", nil, nil)
		w := f.ready(1)
		w.links[0].DeliverString(wholeOf(head, "x"))
		if got := x.String(); !strings.HasPrefix(got, want) || !x.Done {
			t.Errorf("%q: %q", head, got)
		}
		if len(w.signals) > 0 {
			t.Errorf("%q: it is sent %v", head, w.signals)
		}
	}
}

func TestPassedFile(t *testing.T) {
	f := newFake(t, nil)
	x := f.server.Start("GET", "/", nil, nil)
	w := f.ready(1)
	file, err := os.Open("testdata/broken.py")
	if err != nil {
		t.Fatal(err)
	}
	l := w.links[0].Protocol().(*link)
	l.FileReceived(file)
	where := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 7), 2)
	w.links[0].DeliverString(frameOf(frameHead, "200 OK\x00Content-Length\x002") + frameOf(frameFile, string(where)) +
		frameOf(frameFinish, "") + frameOf(frameIdle, ""))
	x.Wait()
	f.server.Loop.Run()
	if string(x.Body) != "os" || !x.Done {
		t.Errorf("%s", x)
	}
	if err := file.Close(); err == nil {
		t.Error("the file was not closed")
	}
}

// What the workers have loaded is told file by file, as it comes to be.
func TestSources(t *testing.T) {
	grown := 0
	f := newFake(t, func(a *App) { a.Grown = func() { grown++ } })
	f.Start()
	w := f.ready(1)
	for _, row := range []struct {
		told, want string
		grown      int
	}{
		{"/b.py\x00/a.py", "/a.py /b.py", 1},
		{"/b.py", "/a.py /b.py", 1},
		{"/c.py", "/a.py /b.py /c.py", 2},
	} {
		w.control.DeliverString(frameOf(frameSources, row.told))
		if got := strings.Join(f.Sources(), " "); got != row.want || grown != row.grown {
			t.Errorf("after %q: %q, told %d times", row.told, got, grown)
		}
	}
}
