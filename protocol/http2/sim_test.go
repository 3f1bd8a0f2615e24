package http2_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Many connections on a bad day: every request is answered once, each answer is whole,
// flow control is kept by both sides, and nothing is left behind. The path of a request
// says how it is answered: /how/size, with the content sent back when size is "echo".

func TestSim(t *testing.T) {
	for name, noLoss := range map[string]bool{"no loss": true, "loss": false} {
		t.Run(name, func(t *testing.T) {
			var f *http2.Factory
			s := &reactortest.Sim{
				Factory: func(l *reactortest.Loop) reactor.Factory {
					f = http2.NewFactory(simServer(), &http2.Settings{
						ServerName: "-", MaxQueuedBytes: 50_000, MaxDiscardBytes: 5000, StreamWindowBytes: 65535, ConnWindowBytes: 65535,
					})
					return f
				},
				Client: func(r *rand.Rand) reactortest.SimClient { return newSimPeer(r, !noLoss) },
				Check: func() error {
					if s := f.Stats(); s.Open != 0 {
						return fmt.Errorf("%+v", s)
					}
					return nil
				},
				MaxBuffered: 200_000,
				NoLoss:      noLoss,
				Runs:        12,
			}
			s.Run(t)
		})
	}
}

// simPeer is a client that sends requests as the windows allow, and judges the answers.
type simPeer struct {
	r     *rand.Rand
	loses bool

	out, in bytes.Buffer
	w, rd   *xnet.Framer
	enc     *hpack.Encoder
	block   bytes.Buffer
	begun   bool
	todo    int // requests still to be begun
	next    uint32
	open    map[uint32]*simStream
	window  int // of the connection, for what is sent
	first   int // of streams
	taken   int // content received that has not been given back
}

type simStream struct {
	send, want []byte
	got        []byte
	window     int
	taken      int
	noBody     bool
	ended      bool // our half
	trailers   bool
}

func newSimPeer(r *rand.Rand, loses bool) *simPeer {
	p := &simPeer{r: r, loses: loses, todo: 1 + r.IntN(12), next: 1, open: map[uint32]*simStream{}, window: 65535, first: 65535}
	p.w, p.rd = xnet.NewFramer(&p.out, nil), xnet.NewFramer(nil, &p.in)
	p.enc = hpack.NewEncoder(&p.block)
	p.rd.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return p
}

func (p *simPeer) Send() (data []byte, last bool) {
	if !p.begun {
		p.begun = true
		p.out.WriteString(xnet.ClientPreface)
		var s []xnet.Setting
		if p.r.IntN(2) == 0 {
			s = append(s, xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 4096 << p.r.IntN(6)})
		}
		p.w.WriteSettings(s...)
	}
	for range 1 + p.r.IntN(3) {
		p.act()
	}
	for id := uint32(1); id < p.next && p.out.Len() == 0; id += 2 { // what can be sent is sent in the end
		if s := p.open[id]; s != nil && !s.ended {
			p.content(id, s)
		}
	}
	if p.out.Len() == 0 && p.todo > 0 {
		p.ask()
	}
	if p.out.Len() == 0 {
		p.giveAllBack()
	}
	data = bytes.Clone(p.out.Bytes())
	p.out.Reset()
	return data, false
}

// act begins a request, or sends content of one that is open.
func (p *simPeer) act() {
	if p.todo > 0 && p.r.IntN(3) == 0 {
		p.ask()
		return
	}
	for id := uint32(1); id < p.next; id += 2 {
		if s := p.open[id]; s != nil && !s.ended && p.r.IntN(2) == 0 {
			p.content(id, s)
			return
		}
	}
}

