// Package hub tells one thing to many: named channels that receivers join and leave.
// A receiver is a WebSocket connection, a stream of server-sent events, or what else
// has its few methods; a message is encoded once for all that take it in the same form.
//
//	Broadcast("news", m) ──▶ Hub ──▶ members of "news" ──▶ Receiver.SendPrepared(m)
//	                          │                                 (one encoding, shared)
//	                          └─ 1024 in a turn; the rest in the next ones, in order
//
// All of it runs on the loop. With several loops each has its own Hub.
package hub

import (
	"iter"
	"slices"

	"spindle/protocol"
	"spindle/reactor"
)

// Receiver is who is told. *websocket.Conn and *events.Stream are Receivers. It must be
// comparable.
type Receiver interface {
	// SendPrepared sends m, or does nothing after the end. It does not call back.
	SendPrepared(m *protocol.Message)
	// Buffered is how many bytes are waiting for the receiver.
	Buffered() int
	// Dismiss ends the receiver because it is too slow. It does not call back.
	Dismiss(reason string)
	// NotifyClosed has f called when the receiver has ended, later.
	NotifyClosed(f func())
}

// Policy says what becomes of a receiver that is slow.
type Policy uint8

const (
	// Drop leaves the message out for it.
	Drop Policy = iota
	// Dismiss ends it.
	Dismiss
)

// Hub is a set of channels. Its fields are set before it is used. Loop only.
type Hub struct {
	// Slow is what becomes of a receiver for which more than MaxQueuedBytes are
	// waiting; Drop.
	Slow Policy
	// MaxQueuedBytes is how much may wait for a receiver; 0 means 256 KiB.
	MaxQueuedBytes int
	// Turn is how many receivers are served in one turn of the loop, so that other
	// events have theirs; 0 means 1024.
	Turn int
	// MaxJobs is how many messages may be on their way over later turns; 0 means 256.
	// Beyond, the oldest is brought to its end at once, which takes the time of whoever
	// tells so much.
	MaxJobs int

	clock    reactor.Clock
	channels map[string]*channel
	members  map[Receiver]*member
	jobs     []job
	running  bool // a turn is to come
	stats    Stats
}

// Stats counts what a Hub has done.
type Stats struct {
	Broadcast uint64 // messages
	Sent      uint64 // to a receiver each
	Dropped   uint64 // left out for one that is slow
	Dismissed uint64 // receivers
}

// channel is the members of one name, in the order of their joining, nil where one has
// left while a broadcast is under way.
type channel struct {
	name    string
	members []*member
	holes   int
	jobs    int // broadcasts under way
}

// member is a receiver and the channels that it is in.
type member struct {
	r      Receiver
	places []place
}

type place struct {
	ch    *channel
	index int
}

// job is a broadcast under way.
type job struct {
	ch   *channel
	m    *protocol.Message
	next int // the first member that is not served yet
	end  int // who joined later is not told
}

// New makes a Hub. clock is the loop that it lives on.
func New(clock reactor.Clock) *Hub {
	return &Hub{clock: clock, channels: map[string]*channel{}, members: map[Receiver]*member{}}
}

// Join puts r into a channel, which is made when it is not there. A second time does
// nothing. When r has ended it leaves by itself.
func (h *Hub) Join(name string, r Receiver) {
	m := h.members[r]
	if m == nil {
		m = &member{r: r}
		h.members[r] = m
		r.NotifyClosed(func() { h.LeaveAll(r) })
	}
	ch := h.channels[name]
	if ch == nil {
		ch = &channel{name: name}
		h.channels[name] = ch
	}
	if m.in(ch) < 0 {
		m.places = append(m.places, place{ch, len(ch.members)})
		ch.members = append(ch.members, m)
	}
}

// Leave takes r out of a channel. If it is not in it, it does nothing.
func (h *Hub) Leave(name string, r Receiver) {
	m, ch := h.members[r], h.channels[name]
	if m == nil || ch == nil {
		return
	}
	if i := m.in(ch); i >= 0 {
		h.remove(ch, m.places[i].index)
		m.places = slices.Delete(m.places, i, i+1)
	}
}

// LeaveAll takes r out of every channel.
func (h *Hub) LeaveAll(r Receiver) {
	m := h.members[r]
	if m == nil {
		return
	}
	delete(h.members, r)
	for _, p := range m.places {
		h.remove(p.ch, p.index)
	}
	m.places = nil
}

