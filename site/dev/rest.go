package dev

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"spindle/protocol/postmortem"
	"spindle/reactor"
)

// This file gives memory back when it is quiet. What is kept of requests and panics stays,
// packed: pages and values are text, of which a twentieth is left.

const (
	restAfter  = 3 * time.Second // after the last large answer or ticket
	leastToPut = 8 << 10         // bytes of content that are worth it
)

// freeSoon has memory given back when nothing large was kept for a while: pages take several
// times what is kept of them to make. Loop only.
func (s *Supervisor) freeSoon() {
	if s.freeing != nil && s.freeing.Active() {
		s.freeing.Cancel()
	}
	s.freeing = s.loop.CallLater(restAfter, s.rest)
}

// rest packs what is kept, and gives back what it took. Loop only.
func (s *Supervisor) rest() {
	tickets, contents := s.tickets.loose(), s.front.dash.rec.looseContents()
	reactor.DeferToThreadPool(s.loop.ThreadPool(), func() (func(), error) {
		put := packAll(tickets, contents)
		return func() {
			for i, t := range tickets {
				s.tickets.put(t, put.tickets[i])
			}
			for i, x := range contents {
				s.front.dash.rec.put(x.x, x.data, put.contents[i])
			}
		}, nil
	}).Then(func(put func()) {
		put()
		reactor.DeferToThreadPool(s.loop.ThreadPool(), func() (struct{}, error) {
			runtime.GC() // what is pooled goes with the second
			debug.FreeOSMemory()
			return struct{}{}, nil
		}).Then(nil, nil)
	}, nil)
}

// packed is what was packed: nil where it would not be less.
type packed struct {
	tickets  []*Ticket
	contents [][]byte
}

// looseContent is content of a record, which does not change any more.
type looseContent struct {
	x    *record
	data []byte
}

// packAll takes a while: not on the loop.
func packAll(tickets []*Ticket, contents []looseContent) (p packed) {
	k := new(packer)
	for _, t := range tickets {
		p.tickets = append(p.tickets, t.pack(k))
	}
	for _, c := range contents {
		p.contents = append(p.contents, k.pack(c.data))
	}
	return p
}

// packer packs one after the other.
type packer struct {
	b bytes.Buffer
	z *flate.Writer // nil before the first
}

// pack is data in short, nil where that is not shorter.
func (k *packer) pack(data []byte) []byte {
	k.b.Reset()
	if k.z == nil {
		k.z, _ = flate.NewWriter(&k.b, flate.DefaultCompression) // a level that there is
	} else {
		k.z.Reset(&k.b)
	}
	_, _ = k.z.Write(data) // into memory
	_ = k.z.Close()
	if k.b.Len() >= len(data)*3/4 {
		return nil
	}
	return slices.Clone(k.b.Bytes())
}

// unpack gives back what a packer has packed.
func unpack(data []byte) []byte {
	text, _ := io.ReadAll(flate.NewReader(bytes.NewReader(data))) // of our own making
	return text
}

// pack is t in short, with what the list shows of it; nil where it stays as it is. Nothing of it
// lies where t does: little that is left of much takes as much memory.
func (t *Ticket) pack(k *packer) *Ticket {
	text, err := json.Marshal(t)
	if err != nil {
		return nil
	}
	r := &t.Report
	short := &Ticket{ID: strings.Clone(t.ID), Time: t.Time, Typed: t.Typed, Why: strings.Clone(t.Why), talk: t.talk,
		Report: postmortem.Report{PID: r.PID, Panic: r.Panic, Goroutine: r.Goroutine}}
	if short.packed = k.pack(text); short.packed == nil {
		return nil
	}
	if len(r.Causes) > 0 {
		short.Report.Causes = []postmortem.Cause{{Type: strings.Clone(r.Causes[0].Type), Text: strings.Clone(r.Causes[0].Text)}}
	}
	if x := r.Exchange; x != nil {
		short.Report.Exchange = &postmortem.Exchange{Method: strings.Clone(x.Method), Target: strings.Clone(x.Target)}
	}
	for _, f := range t.Frames {
		if !slices.Contains(short.files, f.File) {
			short.files = append(short.files, strings.Clone(f.File))
		}
	}
	if at := t.place(); at != nil {
		short.at = &Frame{File: strings.Clone(at.File), Line: at.Line}
	}
	return short
}

// whole is t as it was, but for its moment, which is the loop's. It takes a while: not on the
// loop.
func (t *Ticket) whole() *Ticket {
	if t.packed == nil {
		return t
	}
	long := new(Ticket)
	_ = json.Unmarshal(unpack(t.packed), long) // of our own making
	long.Time, long.talk = t.Time, t.talk
	return long
}

// in tells whether a frame is in file.
func (t *Ticket) in(file string) bool {
	return slices.Contains(t.files, file) || slices.ContainsFunc(t.Frames, func(f Frame) bool { return f.File == file })
}

// loose is those that are not packed. Loop only.
func (k *tickets) loose() (list []*Ticket) {
	for _, t := range k.list {
		if t.packed == nil {
			list = append(list, t)
		}
	}
	return list
}

// put puts short in the place of t, if that is still there. Loop only.
func (k *tickets) put(t, short *Ticket) {
	if i := slices.Index(k.list, t); i >= 0 && short != nil {
		short.moment = t.moment // it may be gone since
		k.list[i] = short
	}
}

// looseContents is the answers that are not packed, but for those that were tried. Loop only.
func (c *recorder) looseContents() (list []looseContent) {
	for _, x := range c.ring {
		if k := &x.content; len(k.data) >= leastToPut && !k.packed && !k.stays {
			list = append(list, looseContent{x, k.data})
		}
	}
	return list
}

// put puts short in the place of the content of x, if that is still there. Loop only.
func (c *recorder) put(x *record, data, short []byte) {
	k := &x.content
	switch {
	case c.find(x.id) != x || len(k.data) != len(data) || k.packed:
	case short == nil:
		k.stays = true
	default:
		c.held -= int64(len(data) - len(short))
		k.data, k.packed = short, true
	}
}

// bytes is the content.
func (k *kept) bytes() []byte {
	if k.packed {
		return unpack(k.data)
	}
	return k.data
}
