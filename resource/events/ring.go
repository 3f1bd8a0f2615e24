package events

import "spindle/protocol"

// ring is the last events, bounded by number and bytes.
type ring struct {
	list  []*protocol.Message // the oldest at first, then around
	first int
	count int
	bytes int
}

// size is what m takes of the bound.
func size(m *protocol.Message) int { return len(m.Data) + len(m.ID) + len(m.Event) }

// put keeps m, and drops what is too old for it.
func (r *ring) put(m *protocol.Message, events, bytes int) {
	if events <= 0 || size(m) > bytes {
		*r = ring{} // what came before it would be replayed with a gap
		return
	}
	if r.list == nil {
		r.list = make([]*protocol.Message, events)
	}
	for r.count == events || r.bytes+size(m) > bytes {
		r.drop()
	}
	r.list[(r.first+r.count)%events] = m
	r.count++
	r.bytes += size(m)
}

func (r *ring) drop() {
	r.bytes -= size(r.list[r.first])
	r.list[r.first] = nil
	r.first = (r.first + 1) % len(r.list)
	r.count--
}

func (r *ring) at(i int) *protocol.Message { return r.list[(r.first+i)%len(r.list)] }

// after is where to go on for who had the event of this id last: behind it, or if it
// is not there any more at the oldest.
func (r *ring) after(id string) int {
	for i := r.count - 1; i >= 0; i-- {
		if r.at(i).ID == id {
			return i + 1
		}
	}
	return 0
}
