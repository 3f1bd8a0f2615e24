package dev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// switching is a program whose one page gives its connection to p.
type switching struct {
	resource.Leaf
	p      reactor.Protocol
	fields protocol.Fields
}

func (s switching) RenderGET(r *resource.Request) ([]byte, error) {
	r.Switch(s.p, s.fields)
	return nil, nil
}
func (s switching) RenderCONNECT(r *resource.Request) ([]byte, error) { return s.RenderGET(r) }

// keeping is a protocol that keeps what it gets, and writes what it is told to.
type keeping struct {
	got  bytes.Buffer
	t    reactor.Transport
	lost error
	half bool
}

func (k *keeping) ConnectionMade(t reactor.Transport) { k.t = t }
func (k *keeping) DataReceived(p []byte)              { k.got.Write(p) }
func (k *keeping) ConnectionLost(reason error)        { k.lost = reason }
func (k *keeping) ReadConnectionLost()                { k.half = true }
func (k *keeping) WriteConnectionLost()               {}

// upgraded opens a WebSocket through the front.
func upgraded(t *testing.T, m *memory, target, extensions string) (*keeping, *reactortest.Transport) {
	t.Helper()
	m.s.opts.Messages = new(websocket.Decoders)
	k := new(keeping)
	fields := protocol.Fields{{Name: "Upgrade", Value: "websocket"}, {Name: "Sec-WebSocket-Accept", Value: "x"}}
	if extensions != "" {
		fields.Set("Sec-WebSocket-Extensions", extensions)
	}
	m.s.serves = switching{p: k, fields: fields}
	x := m.ask("GET", target, "Upgrade", "websocket", "Connection", "Upgrade")
	if x.Switched == nil {
		t.Fatalf("it was not switched: %v", x)
	}
	return k, m.Loop.Connect(x.Switched)
}

// aFrame is what a client sends.
func aFrame(text string) []byte {
	return new(websocket.Decoders).AppendText(nil, []byte(text))
}

// What passes is the same bytes, however they come, with what is sent by hand between two
// messages and nowhere else.
func TestStreamsPassAsTheyAre(t *testing.T) {
	m, c := recorded(t)
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		k, tr := upgraded(t, m, "/socket", "permessage-deflate")
		tr.SetSplit(reactortest.Cut(seed))
		var up, down []byte
		for range 40 {
			switch random.IntN(5) {
			case 0: // noise
				for range random.IntN(300) {
					up = append(up, byte(random.Uint32()))
				}
			case 1: // compressed, by its bits
				up = append(up, 0xc1, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9)
			default:
				up = append(up, aFrame(strings.Repeat("x", random.IntN(1<<random.IntN(15))))...)
			}
			down = append(down, up[len(up)/2:]...)
		}
		tr.Deliver(up)
		for rest := down; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			switch random.IntN(4) {
			case 0:
				k.t.WriteShared(bytes.Clone(rest[:n]))
			case 1:
				k.t.WriteSequence([][]byte{rest[:n/2], rest[n/2 : n]})
			case 2:
				k.t.Write(append(k.t.AvailableBuffer(), rest[:n]...))
			default:
				k.t.Write(rest[:n])
			}
			rest = rest[n:]
		}
		if got := tr.Take(); !bytes.Equal(got, down) || !bytes.Equal(k.got.Bytes(), up) {
			t.Fatalf("seed %d: %d of %d bytes went up, %d of %d down", seed, k.got.Len(), len(up), len(got), len(down))
		}
		tr.Lose(nil)
	}
	if c.streams.held > mostOfStreams || len(c.streams.list) != 8 {
		t.Errorf("%d bytes in %d streams", c.streams.held, len(c.streams.list))
	}
}

