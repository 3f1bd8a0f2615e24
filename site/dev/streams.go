package dev

import (
	"cmp"
	"slices"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource/events"
)

// This file keeps what passes on connections that go on after their answer has begun:
// the messages of WebSockets (tap.go) and the events of event streams (eventreader.go).
// The bytes themselves pass as they are; what is kept is made of a copy.

// What is kept.
const (
	mostStreams   = 60       // open and ended
	mostMessages  = 500      // of a stream
	mostOfMessage = 64 << 10 // bytes
	mostOfStream  = 4 << 20  // bytes
	mostOfStreams = 32 << 20 // bytes of all; the one that has most gives way
)

// streams has them all. Loop only.
type streams struct {
	s       *Supervisor
	list    []*stream // oldest first
	last    int64     // number
	held    int64     // bytes of messages
	version int64     // is another one after each change
	told    int64     // the version that pages know
}

func newStreams(s *Supervisor) *streams {
	return &streams{s: s}
}

// stream is one of them.
type stream struct {
	c        *streams // nil when it is no longer kept
	id       int64
	kind     string // websocket, events
	x        *record
	note     string // why there is less to see than one would expect
	began    time.Time
	ended    time.Time // zero while it is open
	why      string    // it ended
	up, down count
	messages []passed // oldest first
	last     int64    // number of the newest message
	held     int64
	tap      *tap // of a WebSocket that is open
}

// count is what has gone one way.
type count struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"` // of payload, as it passed
}

// passed is a message, a control frame, an event or a comment.
type passed struct {
	id         int64
	at         time.Time
	up         bool // from the client
	hand       bool // sent by somebody who looks at the dashboard
	kind       string
	name       string // of an event
	eventID    string
	retry      string
	data       []byte // the first of it; never changed
	size, wire int64
	frames     int
	compressed bool
	code       uint16 // of a close
	note       string
}

// begin lists a new stream.
func (c *streams) begin(kind string, x *record) *stream {
	c.last++
	c.version++
	st := &stream{c: c, id: c.last, kind: kind, x: x, began: c.s.loop.Now()}
	for len(c.list) >= mostStreams {
		c.drop(max(0, slices.IndexFunc(c.list, func(o *stream) bool { return !o.ended.IsZero() })))
	}
	c.list = append(c.list, st)
	return st
}

// drop forgets a stream; one that is open passes on without being looked at.
func (c *streams) drop(i int) {
	st := c.list[i]
	st.clear()
	st.c = nil
	c.list = slices.Delete(c.list, i, i+1)
}

// clear forgets the streams that have ended, and the messages of the others.
func (c *streams) clear() {
	for i := len(c.list) - 1; i >= 0; i-- {
		if c.list[i].ended.IsZero() {
			c.list[i].clear()
		} else {
			c.drop(i)
		}
	}
	c.version++
}

// find is the one of that number, nil when it is not there.
func (c *streams) find(id int64) *stream {
	if i := slices.IndexFunc(c.list, func(st *stream) bool { return st.id == id }); i >= 0 {
		return c.list[i]
	}
	return nil
}

// tell has pages know that there is something new; what it is they ask for if they show it.
func (c *streams) tell(pages *events.Events) {
	if c.told != c.version {
		c.told = c.version
		pages.Broadcast(message("streams", map[string]int64{"version": c.version}))
	}
}

// clear forgets the messages.
func (st *stream) clear() {
	if st.c != nil {
		st.c.held -= st.held
		st.c.version++
	}
	st.messages, st.held = nil, 0
}

// add keeps p, and lets go what is too old for it. data is copied.
func (st *stream) add(p passed, data []byte) {
	n := &st.down
	if p.up {
		n = &st.up
	}
	n.Messages++
	n.Bytes += p.wire
	if st.c == nil {
		return
	}
	st.last++
	p.id, p.at = st.last, st.c.s.loop.Now()
	if len(data) > 0 {
		p.data = append(p.data, data[:min(len(data), mostOfMessage)]...)
	}
	st.messages = append(st.messages, p)
	st.weigh(int64(len(p.data)))
	for len(st.messages) > mostMessages || st.held > mostOfStream {
		st.shift()
	}
	for st.c.held > mostOfStreams {
		slices.MaxFunc(st.c.list, func(a, b *stream) int { return cmp.Compare(a.held, b.held) }).shift()
	}
	st.c.version++
}

// shift forgets the oldest message.
func (st *stream) shift() {
	st.weigh(-int64(len(st.messages[0].data)))
	st.messages[0] = passed{}
	st.messages = st.messages[1:]
}

func (st *stream) weigh(n int64) {
	st.held += n
	st.c.held += n
}

// end notes that it is over.
func (st *stream) end(why string) {
	if !st.ended.IsZero() {
		return
	}
	st.why, st.tap = why, nil
	st.ended = st.x.c.s.loop.Now()
	if st.c != nil {
		st.c.version++
	}
}

// beginEvents follows the answer of x if it is an event stream.
func (x *record) beginEvents(fields protocol.Fields) {
	if !protocol.EqualFold(mediaType(fields.Get("Content-Type")), "text/event-stream") {
		return
	}
	x.stream = x.c.streams.begin("events", x)
	if encoding := fields.Get("Content-Encoding"); encoding != "" && !protocol.EqualFold(encoding, "identity") {
		x.stream.note = "The stream is compressed (" + cut(encoding, 40) + "): its events are not shown."
		return
	}
	x.lose(&x.content, flowContent) // its events are kept already
	x.events = &eventReader{tell: x.stream.add}
}

// endEvents ends it.
func (x *record) endEvents(why string) {
	if x.stream == nil || x.stream.kind != "events" {
		return
	}
	if x.events != nil {
		x.events.end()
		x.events = nil
	}
	x.stream.end(why)
}

// replaced is why an event stream was closed: as when a server stops, which is nobody's fault.
type replaced struct{}

func (replaced) Error() string        { return "closed for a newer program" }
func (replaced) Is(target error) bool { return target == reactor.ErrStopped }

// closeBefore closes what programs before generation n have under way without an end: clients
// come again, and find the newer one.
func (c *recorder) closeBefore(n int) {
	for x, shut := range c.open {
		if x.generation < n {
			shut()
		}
	}
}

// mediaType is the type without its parameters.
func mediaType(s string) string {
	for i := range len(s) {
		if s[i] == ';' || s[i] == ' ' {
			return s[:i]
		}
	}
	return s
}