func (p *simPeer) ask() {
	p.todo--
	how := []string{"now", "later", "length", "pull", "push", "early", "pause", "trailers"}[p.r.IntN(8)]
	s := &simStream{send: simBody(p.r.IntN(1 << p.r.IntN(17))), window: p.first}
	s.want = simBody(p.r.IntN(1 << p.r.IntN(17)))
	size := fmt.Sprint(len(s.want))
	if p.r.IntN(3) == 0 && how != "early" {
		s.want, size = s.send, "echo"
	}
	method := "POST"
	if s.noBody = p.r.IntN(8) == 0; s.noBody {
		method = "HEAD"
	}
	p.block.Reset()
	for _, f := range [][2]string{{":method", method}, {":scheme", "http"}, {":path", "/" + how + "/" + size}, {":authority", "x"},
		{"priority", fmt.Sprintf("u=%d", p.r.IntN(8)) + []string{"", ", i"}[p.r.IntN(2)]}} {
		p.enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	if p.r.IntN(2) == 0 {
		p.enc.WriteField(hpack.HeaderField{Name: "content-length", Value: fmt.Sprint(len(s.send))})
	}
	s.ended = len(s.send) == 0
	p.w.WriteHeaders(xnet.HeadersFrameParam{StreamID: p.next, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: s.ended})
	p.open[p.next] = s
	p.next += 2
}

func (p *simPeer) content(id uint32, s *simStream) {
	n := min(len(s.send), s.window, p.window, 1+p.r.IntN(16384))
	if n <= 0 {
		return
	}
	s.ended = n == len(s.send)
	p.w.WriteData(id, s.ended, s.send[:n])
	s.send = s.send[n:]
	s.window -= n
	p.window -= n
}

func (p *simPeer) Received(data []byte) error {
	p.in.Write(data)
	for whole(p.in.Bytes()) {
		f, err := p.rd.ReadFrame()
		if err != nil {
			return fmt.Errorf("%v %v", err, p.rd.ErrorDetail())
		}
		if err := p.take(f); err != nil {
			return fmt.Errorf("%s: %w", line(f), err)
		}
	}
	return nil
}

func (p *simPeer) take(f xnet.Frame) error {
	id := f.Header().StreamID
	s := p.open[id]
	switch f := f.(type) {
	case *xnet.SettingsFrame:
		if v, ok := f.Value(xnet.SettingInitialWindowSize); ok {
			for _, s := range p.open {
				s.window += int(v) - p.first
			}
			p.first = int(v)
		}
	case *xnet.WindowUpdateFrame:
		if id == 0 {
			p.window += int(f.Increment)
		} else if s != nil {
			s.window += int(f.Increment)
		}
	case *xnet.MetaHeadersFrame:
		if s == nil {
			return fmt.Errorf("nobody has asked")
		}
		if s.trailers = len(f.PseudoFields()) == 0; s.trailers && f.RegularFields()[0].Value != "1" {
			return fmt.Errorf("wrong trailers")
		}
		if !s.trailers && f.PseudoValue("status") != "200" && !p.loses {
			return fmt.Errorf("wrong status")
		}
		if f.StreamEnded() {
			return p.ended(id, s)
		}
	case *xnet.DataFrame:
		if s == nil {
			return fmt.Errorf("nobody has asked")
		}
		s.got = append(s.got, f.Data()...)
		p.giveBack(id, s, len(f.Data()))
		if f.StreamEnded() {
			return p.ended(id, s)
		}
	case *xnet.RSTStreamFrame:
		if s != nil && !p.loses {
			return fmt.Errorf("was reset")
		}
		delete(p.open, id)
	case *xnet.GoAwayFrame:
		if !p.loses && !p.Done() {
			return fmt.Errorf("the end")
		}
	}
	return nil
}

// giveBack opens the windows for n bytes, now or later.
func (p *simPeer) giveBack(id uint32, s *simStream, n int) {
	s.taken += n
	p.taken += n
	if p.r.IntN(2) == 0 && s.taken > 0 {
		p.w.WriteWindowUpdate(id, uint32(s.taken))
		s.taken = 0
	}
	if p.taken > 0 && (p.r.IntN(2) == 0 || p.taken > 60_000) {
		p.w.WriteWindowUpdate(0, uint32(p.taken))
		p.taken = 0
	}
}

// giveAllBack opens all windows as far as they were.
func (p *simPeer) giveAllBack() {
	for id := uint32(1); id < p.next; id += 2 {
		if s := p.open[id]; s != nil && s.taken > 0 {
			p.w.WriteWindowUpdate(id, uint32(s.taken))
			s.taken = 0
		}
	}
	if p.taken > 0 {
		p.w.WriteWindowUpdate(0, uint32(p.taken))
		p.taken = 0
	}
}

// ended judges an answer that is whole.
func (p *simPeer) ended(id uint32, s *simStream) error {
	want := s.want
	if s.noBody {
		want = nil
	}
	if !bytes.Equal(s.got, want) && !p.loses {
		at := 0
		for at < min(len(s.got), len(want)) && s.got[at] == want[at] {
			at++
		}
		return fmt.Errorf("%d bytes came, want %d; from %d on %.100q, want %.100q", len(s.got), len(want), at, s.got[at:], want[at:])
	}
	if p.taken > 0 {
		p.w.WriteWindowUpdate(0, uint32(p.taken))
		p.taken = 0
	}
	if s.ended {
		delete(p.open, id)
		return nil
	}
	s.ended = true // what is left is not sent: the stream is given up
	p.w.WriteRSTStream(id, xnet.ErrCodeNo)
	delete(p.open, id)
	return nil
}

func (p *simPeer) Done() bool { return p.begun && p.todo == 0 && len(p.open) == 0 }

func (p *simPeer) Ended(how reactortest.SimEnd) error {
	if p.loses || p.Done() {
		return nil
	}
	return fmt.Errorf("%v with %d requests open, %d to come", how, len(p.open), p.todo)
}

// simBody is content of which every part tells its place.
func simBody(n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "%07d ", len(b))
	}
	return b[:n]
}