func TestStreamsOfAWebSocket(t *testing.T) {
	m, c := recorded(t)
	k, tr := upgraded(t, m, "/socket?a=1", "")
	st := c.streams.list[0]
	tr.Deliver(aFrame(`{"a":1}`))
	k.t.Write([]byte("\x82\x03\x00\x01\x02\x89\x01p"))
	k.t.Write([]byte("\x88\x05\x03\xe9bye"))
	page := func(target string) string { return m.get(Prefix + "streams" + target) }
	var list struct{ Streams []shownStream }
	if err := json.Unmarshal([]byte(page("")), &list); err != nil || len(list.Streams) != 1 {
		t.Fatalf("%v, %+v", err, list)
	}
	if s := list.Streams[0]; s.Kind != "websocket" || s.Target != "/socket?a=1" || s.Up.Messages != 1 || s.Down.Messages != 3 || s.Ended != 0 || !s.CanSend || s.Request == 0 {
		t.Errorf("%+v", s)
	}
	var one struct{ Messages []shownMessage }
	if err := json.Unmarshal([]byte(page("/1")), &one); err != nil || len(one.Messages) != 4 {
		t.Fatalf("%v, %+v", err, one)
	}
	got := ""
	for _, x := range one.Messages {
		got += fmt.Sprintf("%v %s %q %d %v %d; ", x.Up, x.Kind, x.Start, x.Size, x.Binary, x.Code)
	}
	if want := `true text "{\"a\":1}" 7 false 0; false binary "00 01 02" 3 true 0; false ping "p" 1 false 0; false close "bye" 5 false 1001; `; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if text := page("/1/1"); !strings.Contains(text, `\n  \"a\": 1\n`) {
		t.Error(text)
	}
	if text := page("/1?after=3"); !strings.Contains(text, `"bye"`) || strings.Contains(text, `"id":3`) {
		t.Error(text)
	}
	if text := page("/1?find=A"); strings.Contains(text, `"bye"`) || !strings.Contains(text, `{\"a\":1}`) {
		t.Error(text)
	}
	for _, target := range []string{"/9", "/1/99", "/x", "/1/2/3"} {
		if x := m.ask("GET", Prefix+"streams"+target); x.Status != 404 {
			t.Errorf("%s: %d", target, x.Status)
		}
	}
	tr.DeliverEOF()
	if !k.half {
		t.Error("the program is not told that the client sends no more")
	}
	tr.Lose(nil)
	if st.ended.IsZero() || k.lost == nil || st.tap != nil {
		t.Errorf("%+v", st)
	}
}

func TestStreamsSendByHand(t *testing.T) {
	m, c := recorded(t)
	token := m.s.front.token
	k, tr := upgraded(t, m, "/", "")
	send := func(text string) int {
		x := m.Start("POST", Prefix+"streams/1/send", protocol.Fields{{Name: "Host", Value: "localhost"}, {Name: "X-Spindle-Token", Value: token}}, []byte(text))
		x.Wait()
		return x.Status
	}
	if x := m.ask("POST", Prefix+"streams/1/send"); x.Status != 403 {
		t.Errorf("without the token: %d", x.Status)
	}
	if got := send("one"); got != 204 {
		t.Errorf("status %d", got)
	}
	if n := k.got.Len(); n != 9 {
		t.Errorf("%d bytes came", n)
	}
	whole := aFrame("of the client")
	tr.Deliver(whole[:5])
	if got := send("two"); got != 204 {
		t.Errorf("status %d", got)
	}
	if got := send("three"); got != 409 {
		t.Errorf("a second one that has to wait: %d", got)
	}
	if n := k.got.Len(); n != 14 {
		t.Errorf("in the middle of a message %d bytes came", n)
	}
	tr.Deliver(whole[5:])
	if !bytes.HasPrefix(k.got.Bytes()[9:], whole) || k.got.Len() != 9+len(whole)+9 {
		t.Errorf("%q", k.got.Bytes())
	}
	got := ""
	for _, x := range c.streams.list[0].messages {
		got += fmt.Sprintf("%s %v; ", x.data, x.hand)
	}
	if want := "one true; of the client false; two true; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	tr.Deliver([]byte("\x88\x80\x00\x00\x00\x00"))
	if got := send("four"); got != 409 {
		t.Errorf("after the close: %d", got)
	}
	tr.Lose(nil)
	if got := send("five"); got != 409 {
		t.Errorf("after the end: %d", got)
	}
}

