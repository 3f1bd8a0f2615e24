package static

import "time"

// This file is the memory of a Dir: what was loaded for a name, bounded by bytes
// and by open files. It knows when an entry goes, not what is in it.

// cache is a map whose entries are let go of by second chance: one that was used
// since the hand last passed is passed over once more. A hit costs one store. Loop
// only.
type cache struct {
	maxBytes int64
	maxFiles int

	entries map[string]*entry
	bytes   int64
	files   int
	small   ring // of entries without open files
	large   ring // of entries with some
}

// entry is what was found under a name.
type entry struct {
	key     string
	page    *page
	checked time.Time // when the look at the disk began that says so
	racy    bool      // its stamps may hide a change
	used    bool      // since the hand passed

	bytes      int64
	files      int
	prev, next *entry
}

// ring is a circle of entries with a hand at the oldest; nil when it is empty.
type ring struct{ hand *entry }

// entryOverhead is about what an entry costs beside content: the structures, the
// strings of its fields, its place in the map.
const entryOverhead = 1 << 10

// newCache makes a cache that holds no more than that. One of no bytes keeps
// nothing, one of no files nothing that has some.
func newCache(maxBytes int64, maxFiles int) *cache {
	return &cache{maxBytes: maxBytes, maxFiles: max(maxFiles, 0), entries: make(map[string]*entry)}
}

// get is the entry of that name, nil when there is none.
func (c *cache) get(name []byte) *entry {
	e := c.entries[string(name)]
	if e != nil {
		e.used = true
	}
	return e
}

// put makes e the entry of its key, in place of the one before, and lets go of
// others until there is room. What is larger than all the room is not kept: then
// put is false.
func (c *cache) put(e *entry) (kept bool) {
	c.drop(e.key)
	e.bytes, e.files = e.page.cost()
	e.bytes += entryOverhead + int64(len(e.key))
	if e.bytes > c.maxBytes || e.files > c.maxFiles {
		return false
	}
	for c.files+e.files > c.maxFiles {
		c.remove(c.large.oldest())
	}
	for c.bytes+e.bytes > c.maxBytes {
		if c.small.hand != nil {
			c.remove(c.small.oldest())
		} else {
			c.remove(c.large.oldest())
		}
	}
	c.entries[e.key] = e
	c.bytes += e.bytes
	c.files += e.files
	c.ringOf(e).insert(e)
	return true
}

// drop lets go of the entry of that name, if there is one.
func (c *cache) drop(key string) {
	if e := c.entries[key]; e != nil {
		c.remove(e)
	}
}

func (c *cache) remove(e *entry) {
	delete(c.entries, e.key)
	c.bytes -= e.bytes
	c.files -= e.files
	c.ringOf(e).remove(e)
	e.page.release()
}

func (c *cache) ringOf(e *entry) *ring {
	if e.files > 0 {
		return &c.large
	}
	return &c.small
}

// oldest is the first entry that was not used since the hand last passed. The
// ring must not be empty.
func (r *ring) oldest() *entry {
	for r.hand.used {
		r.hand.used = false
		r.hand = r.hand.next
	}
	return r.hand
}

// insert puts e behind the hand: it is looked at last.
func (r *ring) insert(e *entry) {
	if r.hand == nil {
		e.prev, e.next, r.hand = e, e, e
		return
	}
	e.prev, e.next = r.hand.prev, r.hand
	e.prev.next, e.next.prev = e, e
}

func (r *ring) remove(e *entry) {
	if e.next == e {
		r.hand = nil
		return
	}
	e.prev.next, e.next.prev = e.next, e.prev
	if r.hand == e {
		r.hand = e.next
	}
	e.prev, e.next = nil, nil
}