const simPiece = 3000

// simServer answers as the path says.
func simServer() *protocoltest.Server {
	s := &protocoltest.Server{}
	s.OnHead = func(x *protocoltest.Exchange) {
		switch simHow(x) {
		case "early":
			x.Respond(200, nil, simContentOf(x))
		case "pause":
			x.PauseBody()
			x.Loop().CallLater(0, x.ResumeBody)
		}
	}
	s.OnBody = func(x *protocoltest.Exchange, _ []byte) {
		if simHow(x) == "pause" {
			x.PauseBody()
			x.Loop().CallLater(0, x.ResumeBody)
		}
	}
	s.OnDone = func(x *protocoltest.Exchange) {
		body := simContentOf(x)
		switch simHow(x) {
		case "now", "pause":
			x.Respond(200, nil, body)
		case "later":
			x.Loop().CallLater(0, func() { x.Respond(200, nil, body) })
		case "length":
			x.WriteHead(200, nil, int64(len(body)))
			x.RegisterProducer(&simProducer{x: x, body: body})
		case "pull":
			x.WriteHead(200, nil, -1)
			x.RegisterProducer(&simProducer{x: x, body: body})
		case "trailers":
			x.WriteHead(200, nil, -1)
			x.RegisterProducer(&simProducer{x: x, body: body, trailers: fields("t", "1")})
		case "push":
			x.WriteHead(200, nil, -1)
			p := &simPusher{simProducer: simProducer{x: x, body: body}}
			x.RegisterProducer(p)
			p.push()
		}
	}
	return s
}

func simHow(x *protocoltest.Exchange) string {
	how, _, _ := strings.Cut(string(x.Head.Path[1:]), "/")
	return how
}

func simContentOf(x *protocoltest.Exchange) []byte {
	size := string(x.Head.Path[len(simHow(x))+2:])
	if size == "echo" {
		return bytes.Clone(x.Body)
	}
	n := 0
	fmt.Sscan(size, &n)
	return simBody(n)
}

// simProducer gives a piece when it is asked.
type simProducer struct {
	x        *protocoltest.Exchange
	body     []byte
	trailers protocol.Fields
}

func (p *simProducer) ResumeProducing() { p.piece() }
func (p *simProducer) StopProducing()   { p.body = nil }

// piece writes one piece, and finishes behind the last.
func (p *simProducer) piece() (more bool) {
	k := min(simPiece, len(p.body))
	p.x.Write(p.body[:k])
	if p.body = p.body[k:]; len(p.body) > 0 {
		return true
	}
	p.x.UnregisterProducer()
	p.x.Finish(p.trailers)
	return false
}

// simPusher gives pieces until it is paused, one in each turn.
type simPusher struct {
	simProducer
	paused, posted bool
}

func (p *simPusher) PauseProducing()  { p.paused = true }
func (p *simPusher) ResumeProducing() { p.paused = false; p.push() }
func (p *simPusher) StopProducing()   { p.paused = true; p.body = nil }

func (p *simPusher) push() {
	if p.posted {
		return
	}
	p.posted = true
	p.x.Loop().CallLater(0, func() {
		p.posted = false
		if !p.paused && p.piece() {
			p.push()
		}
	})
}