func TestStreamsOfHTTP2(t *testing.T) {
	m, c := recorded(t)
	m.s.opts.Messages = new(websocket.Decoders)
	m.s.serves = switching{p: new(keeping)}
	h := resourcetest.Head("CONNECT", "/chat", protocol.Fields{{Name: "Host", Value: "localhost"}})
	h.Protocol, h.Version = []byte("websocket"), protocol.HTTP2
	h.Authority = []byte("localhost")
	x := m.Open(h)
	tr := m.Loop.Connect(x.Switched)
	tr.Deliver(aFrame("hello"))
	if len(c.streams.list) != 1 || len(c.streams.list[0].messages) != 1 {
		t.Fatalf("%+v", c.streams.list)
	}
	tr.Lose(nil)
	m.ask("GET", "/", "Upgrade", "other", "Connection", "Upgrade")
	if len(c.streams.list) != 1 {
		t.Error("what is no WebSocket is followed")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	m, c := recorded(t)
	_, first := upgraded(t, m, "/first", "")
	for i := range mostStreams + 10 {
		_, tr := upgraded(t, m, "/", "")
		for range min(70, 1000/(i+1)/(i+1)) { // the first of them have much
			tr.Deliver(aFrame(strings.Repeat("x", mostOfMessage+5)))
		}
		tr.Lose(nil)
		if c.streams.held > mostOfStreams || len(c.streams.list) > mostStreams {
			t.Fatalf("%d bytes in %d streams", c.streams.held, len(c.streams.list))
		}
	}
	if st := c.streams.list[0]; st.x.target != "/first" {
		t.Error("one that is open is forgotten before those that have ended")
	}
	for range 3 * mostMessages {
		first.Deliver(aFrame("x"))
	}
	if st := c.streams.list[0]; len(st.messages) != mostMessages || st.line().Left != 2*mostMessages || st.messages[0].id != 2*mostMessages+1 {
		t.Errorf("%d messages, %d left", len(st.messages), st.line().Left)
	}
	for range mostStreams {
		upgraded(t, m, "/", "")
	}
	first.Deliver(aFrame("nobody looks"))
	if c.streams.list[0].x.target == "/first" {
		t.Error("the oldest is still there")
	}
	m.ask("POST", Prefix+"dash/clear", "X-Spindle-Token", m.s.front.token)
	if c.streams.held != 0 || len(c.streams.list) != mostStreams {
		t.Errorf("after it was cleared %d bytes in %d streams", c.streams.held, len(c.streams.list))
	}
	first.Lose(nil)
}

// telling is a program whose page is an event stream.
type telling struct {
	resource.Leaf
	r        *resource.Request
	encoding string
}

func (p *telling) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/event-stream; charset=utf-8")
	if p.encoding != "" {
		r.SetField("Content-Encoding", p.encoding)
	}
	p.r = r
	_, _ = r.Write([]byte(": hello\n"))
	return nil, resource.NotDoneYet
}

func TestStreamsOfEvents(t *testing.T) {
	m, c := recorded(t)
	p := new(telling)
	m.s.serves = p
	page := m.ask("GET", Prefix+"dash/events")
	x := m.ask("GET", "/events")
	_, _ = p.r.Write([]byte("event: tick\nid: 7\nda"))
	_, _ = p.r.Write([]byte("ta: 1\ndata: 2\n\n"))
	m.Loop.Advance(time.Second)
	st := c.streams.list[0]
	if st.kind != "events" || len(st.messages) != 2 || string(st.messages[1].data) != "1\n2" || st.messages[1].eventID != "7" {
		t.Fatalf("%+v", st)
	}
	if !strings.Contains(string(page.Body), "event: streams\n") {
		t.Error("the page is not told")
	}
	p.r.Finish()
	x.Wait()
	if st.ended.IsZero() || st.line().Request == 0 {
		t.Errorf("%+v", st.line())
	}
	if k := &c.ring[len(c.ring)-1].content; k.data != nil || k.why != flowContent || k.size == 0 || c.loose != 0 {
		t.Errorf("its content is kept a second time: %+v, %d", k, c.loose)
	}
	p.encoding = "gzip"
	m.ask("GET", "/events")
	if st := c.streams.list[1]; st.note == "" || len(st.messages) != 0 {
		t.Errorf("%+v", st)
	}
	page.Lose(nil)
}

