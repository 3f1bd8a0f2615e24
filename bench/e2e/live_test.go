//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/resource/wsock"
	"spindle/site"
)

// This file has WebSocket and event streams asked by clients that others have made:
// Node's ws, Debian's python3-websockets and python3-autobahn, and Chromium. Each
// prints "all is well" at its end.

// wsVersion is the package of npm that is installed for the test.
const wsVersion = "ws@8.23.0"

const plainEndpoint = "tcp:0:interface=127.0.0.1"

type backAgain struct{}

func (backAgain) Opened(*websocket.Conn) {}
func (backAgain) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	switch string(data) {
	case "close me":
		c.Close(4001, "as you say")
	case "ping me":
		c.Ping([]byte("are you there?"))
	default:
		c.Send(kind, data)
	}
}
func (backAgain) Closed(*websocket.Conn, websocket.Code, string) {}

// reports is where a page tells how it went.
type reports struct {
	resource.Leaf
	told chan string
}

func (p reports) RenderPOST(r *resource.Request) ([]byte, error) {
	body, err := r.BodyBytes()
	if err == nil {
		p.told <- string(body)
	}
	return nil, err
}

// live serves echoes, with and without context take-over, an event stream, and the page
// of testdata at an endpoint. It tells the address; told is how the page went, overHTTP2
// how many WebSockets came so.
func live(t *testing.T, endpoint string) (addr string, told chan string, overHTTP2 *atomic.Int64) {
	t.Helper()
	r := reactor.New()
	root, told, overHTTP2 := new(resource.Tree), make(chan string, 1), new(atomic.Int64)
	for name, d := range map[string]*websocket.Deflate{
		"plain": nil, "anew": {MinBytes: 1}, "kept": {MinBytes: 1, ServerWindowBits: 15, ClientWindowBits: 15},
		"small": {MinBytes: 1, ServerWindowBits: 9, ClientWindowBits: 9},
	} {
		s := wsock.New(func(r *resource.Request) (websocket.Handler, error) {
			if r.Version() == protocol.HTTP2 {
				overHTTP2.Add(1)
			}
			return backAgain{}, nil
		})
		s.Deflate = d
		s.Subprotocols = []string{"echo"}
		root.PutChild(name, s)
	}
	e := events.New(r)
	e.Retry = 50 * time.Millisecond
	n := 0
	reactor.NewLoopingCall(r, func() {
		n++
		e.Publish(events.Event{ID: strconv.Itoa(n), Name: "tick", Data: "tick\n" + strconv.Itoa(n)})
	}).Start(20*time.Millisecond, true)
	e.Opened = func(s *events.Stream, _ *resource.Request) error {
		r.CallLater(200*time.Millisecond, s.Finish) // so that it has to come again
		return nil
	}
	page, err := os.ReadFile("testdata/live.html")
	must(t, err)
	root.PutChild("events", e)
	root.PutChild("report", reports{told: told})
	root.PutChild("", resource.NewData(page, "text/html; charset=utf-8"))
	port, err := r.Listen(endpoint, site.New(root))
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return port.Addr().String(), told, overHTTP2
}

// wantWell runs a client to its end.
func wantWell(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "all is well") {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// patience is how long a program may run: far longer than it does, also on a machine that has
// much else to do.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestNodeWS(t *testing.T) {
	t.Parallel()
	addr, _, _ := live(t, plainEndpoint)
	dir := t.TempDir()
	install := exec.CommandContext(patience(t), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, wsVersion)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(patience(t), "node", "testdata/live.js", addr)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
	wantWell(t, cmd)
}

func TestPythonWebsockets(t *testing.T) {
	t.Parallel()
	addr, _, _ := live(t, plainEndpoint)
	wantWell(t, exec.CommandContext(patience(t), "/usr/bin/python3", "testdata/live_websockets.py", addr))
}

func TestPythonAutobahn(t *testing.T) {
	t.Parallel()
	addr, _, _ := live(t, plainEndpoint)
	wantWell(t, exec.CommandContext(patience(t), "/usr/bin/python3", "testdata/live_autobahn.py", addr))
}

// Over TLS a browser that has a connection of HTTP/2 opens its WebSockets on streams of
// it (RFC 8441).
func TestChromium(t *testing.T) {
	t.Parallel()
	for scheme, endpoint := range map[string]string{"http": plainEndpoint, "https": "tls:0:interface=127.0.0.1"} {
		t.Run(scheme, func(t *testing.T) { inChromium(t, scheme, endpoint) })
	}
}

func inChromium(t *testing.T, scheme, endpoint string) {
	addr, told, overHTTP2 := live(t, endpoint)
	openChromium(t, scheme+"://"+addr+"/")
	select {
	case report := <-told:
		if report != "all is well" {
			t.Error(report)
		}
		if n := overHTTP2.Load(); (n > 0) != (scheme == "https") {
			t.Errorf("%d WebSockets came over HTTP/2", n)
		}
	case <-time.After(time.Minute):
		t.Error("the page tells nothing")
	}
}
