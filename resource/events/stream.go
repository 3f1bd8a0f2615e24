package events

import (
	"spindle/protocol"
	"spindle/resource"
)

// Stream is the answer to one listener. After its end its methods do nothing. It is a
// hub.Receiver. Loop only.
type Stream struct {
	e      *Events
	r      *resource.Request
	index  int    // in e.streams
	told   uint64 // number of the last message that it was told
	silent bool   // since the last heartbeat
	begun  bool   // the head is on its way; before, an error can take the place of the stream
	closed []func()
}

// Send sends an event to this listener only. It is not kept.
func (s *Stream) Send(ev Event) { s.write(appendEvent(nil, ev.message())) }

// SendPrepared sends m, which many get: it is encoded once.
func (s *Stream) SendPrepared(m *protocol.Message) { s.write(formOf(m)) }

// write sends what is not changed any more.
func (s *Stream) write(p []byte) {
	if s.r.Finished() {
		return
	}
	s.silent = false
	if s.begun {
		s.r.WriteShared(p)
		return
	}
	_, _ = s.r.Write(p) // a listener that is gone is told of by NotifyFinish
}

// Buffered is how many bytes are waiting for the listener.
func (s *Stream) Buffered() int { return s.r.Buffered() }

// Finish ends the stream. A browser comes again after a while, with the id that it had
// last.
func (s *Stream) Finish() {
	if !s.r.Finished() {
		s.r.Finish()
	}
}

// Dismiss ends the stream of a listener that is too slow; a browser comes again.
func (s *Stream) Dismiss(string) { s.Finish() }

// NotifyClosed has f called when the stream has ended.
func (s *Stream) NotifyClosed(f func()) { s.closed = append(s.closed, f) }

func (s *Stream) tellClosed() {
	told := s.closed
	s.closed = nil
	for _, f := range told {
		f()
	}
}