// read has an eventReader read in, cut as split says, and gives what it tells.
func read(in string, split reactortest.Split) string {
	var list []string
	e := &eventReader{}
	e.tell = func(p passed, data []byte) {
		one := fmt.Sprintf("%s %q", p.kind, data)
		if p.size != int64(len(data)) {
			one = fmt.Sprintf("%s of %d", p.kind, p.size)
		}
		for _, x := range [][2]string{{" ", p.name}, {" #", p.eventID}, {" retry ", p.retry}, {": ", p.note}} {
			if x[1] != "" {
				one += x[0] + x[1]
			}
		}
		list = append(list, one)
	}
	for p := []byte(in); len(p) > 0; {
		n := split(len(p))
		e.follow(p[:n])
		p = p[n:]
		if len(e.line) > mostOfMessage || len(e.data) > mostOfMessage {
			panic("it keeps too much")
		}
	}
	e.end()
	return strings.Join(list, "; ")
}

func TestEventReader(t *testing.T) {
	long := strings.Repeat("x", mostOfMessage+1)
	for _, row := range []struct{ in, want string }{
		{"data: a\n\n", `event "a"`},
		{"data:a\r\ndata\r\ndata:  b\r\n\r\n", `event "a\n\n b"`},
		{"data: a\rdata: b\r\rdata: c\n\n", `event "a\nb"; event "c"`},
		{"\xef\xbb\xbfevent: x\nid: 1\nretry: 20\ndata: a\n\n", `event "a" x #1 retry 20`},
		{": one\n:two\n\ndata: a\n: in it\n\n", `comment "one"; comment "two"; comment "in it"; event "a"`},
		{"id: 1\n\n\n\n", `event "" #1: without data: a page is not told of it`},
		{"retry: soon\ndata: a\n\n", `event "a" retry soon: a retry that is not a number, which is not taken`},
		{"id: a\x00b\ndata: a\n\n", `event "a": an id with a NUL, which is not taken`},
		{"Data: a\ndata: b\n\n", `event "b": a field that means nothing: Data`},
		{"data: a", `event "a": not ended by an empty line: a page is not told of it`},
		{"data: " + long + "\n\ndata: a\n\n", fmt.Sprintf(`event of %d; event "a"`, len(long))},
		{"", ""}, {"\n\n\r\r\n", ""},
	} {
		for name, split := range reactortest.Splits() {
			if got := read(row.in, split); got != row.want {
				t.Errorf("%.40q, %s: %s, want %s", row.in, name, got, row.want)
			}
		}
	}
}

func FuzzEventReader(f *testing.F) {
	for _, in := range []string{"data: a\n\n", "\xef\xbb\xbfevent: x\r\nid: 1\rretry: 2\n\n: c\n", "data\n\n\r\n:", strings.Repeat("data: x\n", 40) + "\n"} {
		f.Add([]byte(in), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := read(string(in), reactortest.Whole)
		for _, split := range []reactortest.Split{reactortest.ByteByByte, reactortest.Cut(seed)} {
			if cut := read(string(in), split); cut != whole {
				t.Errorf("whole\n%s\ncut\n%s", whole, cut)
			}
		}
	})
}

func TestIsText(t *testing.T) {
	for in, want := range map[string]bool{"": true, "abc": true, "ä": true, "a\xc3": true, "\xff": false, "a\x00": false, "\xc3(": false, "€"[:2]: true} {
		if got := isText([]byte(in)); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}
