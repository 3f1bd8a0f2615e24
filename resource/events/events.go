package events

import (
	"slices"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// Events is a leaf whose answer is a stream of events, the same for all who listen. Its
// fields are set before it is first asked and not changed afterwards. In each limit zero
// means the default that stands beside it, negative means none.
type Events struct {
	resource.Leaf
	// Opened is called for each new stream, before what it has missed is sent: to
	// send it what is for it alone, or to have it join a Hub. r is its request. An
	// error is answered in place of the stream. nil does nothing.
	Opened func(s *Stream, r *resource.Request) error
	// Retry is how long a browser waits before it comes again; 0 leaves it to the
	// browser.
	Retry time.Duration
	// Heartbeat is how long a stream may be silent before a comment is sent, so that
	// proxies do not end it; 15 s.
	Heartbeat time.Duration
	// KeepEvents and KeepBytes bound what is kept for those who come again; 256 and
	// 1 MiB.
	KeepEvents, KeepBytes int
	// History sends what is kept to new listeners, too.
	History bool
	// MaxQueuedBytes is how much may wait for a listener; 256 KiB. Beyond, its stream
	// is ended: a browser comes again, and gets what it has missed.
	MaxQueuedBytes int
	// MaxStreams limits the listeners; none. Beyond: 503.
	MaxStreams int
	// Turn is how many listeners are told in one turn of the loop, so that other
	// connections have theirs; 1024.
	Turn int

	loop    reactor.Loop
	streams []*Stream
	timer   *reactor.DelayedCall // of heartbeats; nil while nobody listens
	kept    ring
	prefix  string // of the ids, so that those of an earlier process are not known
	last    uint64 // number of the last id
	ended   bool   // the reactor stops
	round   round  // of telling
}

// New makes an Events on a loop.
func New(l reactor.Loop) *Events {
	e := &Events{loop: l, prefix: strconv.FormatInt(l.Now().UnixMilli(), 36) + "-"}
	l.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, e.end)
	return e
}

// RenderGET answers with a stream.
func (e *Events) RenderGET(r *resource.Request) ([]byte, error) {
	if e.ended || e.MaxStreams > 0 && len(e.streams) >= e.MaxStreams {
		return nil, &resource.Error{Status: 503, Fields: []resource.ErrorField{{Name: "Retry-After", Value: "5"}}}
	}
	r.SetField("Content-Type", "text/event-stream")
	r.SetField("Cache-Control", "no-store")
	r.SetField("X-Accel-Buffering", "no") // nginx as a proxy would collect it
	if r.Method() == "HEAD" {             // a stream has no length: RFC 9110 §8.6
		r.SendHead()
		r.Finish()
		return nil, resource.NotDoneYet
	}
	s := &Stream{e: e, r: r}
	if e.Opened != nil {
		if err := e.Opened(s, r); err != nil {
			return nil, err
		}
	}
	s.write(e.greeting())
	e.replay(s, r)
	e.add(s)
	return nil, resource.NotDoneYet
}

// greeting is what a stream begins with, so that a browser sees at once that it is open.
func (e *Events) greeting() []byte {
	if e.Retry <= 0 {
		return []byte(":\n\n")
	}
	return append(strconv.AppendInt([]byte("retry: "), e.Retry.Milliseconds(), 10), "\n\n"...)
}

// replay sends what s has missed.
func (e *Events) replay(s *Stream, r *resource.Request) {
	from := e.kept.count
	if id := r.FieldBytes("Last-Event-ID"); len(id) > 0 {
		from = e.kept.after(string(id))
	} else if e.History {
		from = 0
	}
	for ; from < e.kept.count; from++ {
		s.SendPrepared(e.kept.at(from))
	}
}

// add has s listen.
func (e *Events) add(s *Stream) {
	s.begun = true
	s.index, s.told = len(e.streams), e.round.number // what is under way was replayed, or came before
	e.streams = append(e.streams, s)
	s.r.NotifyFinish(func(error) { e.gone(s) })
	if e.timer == nil && e.Heartbeat >= 0 {
		e.beatLater()
	}
}

// gone forgets a stream that has ended.
func (e *Events) gone(s *Stream) {
	last := len(e.streams) - 1
	moved := e.streams[last]
	e.streams[s.index], moved.index = moved, s.index
	e.streams[last] = nil
	e.streams = e.streams[:last]
	e.round.again = true // the one that took its place may not be told yet
	if last == 0 && e.timer != nil {
		e.timer.Cancel()
		e.timer = nil
	}
	s.tellClosed()
}

// end ends all streams when the reactor stops.
func (e *Events) end() *reactor.Deferred[struct{}] {
	e.ended = true
	for _, s := range slices.Clone(e.streams) {
		s.Finish()
	}
	return nil
}

// Publish sends an event to all who listen, and keeps it for those who come again. It
// tells the id that the event got.
func (e *Events) Publish(ev Event) (id string) {
	if ev.ID == "" {
		e.last++
		ev.ID = e.prefix + strconv.FormatUint(e.last, 10)
	}
	m := ev.message()
	e.kept.put(m, limit(e.KeepEvents, 256), limit(e.KeepBytes, 1<<20))
	e.Broadcast(m)
	return ev.ID
}

// limit is n, standard for 0, and 0 for none.
func limit(n, standard int) int {
	if n == 0 {
		return standard
	}
	return max(n, 0)
}

// Len is how many listen.
func (e *Events) Len() int { return len(e.streams) }

// beatLater sets the timer.
func (e *Events) beatLater() {
	every := e.Heartbeat
	if every == 0 {
		every = 15 * time.Second
	}
	e.timer = e.loop.CallLater(every, func() { e.beat(0) })
}

// beat sends a comment on each stream that was silent since the last beat, from the
// first on, as many as a turn has.
func (e *Events) beat(first int) {
	left := e.turn()
	for i := first; i < len(e.streams); i++ {
		if left == 0 {
			e.timer = e.loop.CallLater(0, func() { e.beat(i) })
			return
		}
		s := e.streams[i]
		if s.silent {
			s.write(comment)
			left--
		}
		s.silent = true
	}
	e.beatLater()
}

var comment = []byte(":\n\n") // never written to

var _ resource.GETRenderer = (*Events)(nil)
