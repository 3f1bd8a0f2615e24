package fastcgi

import (
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// params is the Params stream of variables.
func params(id uint16, vars ...string) []byte {
	var env cgi.Env
	for _, v := range append(vars, "REQUEST_METHOD=GET", "REQUEST_URI=/x") { // the first counts
		name, value, _ := strings.Cut(v, "=")
		env.Add(name, value)
	}
	return AppendParams(nil, id, &env)
}

// request is a whole one without content.
func request(id uint16, keep bool, vars ...string) []byte {
	in := AppendBegin(nil, id, Responder, keep)
	in = append(in, params(id, vars...)...)
	return AppendHeader(in, Stdin, id, 0)
}

// post is a whole one with content.
func post(id uint16, content string, vars ...string) []byte {
	in := AppendBegin(nil, id, Responder, true)
	in = append(in, params(id, append([]string{"REQUEST_METHOD=POST", "CONTENT_LENGTH=5"}, vars...)...)...)
	if content != "" {
		in = AppendRecord(in, Stdin, id, []byte(content))
	}
	return AppendHeader(in, Stdin, id, 0)
}

func hello(x *protocoltest.Exchange) { x.Text("hello") }

// answered is what a connection answers to in, however it is cut.
func answered(t *testing.T, server func() *protocoltest.Server, in []byte) string {
	t.Helper()
	results := map[string]string{}
	for name, split := range reactortest.Splits() {
		l := reactortest.NewLoop()
		tr := l.NewTransport()
		tr.SetSplit(split)
		s := server()
		tr.Start(NewFactory(s, nil).BuildProtocol(reactor.Addr{}))
		tr.Deliver(in)
		_, lost := tr.Lost()
		closed := ""
		if lost || tr.Disconnecting() || tr.WriteClosed() {
			closed = "closed"
		}
		results[name] = decode(tr.Bytes()) + closed
	}
	for name, got := range results {
		if got != results["whole"] {
			t.Errorf("%s:\n got %s\nwant %s", name, got, results["whole"])
		}
	}
	return results["whole"]
}

const page = "6/1 \"Status: 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 5\\r\\n\\r\\nhello\" 68\n6/1 \"\" 0\n3/1 \"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" 8\n"

func TestAnswers(t *testing.T) {
	plain := func() *protocoltest.Server { return &protocoltest.Server{OnDone: hello} }
	again := func() *protocoltest.Server {
		return &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text(string(x.Body)) }}
	}
	refusal := func(id byte, s Status) string {
		return "3/" + string('0'+rune(id)) + " \"\\x00\\x00\\x00\\x00\\x0" + string('0'+rune(s)) + "\\x00\\x00\\x00\" 8\n"
	}
	never := func() *protocoltest.Server { return &protocoltest.Server{} }
	for _, c := range []struct {
		name   string
		server func() *protocoltest.Server
		in     []byte
		want   string
	}{
		{"one", plain, request(1, false), page + "closed"},
		{"kept", plain, request(1, true), page},
		{"two", plain, append(request(1, true), request(1, true)...), page + page},
		{"content", again, post(1, "hello"), page},
		{"too much content", again, post(1, "hellohello"), page},
		{"HEAD", plain, request(1, true, "REQUEST_METHOD=HEAD"), page},
		{"a second one meanwhile", never, append(request(1, true), AppendBegin(nil, 2, Responder, true)...), refusal(2, CantMultiplex)},
		{"another role", plain, AppendBegin(nil, 1, Authorizer, true), refusal(1, UnknownRole)},
		{"given up", never, AppendHeader(request(1, true), AbortRequest, 1, 0), "6/1 \"\" 0\n" + refusal(1, RequestComplete)},
		{"given up before its variables", never, AppendHeader(AppendBegin(nil, 1, Responder, true), AbortRequest, 1, 0), refusal(1, RequestComplete)},
		{"values", plain, AppendRecord(nil, GetValues, 0, AppendPair(AppendPair(nil, "FCGI_MPXS_CONNS", ""), "FCGI_OTHER", "")),
			"10/0 \"\\x0f\\x01FCGI_MPXS_CONNS0\" 18\n"},
		{"an unknown type", plain, AppendRecord(nil, 77, 0, []byte("x")), "11/0 \"M\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" 8\n"},
		{"of a request that is none", plain, AppendRecord(nil, Stdin, 9, []byte("x")), ""},
		{"no FastCGI", plain, []byte("GET / HTTP/1.1\r\n"), "closed"},
	} {
		want := c.want
		if c.name == "HEAD" {
			want = strings.Replace(strings.Replace(want, "hello", "", 1), "68", "63", 1)
		}
		if got := answered(t, c.server, c.in); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, in := range map[string][]byte{
		"400": request(1, true, "CONTENT_LENGTH=x"),
		"431": request(1, true, "LONG="+strings.Repeat("x", 200<<10)),
	} {
		got := answered(t, func() *protocoltest.Server { return &protocoltest.Server{OnDone: hello} }, in)
		if !strings.Contains(got, "Status: "+name) {
			t.Errorf("want %s: %s", name, got)
		}
	}
	got := answered(t, func() *protocoltest.Server { return &protocoltest.Server{} }, post(1, "abc"))
	if !strings.Contains(got, "Status: 400") {
		t.Errorf("short content: %s", got)
	}
}

// start makes a connection with a request without an answer on it.
func start(t *testing.T, s *protocoltest.Server, set *cgi.Settings, in []byte) (*reactortest.Loop, *cgi.Factory, *reactortest.Transport) {
	t.Helper()
	l := reactortest.NewLoop()
	f := NewFactory(s, set)
	tr := l.Connect(f.BuildProtocol(reactor.Addr{}))
	tr.Deliver(in)
	return l, f, tr
}

func TestClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(tr *reactortest.Transport){
		"reset": func(tr *reactortest.Transport) { tr.Reset() },
		"end":   func(tr *reactortest.Transport) { tr.DeliverEOF() },
		"abort": func(tr *reactortest.Transport) { tr.Deliver(AppendHeader(nil, AbortRequest, 1, 0)) },
	} {
		s := &protocoltest.Server{}
		_, f, tr := start(t, s, nil, request(1, true))
		leave(tr)
		x := s.Last()
		if x.Lost == nil {
			t.Errorf("%s: the receiver is not told", name)
		}
		x.Text("too late")
		if strings.Contains(decode(tr.Bytes()), "late") {
			t.Errorf("%s: an answer nobody waits for", name)
		}
		if name != "abort" && f.Stats().Open != 0 {
			t.Errorf("%s: %+v", name, f.Stats())
		}
	}
}

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    []byte
		after time.Duration
		want  string // in the answer
	}{
		{"nothing", nil, 10 * time.Second, ""},
		{"half of the variables", request(1, true)[:30], 10 * time.Second, ""},
		{"idle", request(1, true), 5 * time.Minute, "200"},
		{"no content", AppendRecord(AppendBegin(nil, 1, Responder, true), Params, 1, nil), time.Minute, "4"},
	} {
		s := &protocoltest.Server{OnDone: hello}
		in := c.in
		if c.name == "no content" {
			in = append(AppendBegin(nil, 1, Responder, true), params(1, "CONTENT_LENGTH=5")...)
		}
		l, _, tr := start(t, s, nil, in)
		l.Advance(c.after - time.Second)
		if tr.Disconnecting() || tr.Aborted() {
			t.Errorf("%s: closed too early", c.name)
		}
		l.Advance(2 * time.Second)
		if c.name == "no content" {
			if !strings.Contains(decode(tr.Bytes()), "Status: 408") {
				t.Errorf("%s: %s", c.name, decode(tr.Bytes()))
			}
			continue
		}
		if !tr.Disconnecting() && !tr.Aborted() || !strings.Contains(decode(tr.Bytes()), c.want) {
			t.Errorf("%s: %s", c.name, decode(tr.Bytes()))
		}
	}
}

