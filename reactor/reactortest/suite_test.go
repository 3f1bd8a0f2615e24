package reactortest

import (
	"testing"
	"time"

	"spindle/reactor"
)

// memoryLink makes pairs of Transports.
type memoryLink struct {
	loop  *Loop
	split Split
}

func (l memoryLink) Loop() reactor.Loop { return l.loop }
func (l memoryLink) Connect(client, server reactor.Protocol) {
	l.loop.Pair(client, server, l.split)
}
func (l memoryLink) Resets() bool         { return true }
func (l memoryLink) Holds() int           { return pairWindow + 1<<20 }
func (l memoryLink) Do(f func())          { l.loop.CallFromThread(f); l.loop.Run() }
func (l memoryLink) Pass(d time.Duration) { l.loop.Advance(d) }

func TestMemoryTransport(t *testing.T) {
	for name, split := range map[string]Split{"whole": Whole, "cut": Cut(1)} {
		t.Run(name, func(t *testing.T) {
			TestTransport(t, func(t *testing.T) Link {
				l := NewLoop()
				l.OnPanic = func(any, []byte) {}
				return memoryLink{l, split}
			})
		})
	}
}
