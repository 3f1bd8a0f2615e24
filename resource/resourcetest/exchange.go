package resourcetest

import (
	"spindle/protocol"
	"spindle/reactor"
)

// Exchange is one request under way: the client's side of it for the test, and the
// protocol.Channel for the Request.
type Exchange struct {
	Response
	// Switched is the protocol that took the connection over.
	Switched reactor.Protocol
	// Hijacked tells that it did so without an answer.
	Hijacked bool
	// Paused tells whether the content of the request is held back.
	Paused bool

	server   *Server
	receiver protocol.Receiver
	head     *protocol.Head
	producer reactor.Producer
	left     int64    // content promised and not written yet; -1: not promised
	held     []func() // content sent while paused
	lost     bool
	asked    bool // a pull producer was asked and has not written yet
	slow     bool // the client does not read
}

// ask gives the head to the server.
func (x *Exchange) ask(h *protocol.Head) {
	x.head = h
	x.receiver = x.server.NewReceiver(x)
	x.event(func() { x.receiver.HeadReceived(h) })
}

// event runs f as a callback of the loop, and the loop until it is idle.
func (x *Exchange) event(f func()) {
	x.server.Loop.CallFromThread(f)
	x.server.Loop.Run()
}

// over tells whether the receiver is called no more.
func (x *Exchange) over() bool { return x.Done || x.Aborted != nil || x.lost || x.Switched != nil }

// Wait follows the answer to its end: it moves the clock from timer to timer, and
// waits for threads.
func (x *Exchange) Wait() { x.server.follow(x.over) }

// Send sends a piece of content. While the server has paused it the piece is held.
func (x *Exchange) Send(data []byte) {
	x.content(func() {
		piece := append([]byte(nil), data...)
		x.receiver.BodyReceived(piece)
		clear(piece) // it was valid until return only
	})
}

// SendEnd ends the content.
func (x *Exchange) SendEnd(trailers protocol.Fields) {
	x.content(func() { x.receiver.BodyFinished(trailers) })
}

func (x *Exchange) content(f func()) {
	if x.Paused || len(x.held) > 0 {
		x.held = append(x.held, f)
		return
	}
	x.event(func() {
		if !x.over() {
			f()
		}
	})
}

// Lose has the client leave. nil stands for reactor.ErrDone.
func (x *Exchange) Lose(err error) {
	if err == nil {
		err = reactor.ErrDone
	}
	x.event(func() {
		if x.over() {
			return
		}
		x.lost = true
		x.stopProducer()
		x.receiver.ConnectionLost(err)
	})
}

// Slow has the client stop reading, which pauses a push producer and asks a pull
// producer no more, or read again.
func (x *Exchange) Slow(slow bool) {
	x.event(func() {
		if x.slow == slow {
			return
		}
		x.slow = slow
		switch p, push := x.producer.(reactor.PushProducer); {
		case !push:
			x.pull()
		case slow:
			p.PauseProducing()
		default:
			p.ResumeProducing()
		}
	})
}

// CloseWrite has the client close its sending half.
func (x *Exchange) CloseWrite() {
	x.event(func() {
		if h, ok := x.receiver.(protocol.HalfCloseReceiver); ok && !x.over() {
			h.ReadConnectionLost()
		}
	})
}