func TestStalled(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.WriteHead(200, nil, -1)
		x.Write(make([]byte, 1<<20))
	}}
	l := reactortest.NewLoop()
	tr := l.NewTransport()
	tr.SetCapacity(1000)
	tr.Start(NewFactory(s, nil).BuildProtocol(reactor.Addr{}))
	tr.Deliver(request(1, true))
	l.Advance(50 * time.Second)
	if tr.Aborted() {
		t.Error("too early")
	}
	l.Advance(30 * time.Second)
	if !tr.Aborted() || s.Last().Lost == nil {
		t.Error("a web server that takes nothing is waited for")
	}
}

// TestCut: an answer that is not whole does not end as one that is.
func TestCut(t *testing.T) {
	for name, f := range map[string]func(x *protocoltest.Exchange){
		"short":  func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 10); x.Write([]byte("abc")); x.Finish(nil) },
		"abort":  func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1); x.Write([]byte("abc")); x.Abort(nil) },
		"switch": func(x *protocoltest.Exchange) { x.Switch(nil) },
	} {
		_, _, tr := start(t, &protocoltest.Server{OnDone: f}, nil, request(1, true))
		if got := decode(tr.Bytes()); strings.Contains(got, "3/1") || !tr.Aborted() {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPauseBody(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	_, _, tr := start(t, s, nil, post(1, "hello"))
	x := s.Last()
	if len(x.Body) != 0 || !tr.ReadingPaused() {
		t.Errorf("paused content came: %q", x.Body)
	}
	x.ResumeBody()
	tr.Deliver(nil)
	if string(x.Body) != "hello" || !x.Complete || tr.ReadingPaused() {
		t.Errorf("%q complete %v", x.Body, x.Complete)
	}
}

func TestDrain(t *testing.T) {
	s := &protocoltest.Server{}
	l, f, tr := start(t, s, nil, request(1, true))
	drained := false
	f.Drain(func() { drained = true })
	l.Run()
	if drained || tr.Disconnecting() {
		t.Error("the request in hand is cut")
	}
	s.Last().Text("x")
	l.Run()
	tr.DeliverEOF()
	if l.Run(); !drained {
		t.Error("not drained")
	}
	_, f, tr = start(t, s, nil, nil)
	if f.Drain(nil); !tr.Disconnecting() {
		t.Error("an idle connection is left")
	}
}

func TestMaxConnections(t *testing.T) {
	l := reactortest.NewLoop()
	f := NewFactory(&protocoltest.Server{}, &cgi.Settings{MaxConnections: 1})
	first := l.Connect(f.BuildProtocol(reactor.Addr{}))
	first.Deliver(request(1, true))
	second := l.Connect(f.BuildProtocol(reactor.Addr{}))
	if !second.Aborted() || first.Aborted() {
		t.Error("the limit does not hold")
	}
}

func TestSecureAndPeer(t *testing.T) {
	s := &protocoltest.Server{}
	start(t, s, nil, request(1, true, "HTTPS=on", "REMOTE_ADDR=192.0.2.9", "SERVER_ADDR=192.0.2.1", "SERVER_PORT=443"))
	x := s.Last()
	if x.TLS() == nil || x.Peer().HostText() != "192.0.2.9" || x.Host().String() != "192.0.2.1:443" {
		t.Errorf("%v %v %v", x.TLS(), x.Peer(), x.Host())
	}
	if x.Head.Version != protocol.HTTP11 {
		t.Error(x.Head.Version)
	}
}

func FuzzConnection(f *testing.F) {
	f.Add(append(request(1, true), post(2, "hello")...), uint16(20))
	f.Add(AppendHeader(request(1, false), AbortRequest, 1, 0), uint16(3))
	run := func(pieces ...[]byte) string {
		s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text(x.String()) }}
		l := reactortest.NewLoop()
		tr := l.Connect(NewFactory(s, &cgi.Settings{MaxVariableBytes: 500}).BuildProtocol(reactor.Addr{}))
		for _, p := range pieces {
			tr.Deliver(p)
		}
		tr.DeliverEOF()
		for _, x := range s.Exchanges {
			if !x.Complete && x.Lost == nil {
				return "a receiver is neither complete nor lost"
			}
		}
		if tr.Aborted() {
			return "aborted" // with what was not sent by then
		}
		return decode(tr.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		n := int(at) % (len(in) + 1)
		whole := run(in)
		if cut := run(in[:n], in[n:]); whole != cut || strings.HasPrefix(whole, "a receiver") {
			t.Errorf("cut at %d: got %s want %s", n, cut, whole)
		}
	})
}
