package cache

import (
	"time"

	"spindle/protocol"
)

// This file keeps entries, those used last in front, and drops those at the end when
// there is too much.

// Store is a cache. The fields are set before it is used; zero means the default that
// stands beside each. Loop only.
type Store struct {
	MaxBytes      int64 // of all entries, their fields and keys; 64 MiB
	MaxEntryBytes int64 // of the content of one; 4 MiB

	entries     map[string][]*Entry // by key; several when they Vary
	first, last *Entry
	size        int64

	// Hits, Misses count what Lookup found; Stored what Put took.
	Hits, Misses, Stored uint64
}

const (
	entryCost   = 512 // bytes of an entry beside its strings and content, about
	mostVariant = 16  // entries of one key
)

// EntryLimit is how long a content may be to be kept.
func (s *Store) EntryLimit() int64 {
	if s.MaxEntryBytes == 0 {
		return 4 << 20
	}
	return s.MaxEntryBytes
}

func (s *Store) limit() int64 {
	if s.MaxBytes == 0 {
		return 64 << 20
	}
	return s.MaxBytes
}

// Bytes is how much is kept.
func (s *Store) Bytes() int64 { return s.size }

// Len is how many answers are kept.
func (s *Store) Len() (n int) {
	for _, list := range s.entries {
		n += len(list)
	}
	return n
}

// Lookup finds the kept answer for a GET or HEAD, nil when there is none, and what may be done
// with it. key is the URL of the request. Without one, Forbidden tells that the client
// wants what is kept only.
func (s *Store) Lookup(key string, q *protocol.Head, now time.Time) (*Entry, Use) {
	var newest *Entry
	for _, e := range s.entries[key] {
		if e.selects(q) && (newest == nil || e.received.After(newest.received)) {
			newest = e
		}
	}
	if newest == nil {
		s.Misses++
		if c := parse(q.List("Cache-Control")); c.onlyIfCached {
			return nil, Forbidden
		}
		return nil, Revalidate
	}
	s.toFront(newest)
	use := newest.judge(q, now)
	if use == Fresh || use == Refresh {
		s.Hits++
	} else {
		s.Misses++
	}
	return newest, use
}

// Put keeps e, which Judge has made, with its content. It takes the place of those for the same
// requests. body is not changed any more.
func (s *Store) Put(key string, q *protocol.Head, e *Entry, body []byte) {
	if int64(len(body)) > s.EntryLimit() {
		return
	}
	e.key, e.Body = key, body
	e.size = entryCost + int64(len(body)+len(key))
	for _, f := range e.Fields {
		e.size += int64(len(f.Name) + len(f.Value))
	}
	if s.entries == nil {
		s.entries = make(map[string][]*Entry)
	}
	for _, old := range append([]*Entry(nil), s.entries[key]...) {
		if old.selects(q) {
			s.remove(old)
		}
	}
	if list := s.entries[key]; len(list) >= mostVariant {
		s.remove(list[0])
	}
	s.entries[key] = append(s.entries[key], e)
	s.push(e)
	s.size += e.size
	s.Stored++
	for s.size > s.limit() && s.last != nil {
		s.remove(s.last)
	}
}

// Freshen makes e fresh again by the fields of a 304 (§4.3.4). It is false when these say that
// it must not be kept.
func (s *Store) Freshen(e *Entry, q *protocol.Head, fields protocol.Fields, asked, now time.Time) bool {
	merged := append(protocol.Fields(nil), e.Fields...)
	for _, f := range fields {
		switch {
		case protocol.EqualFold(f.Name, "content-length"), protocol.EqualFold(f.Name, "content-encoding"),
			protocol.EqualFold(f.Name, "content-range"), protocol.EqualFold(f.Name, "content-type"):
		default:
			merged.Del(f.Name)
		}
	}
	if !fields.Has("Age") {
		merged.Del("Age")
	}
	for _, f := range fields {
		if !merged.Has(f.Name) || len(fields.Values(f.Name)) > 1 {
			merged.Add(f.Name, f.Value)
		}
	}
	e.asking = false
	get := *q
	get.Method = "GET"
	n := Judge(&get, e.Status, merged, asked, now)
	if n == nil {
		s.remove(e)
		return false
	}
	s.Put(e.key, q, n, e.Body)
	e.Fields, e.age, e.received, e.lifetime, e.control = n.Fields, n.age, n.received, n.lifetime, n.control
	return true
}

// Refresh tells whether who asks is the one to ask for a fresh answer in place of e: one at a
// time. Refreshed ends that.
func (s *Store) Refresh(e *Entry) bool {
	if e.asking {
		return false
	}
	e.asking = true
	return true
}

// Refreshed lets another ask.
func (s *Store) Refreshed(e *Entry) { e.asking = false }

// Invalidate drops what is kept for a key: its resource has been changed (§4.4).
func (s *Store) Invalidate(key string) {
	for _, e := range append([]*Entry(nil), s.entries[key]...) {
		s.remove(e)
	}
}

func (s *Store) remove(e *Entry) {
	list := s.entries[e.key]
	for i := range list {
		if list[i] == e {
			list = append(list[:i], list[i+1:]...)
			s.size -= e.size
			s.unlink(e)
			break
		}
	}
	if len(list) == 0 {
		delete(s.entries, e.key)
	} else {
		s.entries[e.key] = list
	}
}

func (s *Store) push(e *Entry) {
	e.prev, e.next = nil, s.first
	if s.first != nil {
		s.first.prev = e
	} else {
		s.last = e
	}
	s.first = e
}

func (s *Store) unlink(e *Entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		s.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		s.last = e.prev
	}
	e.prev, e.next = nil, nil
}

func (s *Store) toFront(e *Entry) {
	if s.first != e {
		s.unlink(e)
		s.push(e)
	}
}