// in is which of the places of m is in ch, -1 when none is.
func (m *member) in(ch *channel) int {
	return slices.IndexFunc(m.places, func(p place) bool { return p.ch == ch })
}

// remove takes the member at i out of ch: at once by putting the last in its place, or
// while a broadcast is under way by a hole, so that the others keep their order.
func (h *Hub) remove(ch *channel, i int) {
	if ch.jobs > 0 {
		ch.members[i] = nil
		ch.holes++
		return
	}
	last := len(ch.members) - 1
	if i != last {
		moved := ch.members[last]
		ch.members[i] = moved
		moved.places[moved.in(ch)].index = i
	}
	ch.members[last] = nil
	ch.members = ch.members[:last]
	h.forget(ch)
}

// forget drops a channel that nobody is in.
func (h *Hub) forget(ch *channel) {
	if len(ch.members) == 0 && ch.jobs == 0 && h.channels[ch.name] == ch {
		delete(h.channels, ch.name)
	}
}

// close fills the holes of ch.
func (h *Hub) close(ch *channel) {
	if ch.holes > 0 {
		ch.holes = 0
		ch.members = slices.DeleteFunc(ch.members, func(m *member) bool { return m == nil })
		for i, m := range ch.members {
			m.places[m.in(ch)].index = i
		}
	}
	h.forget(ch)
}

// Broadcast tells m to all that are in a channel now. Messages come in the order of the
// calls; in a large channel some of them in later turns. m is not changed any more.
func (h *Hub) Broadcast(name string, m *protocol.Message) {
	h.stats.Broadcast++
	ch := h.channels[name]
	if ch == nil {
		return
	}
	ch.jobs++
	h.jobs = append(h.jobs, job{ch: ch, m: m, end: len(ch.members)})
	if !h.running {
		h.run()
	}
	most := h.MaxJobs
	if most <= 0 {
		most = 256
	}
	for len(h.jobs) > most {
		h.advance(len(h.jobs[0].ch.members))
	}
}

// run serves as many receivers as a turn has.
func (h *Hub) run() {
	h.running = false
	left := h.Turn
	if left <= 0 {
		left = 1024
	}
	for len(h.jobs) > 0 {
		if left = h.advance(left); left == 0 && len(h.jobs) > 0 {
			h.running = true
			h.clock.CallLater(0, h.run)
			return
		}
	}
}

// advance serves up to so many receivers of the oldest broadcast, and tells how many it
// has left.
func (h *Hub) advance(left int) int {
	j := &h.jobs[0]
	for j.next < j.end && left > 0 {
		if m := j.ch.members[j.next]; m != nil {
			h.send(m.r, j.m)
			left--
		}
		j.next++
	}
	if j.next < j.end {
		return left
	}
	ch := j.ch
	h.jobs = slices.Delete(h.jobs, 0, 1)
	if ch.jobs--; ch.jobs == 0 {
		h.close(ch)
	}
	return left
}

// send tells m to one receiver, if it keeps up.
func (h *Hub) send(r Receiver, m *protocol.Message) {
	limit := h.MaxQueuedBytes
	if limit <= 0 {
		limit = 256 << 10
	}
	switch {
	case r.Buffered() <= limit:
		h.stats.Sent++
		r.SendPrepared(m)
	case h.Slow == Dismiss:
		h.stats.Dismissed++
		r.Dismiss("too slow")
	default:
		h.stats.Dropped++
	}
}

// Len is how many receivers are in a channel.
func (h *Hub) Len(name string) int {
	ch := h.channels[name]
	if ch == nil {
		return 0
	}
	return len(ch.members) - ch.holes
}

// Receivers goes over those that are in a channel. The channel may not change meanwhile.
func (h *Hub) Receivers(name string) iter.Seq[Receiver] {
	return func(yield func(Receiver) bool) {
		ch := h.channels[name]
		if ch == nil {
			return
		}
		for _, m := range ch.members {
			if m != nil && !yield(m.r) {
				return
			}
		}
	}
}

// Channels is the number of channels that somebody is in.
func (h *Hub) Channels() int { return len(h.channels) }

// Stats is what was counted.
func (h *Hub) Stats() Stats { return h.stats }
