package reactor

import (
	"bytes"
	"errors"
	"slices"
)

// This file holds what the receivers of lines and strings share: the bytes that
// are not a whole frame yet, and the rules of when a frame may be delivered.
// LineReceiver is in line.go, the strings with a length are in lengths.go.

// Errors of a frame.
var (
	// ErrFrameTooLong is a frame beyond the limit, of the peer or of our own.
	ErrFrameTooLong = errors.New("reactor: the frame is longer than allowed")
	// ErrBadFrame is one that is against the rules of its format.
	ErrBadFrame = errors.New("reactor: the frame is malformed")
)

// Framing is a connection whose bytes are cut into frames: a Protocol, and its
// Transport too. It is embedded in LineReceiver and the others, and so in the
// protocol that uses one of them. A protocol with its own ConnectionMade or
// ConnectionLost calls the one of Framing first. Loop only.
//
// Frames come one at a time in what DataReceived brings. A callback may pause,
// lose or switch the connection: then no frame follows, and the bytes behind the
// current one are kept, dropped, or given to the new protocol.
type Framing struct {
	Transport

	rest   []byte // come, and not delivered yet
	owned  bool   // rest is ours; else it is the caller's and valid until return
	busy   bool   // pump is running
	paused bool
	ended  bool
	step   func() bool  // delivers one frame from rest; false: it needs more bytes
	soon   *DelayedCall // to pump
}

// ConnectionMade keeps the transport.
func (f *Framing) ConnectionMade(t Transport) { f.Transport = t }

// ConnectionLost forgets what is not delivered. A last frame that is not whole is
// not told.
func (f *Framing) ConnectionLost(reason error) { f.end() }

// PauseReading holds back the frames that have come, too.
func (f *Framing) PauseReading() {
	f.paused = true
	f.Transport.PauseReading()
}

// ResumeReading goes on, in the next turn with the frames that have come.
func (f *Framing) ResumeReading() {
	f.paused = false
	f.Transport.ResumeReading()
	f.pumpSoon()
}

// LoseConnection delivers what was written and closes. No frame comes any more.
func (f *Framing) LoseConnection() {
	f.end()
	f.Transport.LoseConnection()
}

// AbortConnection resets the connection. No frame comes any more.
func (f *Framing) AbortConnection() {
	f.end()
	f.Transport.AbortConnection()
}

// Switch makes p the protocol. It gets unread first and then the bytes behind
// the current frame.
func (f *Framing) Switch(p Protocol, unread []byte) {
	all := slices.Concat(unread, f.rest)
	f.end()
	f.Transport.Switch(p, all)
}

// end drops what is not delivered; nothing is from now on.
func (f *Framing) end() {
	f.ended, f.rest, f.owned = true, nil, false
	if f.soon != nil {
		f.soon.Cancel()
	}
}

// feed takes what came and delivers the frames in it. f.step is set.
func (f *Framing) feed(data []byte) {
	if f.ended {
		return
	}
	if len(f.rest) == 0 && !f.busy {
		f.rest, f.owned = data, false
	} else {
		f.own()
		f.rest = append(f.rest, data...)
	}
	f.pump()
}

// unshift puts data before what is not delivered.
func (f *Framing) unshift(data []byte) {
	if len(data) == 0 || f.ended {
		return
	}
	f.rest, f.owned = slices.Concat(data, f.rest), true
	f.pumpSoon()
}

func (f *Framing) own() {
	if !f.owned {
		f.rest, f.owned = bytes.Clone(f.rest), true
	}
}

// pump delivers frames as long as it may.
func (f *Framing) pump() {
	if f.busy {
		return
	}
	f.busy = true
	size := len(f.rest)
	for len(f.rest) > 0 && !f.paused && !f.ended && f.step() {
	}
	f.busy = false
	switch {
	case len(f.rest) == 0:
		f.rest, f.owned = nil, false
	case len(f.rest) < size/2: // lest a few bytes hold a large buffer
		f.rest, f.owned = bytes.Clone(f.rest), true
	default:
		f.own()
	}
}

// pumpSoon delivers what has come in the next turn.
func (f *Framing) pumpSoon() {
	if len(f.rest) == 0 || f.busy || f.ended || f.soon != nil && f.soon.Active() {
		return
	}
	f.soon = f.Loop().CallLater(0, f.pump)
}

// orLimit is the bound that a MaxLength field means.
func orLimit(n, standard int) int {
	const none = 1<<31 - 1
	if n < 0 {
		return none
	}
	return orDefault(n, standard)
}
