package wsock_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/resource/hub"
	"spindle/resource/resourcetest"
	"spindle/resource/wsock"
)

const handshake = "GET /echo HTTP/1.1\r\nHost: x.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// hello is "Hello" as RFC 6455 §5.7 has it, masked; from a server it is helloBack.
const (
	hello     = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
	helloBack = "\x81\x05Hello"
	switched  = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)

type echo struct{}

func (echo) Opened(*websocket.Conn) {}
func (echo) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	c.Send(kind, data)
}
func (echo) Closed(*websocket.Conn, websocket.Code, string) {}

func echoes(*resource.Request) (websocket.Handler, error) { return echo{}, nil }

func dial(t testing.TB, s *wsock.Socket) *protocoltest.Client {
	root := new(resource.Tree)
	root.PutChild("echo", s)
	return protocoltest.Dial(t, nil, http1.NewFactory(&resource.Dispatcher{Root: root}, nil))
}

func TestEchoOverHTTP1(t *testing.T) {
	for _, split := range reactortest.Splits() {
		s := wsock.New(echoes)
		c := dial(t, s)
		c.SetSplit(split)
		c.Send(handshake + "\r\n" + hello)
		c.Want(switched + "Connection: Upgrade\r\n\r\n" + helloBack)
		c.Send(hello)
		c.Want(helloBack)
		if s.Factory().Len() != 1 {
			t.Errorf("%d connections", s.Factory().Len())
		}
		c.Send("\x88\x80\x00\x00\x00\x00")
		c.Want("\x88\x00")
		c.WantClosed()
		if s.Factory().Len() != 0 {
			t.Errorf("%d connections", s.Factory().Len())
		}
	}
}

func TestAgreement(t *testing.T) {
	s := wsock.New(echoes)
	s.Subprotocols = []string{"chat"}
	s.Deflate = &websocket.Deflate{}
	c := dial(t, s)
	c.Send(handshake + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	c.Want(switched + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; " +
		"server_no_context_takeover; client_no_context_takeover\r\nConnection: Upgrade\r\n\r\n")
}

func TestRefusals(t *testing.T) {
	s := wsock.New(func(r *resource.Request) (websocket.Handler, error) {
		switch r.ArgOr("who", "") {
		case "stranger":
			return nil, resource.ErrForbidden
		case "broken":
			return nil, errors.New("no database")
		}
		return echo{}, nil
	})
	server := resourcetest.New(s)
	server.ErrorLog = slog.New(slog.DiscardHandler)
	good := func(name, value string) protocol.Fields {
		f := protocol.Fields{{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
			{Name: "Sec-WebSocket-Key", Value: "dGhlIHNhbXBsZSBub25jZQ=="}, {Name: "Sec-WebSocket-Version", Value: "13"}}
		if name != "" {
			f.Set(name, value)
		}
		return f
	}
	for _, r := range []struct {
		method, target string
		fields         protocol.Fields
		status         int
	}{
		{"GET", "/", nil, 426},
		{"HEAD", "/", good("", ""), 426},
		{"POST", "/", nil, 405},
		{"GET", "/", good("Sec-WebSocket-Version", "8"), 426},
		{"GET", "/", good("Sec-WebSocket-Key", "x"), 400},
		{"GET", "/", good("Origin", "https://elsewhere.example"), 403},
		{"GET", "/?who=stranger", good("", ""), 403},
		{"GET", "/?who=broken", good("", ""), 500},
	} {
		got := server.Do(r.method, r.target, r.fields, nil)
		if got.Status != r.status {
			t.Errorf("%s %s %v: %d, want %d", r.method, r.target, r.fields, got.Status, r.status)
		}
		if has := got.Field("Sec-WebSocket-Version") == "13" && got.Field("Upgrade") == "websocket"; has != (r.status == 426) {
			t.Errorf("%d goes with %v", got.Status, got.Fields)
		}
	}
	if s.Factory().Len() != 0 {
		t.Error("a connection was made")
	}
}

// Extended CONNECT (RFC 8441) comes as such to the leaf at its path.
func TestExtendedConnect(t *testing.T) {
	root := new(resource.Tree)
	root.PutChild("echo", wsock.New(echoes))
	server := resourcetest.New(root)
	open := func(protocolName string) *resourcetest.Exchange {
		return server.Open(&protocol.Head{Method: "CONNECT", Protocol: []byte(protocolName), Path: []byte("/echo"), Target: []byte("/echo"),
			Authority: []byte("x.example"), Scheme: []byte("https"), Version: protocol.HTTP2,
			Fields: []protocol.RawField{{Name: []byte("sec-websocket-version"), Value: []byte("13")}}})
	}
	x := open("websocket")
	c, ok := x.Switched.(*websocket.Conn)
	if x.Status != 200 || !ok || x.Fields.Has("Upgrade") {
		t.Fatalf("%v, switched to %T", x, x.Switched)
	}
	tr := server.Loop.Connect(c)
	tr.DeliverString(hello)
	if tr.String() != helloBack {
		t.Errorf("got %q", tr.Bytes())
	}
	if x := open("connect-udp"); x.Status != 501 {
		t.Errorf("another protocol gets %d", x.Status)
	}
}

func TestNewWithoutAFunction(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is taken")
		}
	}()
	wsock.New(nil)
}

// room is a chat: what one says all hear, by WebSocket and by an event stream.
type room struct{ hub *hub.Hub }

func (r *room) Opened(c *websocket.Conn) { r.hub.Join("room", c) }
func (r *room) MessageReceived(_ *websocket.Conn, _ websocket.Kind, data []byte) {
	r.hub.Broadcast("room", protocol.Text(string(data)))
}
func (r *room) Closed(*websocket.Conn, websocket.Code, string) {}

func Example_chat() {
	loop := reactortest.NewLoop() // in a program: the reactor
	chat := &room{hub: hub.New(loop)}
	listening := events.New(loop)
	listening.Opened = func(s *events.Stream, _ *resource.Request) error {
		chat.hub.Join("room", s)
		return nil
	}
	root := new(resource.Tree)
	root.PutChild("echo", wsock.New(func(*resource.Request) (websocket.Handler, error) { return chat, nil }))
	root.PutChild("listen", listening)
	site := http1.NewFactory(&resource.Dispatcher{Root: root}, nil)

	ada, bob := protocoltest.Dial(nil, loop, site), protocoltest.Dial(nil, loop, site)
	ada.Send(handshake + "\r\n")
	bob.Send("GET /listen HTTP/1.1\r\nHost: x\r\n\r\n")
	ada.Send(hello)
	_, toAda, _ := strings.Cut(ada.TakeString(), "\r\n\r\n")
	fmt.Printf("%q\n", toAda)
	_, toBob, _ := strings.Cut(bob.TakeString(), "\r\n\r\n")
	fmt.Printf("%q\n", toBob)
	// Output:
	// "\x81\x05Hello"
	// "3\r\n:\n\n\r\nd\r\ndata: Hello\n\n\r\n"
}
