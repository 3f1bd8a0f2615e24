package websocket_test

import (
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

func TestHandshake(t *testing.T) {
	f := websocket.NewFactory(&websocket.Settings{Subprotocols: []string{"v2.chat", "chat"}})
	for _, r := range []struct {
		name, field, value string
		status             int
		protocol           string
	}{
		{"RFC 6455 §1.3", "Host", "server.example.com", 0, ""},
		{"case of Upgrade", "Upgrade", "WebSocket", 0, ""},
		{"more in Upgrade", "Upgrade", "h2c, websocket", 0, ""},
		{"another Upgrade", "Upgrade", "h2c", 426, ""},
		{"no Upgrade", "Upgrade", "-", 426, ""},
		{"no version", "Sec-WebSocket-Version", "-", 426, ""},
		{"version 8", "Sec-WebSocket-Version", "8", 426, ""},
		{"two versions", "Sec-WebSocket-Version", "13, 8", 426, ""},
		{"no key", "Sec-WebSocket-Key", "-", 400, ""},
		{"short key", "Sec-WebSocket-Key", "c2hvcnQ=", 400, ""},
		{"long key", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSEhISE=", 400, ""},
		{"17 bytes of key", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE=", 400, ""},
		{"no base64", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ!==", 400, ""},
		{"subprotocol", "Sec-WebSocket-Protocol", "chat", 0, "chat"},
		{"ours first", "Sec-WebSocket-Protocol", "chat, v2.chat", 0, "v2.chat"},
		{"none in common", "Sec-WebSocket-Protocol", "Chat, mqtt", 0, ""},
	} {
		h := upgrade()
		setField(h, r.field, r.value)
		a, refused := f.Accept(h)
		switch {
		case refused != nil && refused.Status != r.status || refused == nil && r.status != 0:
			t.Errorf("%s: refused with %v, want %d", r.name, refused, r.status)
		case refused == nil && (a.Subprotocol != r.protocol || a.Fields.Get("Sec-WebSocket-Protocol") != r.protocol):
			t.Errorf("%s: subprotocol %q, want %q", r.name, a.Subprotocol, r.protocol)
		case refused == nil && a.Fields.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=":
			t.Errorf("%s: %v", r.name, a.Fields)
		case a.Fields.Check() != nil:
			t.Errorf("%s: fields that can not be sent: %v", r.name, a.Fields)
		}
	}
	for name, change := range map[string]func(h *protocol.Head){
		"405 POST":     func(h *protocol.Head) { h.Method = "POST" },
		"426 HTTP/1.0": func(h *protocol.Head) { h.Version = protocol.HTTP10 },
		"426 plain":    func(h *protocol.Head) { h.Upgrade = false },
		"400 content":  func(h *protocol.Head) { h.ContentLength = 3 },
		"400 two keys": func(h *protocol.Head) {
			h.Fields = append(h.Fields, protocol.RawField{Name: []byte("Sec-WebSocket-Key"), Value: []byte("dGhlIHNhbXBsZSBub25jZQ==")})
		},
	} {
		h := upgrade()
		change(h)
		if _, refused := f.Accept(h); refused == nil || !strings.HasPrefix(refused.Error(), "protocol: "+name[:3]) {
			t.Errorf("%s: %v", name, refused)
		}
	}
	if f := websocket.Refused(426); f.Get("Sec-WebSocket-Version") != "13" || f.Get("Upgrade") != "websocket" || websocket.Refused(400) != nil {
		t.Errorf("with 426 goes %v", f)
	}
}

// RFC 8441 §5: no key, no Upgrade, no Connection.
func TestExtendedConnect(t *testing.T) {
	f := websocket.NewFactory(&websocket.Settings{Deflate: &websocket.Deflate{}})
	h := &protocol.Head{Method: "CONNECT", Protocol: []byte("websocket"), Scheme: []byte("https"), Path: []byte("/chat"),
		Authority: []byte("server.example.com"), Version: protocol.HTTP2, ContentLength: -1}
	setField(h, "sec-websocket-version", "13")
	setField(h, "sec-websocket-extensions", "permessage-deflate")
	setField(h, "origin", "https://server.example.com")
	a, refused := f.Accept(h)
	if refused != nil || a.Fields.Has("Upgrade") || a.Fields.Has("Sec-WebSocket-Accept") || !a.Fields.Has("Sec-WebSocket-Extensions") {
		t.Errorf("%v, %v", a.Fields, refused)
	}
	setField(h, "sec-websocket-version", "-")
	if _, refused = f.Accept(h); refused == nil || refused.Status != 426 {
		t.Errorf("without a version: %v", refused)
	}
	h.Protocol = []byte("connect-udp")
	if _, refused = f.Accept(h); refused == nil || refused.Status != 501 {
		t.Errorf("another protocol: %v", refused)
	}
}

func TestOrigin(t *testing.T) {
	for _, r := range []struct {
		allowed, origin, authority string
		ok                         bool
	}{
		{"", "-", "a.example", true},
		{"", "http://a.example", "a.example", true},
		{"", "https://A.example", "a.EXAMPLE", true},
		{"", "https://a.example", "a.example:443", true},
		{"", "http://a.example:8080", "a.example:8080", true},
		{"", "http://a.example:8081", "a.example:8080", false},
		{"", "http://b.example", "a.example", false},
		{"", "http://a.example.b.example", "a.example", false},
		{"", "null", "a.example", false},
		{"", "", "a.example", false},
		{"", "file://", "", false},
		{"", "http://", "", false},
		{"https://b.example", "https://b.example", "a.example", true},
		{"https://b.example", "http://b.example", "a.example", false},
		{"https://b.example", "https://a.example", "a.example", false},
		{"null", "null", "a.example", true},
		{"*", "https://anywhere.example", "a.example", true},
	} {
		s := &websocket.Settings{}
		if r.allowed != "" {
			s.Origins = []string{"https://c.example", r.allowed}
		}
		h := upgrade()
		h.Authority = []byte(r.authority)
		setField(h, "Origin", r.origin)
		_, refused := websocket.NewFactory(s).Accept(h)
		if (refused == nil) != r.ok || refused != nil && refused.Status != 403 {
			t.Errorf("%+v: %v", r, refused)
		}
	}
}

func TestMaxConnections(t *testing.T) {
	f := websocket.NewFactory(&websocket.Settings{MaxConnections: 1})
	tr := dialOn(t, reactortest.NewLoop(), f, &recorder{}, "")
	_, refused := f.Accept(upgrade())
	if refused == nil || refused.Status != 503 {
		t.Errorf("the second is answered %v", refused)
	}
	tr.Reset()
	if _, refused = f.Accept(upgrade()); refused != nil {
		t.Error(refused)
	}
}

func TestNegotiation(t *testing.T) {
	const name = "permessage-deflate"
	none := websocket.Deflate{}
	both := websocket.Deflate{ServerWindowBits: 15, ClientWindowBits: 15}
	small := websocket.Deflate{ServerWindowBits: 10, ClientWindowBits: 11}
	for _, r := range []struct {
		deflate     websocket.Deflate
		offer, want string
	}{
		{none, name, name + "; server_no_context_takeover; client_no_context_takeover"},
		{none, "x-webkit-deflate-frame", ""},
		{none, "other, " + name, name + "; server_no_context_takeover; client_no_context_takeover"},
		{both, name, name},
		{both, name + "; client_max_window_bits", name + "; client_max_window_bits=15"},
		{both, name + "; client_max_window_bits=10", name + "; client_max_window_bits=10"},
		{both, name + "; server_no_context_takeover", name + "; server_no_context_takeover"},
		{both, name + "; client_no_context_takeover", name + "; client_no_context_takeover"},
		{both, name + "; server_max_window_bits=12", name + "; server_max_window_bits=12"},
		{both, name + `; server_max_window_bits="12"`, name + "; server_max_window_bits=12"},
		{small, name + "; client_max_window_bits", name + "; client_max_window_bits=11"},
		{small, name, name + "; client_no_context_takeover"},
		{both, name + "; server_max_window_bits=7", ""},
		{both, name + "; server_max_window_bits=16", ""},
		{both, name + "; server_max_window_bits", ""},
		{both, name + "; server_no_context_takeover=1", ""},
		{both, name + "; unknown", ""},
		{both, name + "; unknown, " + name, name},
		{both, name + "; server_max_window_bits=10; server_max_window_bits=11", ""},
		{both, name + ";;", ""},
		{both, "\"", ""},
	} {
		h := upgrade()
		setField(h, "Sec-WebSocket-Extensions", r.offer)
		a, refused := websocket.NewFactory(&websocket.Settings{Deflate: &r.deflate}).Accept(h)
		if got := a.Fields.Get("Sec-WebSocket-Extensions"); got != r.want || refused != nil {
			t.Errorf("%q with %+v: %q, want %q", r.offer, r.deflate, got, r.want)
		}
	}
	h := upgrade()
	setField(h, "Sec-WebSocket-Extensions", name)
	if a, _ := websocket.NewFactory(nil).Accept(h); a.Fields.Has("Sec-WebSocket-Extensions") {
		t.Error("it is agreed to without being asked for")
	}
}

func TestSettingsThatCanNotBeMeant(t *testing.T) {
	for _, d := range []websocket.Deflate{{Level: 10}, {Level: -1}, {ServerWindowBits: 7}, {ClientWindowBits: 16}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is taken", d)
				}
			}()
			websocket.NewFactory(&websocket.Settings{Deflate: &d})
		}()
	}
}
