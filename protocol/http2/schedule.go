package http2

// This file decides which stream goes first (RFC 9218).

// priority is the urgency of an answer, 0 the most urgent, and whether it can be
// used piece by piece.
type priority uint8

const (
	isIncremental   priority = 8
	defaultPriority priority = 3
	urgencies                = 8
)

func (p priority) urgency() int      { return int(p & (urgencies - 1)) }
func (p priority) incremental() bool { return p&isIncremental != 0 }

// parsePriority reads a Priority field: a dictionary with u=0 to u=7 and i (RFC
// 9218 §4). What it does not know, or is malformed, is the default.
func parsePriority(v []byte) priority {
	p := defaultPriority
	for len(v) > 0 {
		member := v
		for i, c := range v {
			if c == ',' {
				member = v[:i]
				break
			}
		}
		v = v[min(len(member)+1, len(v)):]
		for len(member) > 0 && (member[0] == ' ' || member[0] == '\t') {
			member = member[1:]
		}
		for n := len(member); n > 0 && (member[n-1] == ' ' || member[n-1] == '\t'); n = len(member) {
			member = member[:n-1]
		}
		switch string(member) {
		case "i", "i=?1":
			p |= isIncremental
		case "i=?0":
			p &^= isIncremental
		case "u=0", "u=1", "u=2", "u=3", "u=4", "u=5", "u=6", "u=7":
			p = p&isIncremental | priority(member[2]-'0')
		}
	}
	return p
}

// schedule is the streams that have something to send and a window to send it in:
// for each urgency a queue, of which the first goes on until it is through, or for
// one frame when it is incremental.
type schedule struct {
	queues [urgencies]struct{ first, last *Stream }
	len    int
}

// best is the stream that goes first. There is one.
func (q *schedule) best() *Stream {
	for i := range q.queues {
		if s := q.queues[i].first; s != nil {
			return s
		}
	}
	return nil
}

// makeReady puts s into the schedule if it has something to send and may.
func (c *Conn) makeReady(s *Stream) {
	if s.is(isReady|closed) || len(s.out) == 0 || s.heldBack() {
		return
	}
	if p := s.out[s.first].file; p != nil && p.reading {
		return
	}
	if s.window <= 0 {
		c.stall(s)
		return
	}
	if c.ready == nil {
		c.ready = new(schedule)
	}
	s.flags |= isReady
	q := &c.ready.queues[s.priority.urgency()]
	s.prev, s.next = q.last, nil
	if q.last == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
	c.ready.len++
}

// unready takes s out of the schedule.
func (c *Conn) unready(s *Stream) {
	if !s.is(isReady) {
		return
	}
	s.flags &^= isReady
	q := &c.ready.queues[s.priority.urgency()]
	if s.prev == nil {
		q.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
	c.ready.len--
}

// prioritize gives s another priority.
func (c *Conn) prioritize(s *Stream, p priority) {
	c.unready(s)
	s.priority = p
	c.makeReady(s)
}

// update is a priority that came before its stream.
type update struct {
	id       uint32
	priority priority
}

// mostUpdates is how many are kept.
const mostUpdates = 32

// rememberUpdate keeps the priority of a stream that is still to come.
func (c *Conn) rememberUpdate(id uint32, p priority) {
	for i := range c.updates {
		if u := &c.updates[i]; u.id == id || u.id <= c.lastID {
			*u = update{id, p}
			return
		}
	}
	if len(c.updates) < mostUpdates {
		c.updates = append(c.updates, update{id, p})
	}
}

// firstPriority is the priority of a new stream.
func (c *Conn) firstPriority(b *block) priority {
	for _, u := range c.updates {
		if u.id == b.id {
			return u.priority
		}
	}
	if b.prioritized {
		return b.priority
	}
	return defaultPriority
}
