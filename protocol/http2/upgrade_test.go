package http2_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	xnet "golang.org/x/net/http2"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// upgrading is a server of HTTP/1.1 that gives requests to f when they ask for it.
type upgrading struct {
	*protocoltest.Server
	f *http2.Factory
}

func (u *upgrading) NewReceiver(c protocol.Channel) protocol.Receiver {
	return &upgradable{u.Server.NewReceiver(c), c, u.f}
}

type upgradable struct {
	protocol.Receiver
	c protocol.Channel
	f *http2.Factory
}

func (u *upgradable) HeadReceived(h *protocol.Head) {
	if !u.f.Upgrade(u.c, h) {
		u.Receiver.HeadReceived(h)
	}
}

// upgradePeer has asked for HTTP/2 by a request with these fields and content.
func upgradePeer(t *testing.T, s *protocoltest.Server, split reactortest.Split, head string) (p *peer, answer string) {
	f := http2.NewFactory(s, plain())
	h1 := http1.NewFactory(&upgrading{s, f}, &http1.Settings{ServerName: "-"})
	l := reactortest.NewLoop()
	p = newPeer(t, l)
	tr := l.NewTransport()
	tr.SetSplit(split)
	tr.Start(h1.BuildProtocol(tr.PeerAddr))
	tr.DeliverString(head)
	p.f, p.Transport = f, tr
	answer, rest, _ := strings.Cut(tr.TakeString(), "\r\n\r\n")
	p.in.WriteString(rest)
	return p, answer
}

const askUpgrade = "GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\nX-A: b\r\nPriority: u=1\r\n"

func settingsField(payload string) string {
	return "HTTP2-Settings: " + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "\r\n"
}

func TestUpgrade(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			s := hello()
			p, answer := upgradePeer(t, s, split, askUpgrade+settingsField("\x00\x04\x00\x00\x00\x05")+"\r\n")
			if !strings.HasPrefix(answer, "HTTP/1.1 101 Switching Protocols\r\n") || !strings.Contains(answer, "\r\nUpgrade: h2c") ||
				!strings.Contains(answer, "\r\nConnection: Upgrade") {
				t.Errorf("got %q", answer)
			}
			p.want("SETTINGS 3=250 4=1048576 6=65536 9=1", "WINDOW_UPDATE 0 4128769")
			p.DeliverString(xnet.ClientPreface)
			p.settings()
			p.want("SETTINGS ACK", "HEADERS 1 "+helloOK+"9", `DATA 1 "GET /"`) // its window is 5
			p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 65535})
			p.want("SETTINGS ACK", `DATA 1 END "a?b "`)
			p.get(3, "/c")
			p.want("HEADERS 3 "+helloOK+"7", `DATA 3 END "GET /c "`)
			p.wantOpen()
			h := s.Exchanges[1].Head
			if h.Version != protocol.HTTP2 || len(h.Fields) != 3 || string(h.Field("X-A")) != "b" || string(h.Scheme) != "http" {
				t.Error(s.Exchanges[1])
			}
		})
	}
}

func TestNoUpgrade(t *testing.T) {
	for name, head := range map[string]string{
		"no settings":         askUpgrade,
		"settings twice":      askUpgrade + settingsField("") + settingsField(""),
		"settings cut":        askUpgrade + settingsField("\x00\x04\x00"),
		"settings, no base64": askUpgrade + "HTTP2-Settings: *\r\n",
		"not in Connection":   "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + settingsField(""),
		"not in Upgrade":      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2\r\n" + settingsField(""),
		"content":             strings.Replace(askUpgrade, "GET", "POST", 1) + settingsField("") + "Content-Length: 1\r\n",
		"HTTP/1.0":            strings.Replace(askUpgrade, "/1.1", "/1.0", 1) + settingsField(""),
	} {
		t.Run(name, func(t *testing.T) {
			_, answer := upgradePeer(t, hello(), reactortest.Whole, head+"\r\nx")
			if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("got %q", answer)
			}
		})
	}
}

func TestUpgradeThatFails(t *testing.T) {
	s := silent()
	p, _ := upgradePeer(t, s, reactortest.Whole, askUpgrade+settingsField("\x00\x04\xff\xff\xff\xff")+"\r\n")
	p.wantGoAway(0, "FLOW_CONTROL_ERROR")
	p, _ = upgradePeer(t, s, reactortest.Whole, askUpgrade+settingsField("")+"\r\n")
	p.loop.Advance(10 * time.Second)
	if got := p.frames(); got[len(got)-1] != "GOAWAY 0 PROTOCOL_ERROR the preface took too long" {
		t.Error(got)
	}
	p, _ = upgradePeer(t, s, reactortest.Whole, askUpgrade+settingsField("")+"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	p.wantGoAway(0, "PROTOCOL_ERROR")
	p, _ = upgradePeer(t, s, reactortest.Whole, askUpgrade+settingsField("")+"\r\n")
	p.f.Drain(nil)
	if got := p.frames(); got[len(got)-1] != "GOAWAY 0 NO_ERROR " || !p.Closed() {
		t.Error(got)
	}
	if n := len(s.Exchanges); n != 4 { // those of HTTP/1, that are switched away
		t.Errorf("%d exchanges", n)
	}
}
