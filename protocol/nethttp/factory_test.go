package nethttp_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/nethttp"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

// serve has s answer under net/http, by HTTP/2 if it is secure.
func serve(t *testing.T, s protocol.Server, secure bool) (f *nethttp.Factory, h *httptest.Server) {
	r := reactor.New()
	f = nethttp.NewFactory(r, s, &nethttp.Settings{ServerName: "-", Logger: slog.New(slog.DiscardHandler)})
	ended := make(chan error)
	go func() { ended <- r.Run() }()
	h = httptest.NewUnstartedServer(f)
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if secure {
		h.EnableHTTP2 = true
		h.StartTLS()
	} else {
		h.Start()
	}
	t.Cleanup(func() {
		h.Close()
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if f.Len() != 0 {
			t.Errorf("%d exchanges are left", f.Len())
		}
	})
	return f, h
}

func ask(t *testing.T, h *httptest.Server, body string) (status int, content string) {
	client := h.Client()
	if tr := client.Transport.(*http.Transport); tr.TLSClientConfig == nil {
		tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	resp, err := client.Post(h.URL+"/x", "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "failed"
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, "cut"
	}
	return resp.StatusCode, string(all)
}

// TestMistakes: what a receiver does wrong costs its exchange only.
func TestMistakes(t *testing.T) {
	for name, row := range map[string]struct {
		do     func(x *protocoltest.Exchange)
		status int
		want   string
	}{
		"content before the head": {func(x *protocoltest.Exchange) { x.Write([]byte("lost")); x.Text("x") }, 200, "x"},
		"finished before begun":   {func(x *protocoltest.Exchange) { x.Finish(nil) }, 500, ""},
		"an impossible status":    {func(x *protocoltest.Exchange) { x.WriteHead(42, nil, -1); x.Finish(nil) }, 500, ""},
		"a switch without a head": {func(x *protocoltest.Exchange) { x.Switch(nil) }, 0, "failed"},
		"a head without a switch": {func(x *protocoltest.Exchange) { x.WriteHead(101, nil, -1); x.Finish(nil) }, 0, "failed"},
		"too much": {func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, 2)
			x.Write([]byte("abc"))
			x.Finish(nil)
		}, 200, "ab"},
		"panic": {func(*protocoltest.Exchange) { panic("oh") }, 0, "failed"},
		"twice": {func(x *protocoltest.Exchange) { x.Text("one"); x.Text("two"); x.Write([]byte("three")); x.Abort(nil) }, 200, "one"},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				_, h := serve(t, &protocoltest.Server{OnDone: row.do}, secure)
				if status, got := ask(t, h, "abc"); status != row.status || got != row.want {
					t.Errorf("%d %q", status, got)
				}
			})
		}
	}
}

// TestSwitchOverHTTP2: there is no socket to give.
func TestSwitchOverHTTP2(t *testing.T) {
	_, h := serve(t, &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.WriteHead(101, nil, -1)
		x.Switch(nil)
	}}, true)
	if status, _ := ask(t, h, "abc"); status != 501 {
		t.Errorf("%d", status)
	}
}

// TestAbort: those under way are cut, and those that come are refused.
func TestAbort(t *testing.T) {
	var f *nethttp.Factory
	f, h := serve(t, &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		drained := make(chan bool, 1)
		f.Drain(func() { drained <- true })
		x.Loop().CallLater(0, f.Abort)
	}}, false)
	if status, got := ask(t, h, "abc"); status != 0 || got != "failed" {
		t.Errorf("%d %q", status, got)
	}
	if status, _ := ask(t, h, "abc"); status != 503 {
		t.Errorf("%d", status)
	}
}

// TestContentIsCut: a client that goes within its content is no complete request.
func TestContentIsCut(t *testing.T) {
	lost := make(chan error, 1)
	_, h := serve(t, &protocoltest.Server{
		OnDone: func(*protocoltest.Exchange) { t.Error("it is complete") },
		OnLost: func(x *protocoltest.Exchange) { lost <- x.Lost },
	}, false)
	body, w := io.Pipe()
	go func() {
		_, _ = w.Write([]byte("abc"))
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if resp, err := http.Post(h.URL, "text/plain", body); err == nil {
		_ = resp.Body.Close()
	}
	if err := <-lost; err == nil {
		t.Error("lost for no reason")
	}
}
