package reactor

import (
	"errors"

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

// gnet's own queue of posted tasks is used for one thing only, to end the
// polling: a task that is posted by a task runs in the same turn there, so that a
// connection that goes on and on would keep the loop from its descriptors. Our
// posted calls (posted.go) are a descriptor like the others.

// poller waits for descriptors.
type poller struct {
	p *netpoll.Poller
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

// poll hands every event to on, until stop. It returns what ended the waiting
// itself.
func (p *poller) poll(on func(fd int, what ready)) error {
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

// stop ends poll after the current turn. Any goroutine.
func (p *poller) stop() {
	_ = p.p.Trigger(queue.HighPriority, func(any) error { return errorx.ErrEngineShutdown }, nil)
}

// close gives the poller's descriptors back.
func (p *poller) close() error { return p.p.Close() }
