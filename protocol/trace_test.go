package protocol_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// talker does what the bytes it receives say.
type talker struct {
	t    reactor.Transport
	file *os.File
	lost error
}

func (p *talker) ConnectionMade(t reactor.Transport) { p.t = t }
func (p *talker) ConnectionLost(reason error)        { p.lost = reason }

func (p *talker) DataReceived(data []byte) {
	for _, word := range strings.Fields(string(data)) {
		switch word {
		case "write":
			p.t.Write([]byte("one\r\ntwo"))
		case "shared":
			p.t.WriteShared([]byte("\x00\xff\n"))
		case "sequence":
			p.t.WriteSequence([][]byte{[]byte("a"), []byte("b\n")})
		case "long":
			p.t.Write([]byte(strings.Repeat("x", 25)))
		case "file":
			p.t.SendFile(p.file, 1, 2, nil)
		case "switch":
			p.t.Switch(&halfTalker{talker{}}, []byte("write"))
		case "lose":
			p.t.LoseConnection()
		case "abort":
			p.t.AbortConnection()
		case "half":
			p.t.LoseWriteConnection()
		}
	}
}

type halfTalker struct{ talker }

func (p *halfTalker) ReadConnectionLost()  { p.t.Write([]byte("bye\n")) }
func (p *halfTalker) WriteConnectionLost() { p.t.LoseConnection() }

// trace makes a traced connection of p.
func trace(p reactor.Protocol, maxBytes int) (*reactortest.Loop, *reactortest.Transport, *strings.Builder) {
	out := new(strings.Builder)
	f := &protocol.Trace{Factory: reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return p }), Out: out, MaxBytes: maxBytes}
	l := reactortest.NewLoop()
	t := l.NewTransport()
	t.Start(f.BuildProtocol(t.PeerAddr))
	return l, t, out
}

func TestTrace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l, tr, out := trace(&talker{file: file}, 20)
	defer l.Close()
	tr.DeliverString("write\r\nshared")
	l.Clock.Advance(1500 * time.Millisecond)
	tr.DeliverString("sequence long file switch")
	tr.DeliverEOF()
	tr.DeliverString("")
	if got, want := tr.TakeString(), "one\r\ntwo\x00\xff\nab\n"+strings.Repeat("x", 25)+"ilone\r\ntwobye\n"; got != want {
		t.Errorf("the peer gets %q, want %q", got, want)
	}
	want := `1 0.000 made PEER
1 0.000 > "write\r\n"
1 0.000 > "shared"
1 0.000 < "one\r\n"
1 0.000 < "two"
1 0.000 < "\x00\xff\n"
1 1.500 > "sequence long file s"
1 1.500 > and 5 bytes
1 1.500 < "a"
1 1.500 < "b\n"
1 1.500 < "xxxxxxxxxxxxxxxxxxxx"
1 1.500 < and 5 bytes
1 1.500 < file FILE, 2 bytes from 1
1 1.500 switch to *protocol_test.halfTalker
1 1.500 made PEER
1 1.500 > "write"
1 1.500 < "one\r\n"
1 1.500 < "two"
1 1.500 end of input
1 1.500 < "bye\n"
`
	want = strings.NewReplacer("PEER", tr.PeerAddr.String(), "FILE", `"`+name+`"`).Replace(want)
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestTraceEnds(t *testing.T) {
	for _, c := range []struct {
		say, want string
		reason    error
	}{
		{"lose", "lose\n1 0.000 lost reactor: connection done\n", reactor.ErrDone},
		{"abort", "abort\n1 0.000 lost reactor: connection aborted\n", reactor.ErrAborted},
		{"half", "lose output\n1 0.000 end of output\n1 0.000 lose\n1 0.000 lost reactor: connection done\n", reactor.ErrDone},
	} {
		p := &halfTalker{}
		l, tr, out := trace(p, 0)
		tr.DeliverString(c.say)
		if _, got, _ := strings.Cut(out.String(), `"`+c.say+"\"\n1 0.000 "); got != c.want || !errors.Is(p.lost, c.reason) {
			t.Errorf("%s: got %q, lost %v\nwant %q", c.say, out, p.lost, c.want)
		}
		l.Close()
	}
}

// started is a factory that is told of its ports, and refuses every connection.
type started struct{ starts, stops int }

func (s *started) BuildProtocol(reactor.Addr) reactor.Protocol { return nil }
func (s *started) StartFactory(reactor.Loop)                   { s.starts++ }
func (s *started) StopFactory()                                { s.stops++ }

func TestTraceHandsOn(t *testing.T) {
	inner := &started{}
	f := &protocol.Trace{Factory: inner}
	f.StartFactory(nil)
	f.StopFactory()
	if p := f.BuildProtocol(reactor.Addr{}); p != nil || inner.starts != 1 || inner.stops != 1 {
		t.Errorf("%v, %+v", p, inner)
	}
	plain := &protocol.Trace{Factory: reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return &talker{} })}
	plain.StartFactory(nil)
	plain.StopFactory()
	if _, half := plain.BuildProtocol(reactor.Addr{}).(reactor.HalfCloseProtocol); half {
		t.Error("a protocol that knows nothing of half-close seems to")
	}
}
