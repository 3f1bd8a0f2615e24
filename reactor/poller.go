package reactor

import (
	"errors"
	"sync"

	errorx "github.com/panjf2000/gnet/v2/pkg/errors"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
)

// This file wraps gnet's poller (epoll, kqueue), and is the only one that names
// it. Every descriptor is registered edge-triggered, on every system: an event
// says once that there may be something to read or to write, and the owner of
// the descriptor remembers it. So pausing costs no system call, and a paused
// connection does not wake the loop. An event is a hint only: what read or write
// returns decides, so that a stale one for a reused number does no harm.

// poller waits for descriptors and for posted calls.
type poller struct {
	p *netpoll.Poller

	mu      sync.Mutex
	posted  []func() // calls from other goroutines, in order
	spare   []func()
	closed  bool
	running func(f func()) // how one posted call is made, set by poll
}

// ready tells what may be possible on a descriptor.
type ready uint8

const (
	readReady ready = 1 << iota
	writeReady
	errorSeen
	endSeen // the peer sends no more, or has gone
)

func openPoller() (*poller, error) {
	p, err := netpoll.OpenPoller()
	if err != nil {
		return nil, err
	}
	return &poller{p: p}, nil
}

// add registers fd for reading.
func (p *poller) add(fd int) error {
	return p.p.AddRead(&netpoll.PollAttachment{FD: fd}, true)
}

// addBoth registers fd for reading and writing.
func (p *poller) addBoth(fd int) error {
	return p.p.AddReadWrite(&netpoll.PollAttachment{FD: fd}, true)
}

// wantWrite asks for the write event of fd too, from now on.
func (p *poller) wantWrite(fd int) error {
	return p.p.ModReadWrite(&netpoll.PollAttachment{FD: fd}, true)
}

// poll hands every event to on, and every posted call to call, until stop is
// posted. It returns what ended the waiting itself.
func (p *poller) poll(on func(fd int, what ready), call func(f func())) error {
	p.running = call
	err := p.p.Polling(func(fd int, ev netpoll.IOEvent, flags netpoll.IOFlags) error {
		var what ready
		if netpoll.IsReadEvent(ev) {
			what |= readReady
		}
		if netpoll.IsWriteEvent(ev) {
			what |= writeReady
		}
		if netpoll.IsErrorEvent(ev, flags) {
			what |= errorSeen
		}
		if endOfData(int64(ev), int64(flags)) {
			what |= endSeen
		}
		on(fd, what)
		return nil
	})
	if errors.Is(err, errorx.ErrEngineShutdown) {
		return nil
	}
	return err
}

// post has f called on the loop, in a later turn. Any goroutine. It tells
// whether the loop will see it.
func (p *poller) post(f func()) bool {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return false
	}
	p.posted = append(p.posted, f)
	first := len(p.posted) == 1
	p.mu.Unlock()
	if first {
		return p.p.Trigger(queue.HighPriority, p.runPosted, nil) == nil
	}
	return true
}

// runPosted makes the calls that were posted before it began; those posted
// meanwhile come in the next turn.
func (p *poller) runPosted(any) error {
	p.mu.Lock()
	batch := p.posted
	p.posted, p.spare = p.spare[:0], nil
	p.mu.Unlock()
	for i, f := range batch {
		batch[i] = nil
		p.running(f)
	}
	p.mu.Lock()
	p.spare = batch[:0]
	p.mu.Unlock()
	return nil
}

// stop ends poll after the current turn. Any goroutine.
func (p *poller) stop() {
	_ = p.p.Trigger(queue.HighPriority, func(any) error { return errorx.ErrEngineShutdown }, nil)
}

// close gives the poller's descriptors back; what is posted from now on is
// dropped.
func (p *poller) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	return p.p.Close()
}
