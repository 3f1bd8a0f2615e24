package http2_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Our client and our server with each other, in memory.

// pair is a Client connected to a Conn of f.
func pair(l *reactortest.Loop, f *http2.Factory, set *http2.ClientSettings, split reactortest.Split) *http2.Client {
	k := http2.NewClientFactory(set).NewClient()
	l.Pair(k, f.BuildProtocol(reactor.Addr{}), split)
	l.Run()
	return k
}

// Many exchanges at a time, of all kinds, each is answered whole, whatever the cuts.
func TestPair(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			l := reactortest.NewLoop()
			l.SyncThreads = true
			f := http2.NewFactory(simServer(), &http2.Settings{ServerName: "-", StreamWindowBytes: 65535, ConnWindowBytes: 65535})
			k := pair(l, f, &http2.ClientSettings{StreamWindowBytes: 65535, ConnWindowBytes: 65535}, split)
			type exchange struct {
				*protocoltest.Answer
				want []byte
			}
			var all []exchange
			for i := range 60 {
				how := []string{"now", "later", "length", "pull", "push", "pause", "trailers"}[i%7]
				content := simBody(i * i * 40)
				x := exchange{new(protocoltest.Answer), content}
				path := "/" + how + "/echo"
				if i%3 == 0 {
					x.want = simBody(i * 3000)
					path = fmt.Sprintf("/%s/%d", how, len(x.want))
				}
				h := &protocol.RequestHead{Method: "POST", Target: path, Authority: "x", ContentLength: int64(len(content))}
				if i%2 == 0 {
					h.ContentLength = -1
				}
				h.ExpectContinue = i%5 == 0
				ch := k.Ask(h, x)
				if i%4 == 0 {
					x.OnBody = func([]byte) {
						ch.PauseBody()
						l.CallLater(0, ch.ResumeBody)
					}
				}
				ch.Write(content)
				ch.Finish(nil)
				all = append(all, x)
			}
			l.Run()
			l.Advance(2 * time.Second) // for those that wait for 100
			for i, x := range all {
				if !x.Done || !bytes.Equal(x.Body, x.want) {
					t.Errorf("%d: %d bytes of %d, %v", i, len(x.Body), len(x.want), x.Log)
				}
			}
			k.Close()
			l.Run()
			if !k.Ended() || f.Stats().Open != 0 || l.Pending() != 0 {
				t.Errorf("something is left: ended %v, %+v, %d timers", k.Ended(), f.Stats(), l.Pending())
			}
		})
	}
}

// The server drains: what is under way ends well, and nothing more is asked.
func TestPairDrain(t *testing.T) {
	l := reactortest.NewLoop()
	s := silent()
	f := http2.NewFactory(s, plain())
	k := pair(l, f, nil, nil)
	a := new(protocoltest.Answer)
	k.Ask(&protocol.RequestHead{Method: "GET", Target: "/", Authority: "x"}, a)
	l.Run()
	drained := false
	f.Drain(func() { drained = true })
	l.Run()
	if k.Room() != 0 || k.Ended() {
		t.Error("the client does not know")
	}
	s.Last().Text("bye")
	l.Run()
	if !a.Done || string(a.Body) != "bye" || !k.Ended() || !drained {
		t.Error(a.Log, k.Ended(), drained)
	}
}

// A stream is a transport both ways, whatever the cuts: what is written before the end
// comes before it.
func TestPairTunnel(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			l := reactortest.NewLoop()
			there, here := &raw{}, &halfRaw{}
			f := http2.NewFactory(tunnels(func() reactor.Protocol { return there }), extended())
			k := pair(l, f, &http2.ClientSettings{StreamWindowBytes: 65535}, split)
			var ch protocol.ClientChannel
			a := &protocoltest.Answer{OnHead: func(*protocol.ResponseHead) { ch.Switch(here) }}
			ch = k.Ask(&protocol.RequestHead{Method: "CONNECT", Authority: "x:1"}, a)
			l.Run()
			here.t.Write(simBody(300_000))
			there.t.Write(simBody(400_000))
			there.t.LoseConnection()
			l.Run()
			if len(here.got) != 400_000 || here.halves != "read " || there.lost != reactor.ErrDone || here.lost != nil {
				t.Errorf("%d bytes, halves %s, lost %v and %v", len(here.got), here.halves, here.lost, there.lost)
			}
			here.t.LoseConnection()
			l.Run()
			if here.lost != reactor.ErrDone || k.Busy() != 0 || f.Stats().Idle != 1 {
				t.Errorf("lost %v, busy %d, %+v", here.lost, k.Busy(), f.Stats())
			}
		})
	}
}
