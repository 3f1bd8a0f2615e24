package overview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
	"spindle/site"
)

// This file is what moves on the page: a stream of server-sent events with the figures of
// all loops.

// Panel has the figures of one loop, and the pages that look at them. Loop only,
// but for all, which does not change once the loops run.
type Panel struct {
	loop     reactor.Loop
	stats    func() site.Snapshot
	all      []*Panel     // of all loops, this one too
	hits     outline.Hits // requests since the last look, by the path of the node
	pages    *Readers
	states   []stated // of the nodes that can tell how they do
	newcomer bool     // a page has not been told all of them
	beats    int
}

// stated is a node that can tell how it does, and what it told last.
type stated struct {
	path   string
	stater outline.Stater
	told   string
}

// The stream tells of hits four times a second, of all else once.
const (
	beatEvery      = 250 * time.Millisecond
	beatsPerSecond = 4
)

// NewPanel makes the panel of a loop whose site has these figures.
func NewPanel(loop reactor.Loop, stats func() site.Snapshot) *Panel {
	p := &Panel{loop: loop, stats: stats}
	p.all = []*Panel{p}
	p.pages = NewReaders(loop, beatEvery, func(*Readers) { p.beat() })
	loop.CallFromThread(func() { stats() }) // from now on they have a past
	return p
}

// Join has the pages of several loops show the figures of all of them together; what they
// tell of the state of a resource is of the loop that answers. Before the loops run.
func Join(panels []*Panel) {
	for _, p := range panels {
		p.all = panels
	}
}

// watch has the requests to the nodes of a tree counted, and their states told.
func (p *Panel) watch(root outline.Node) {
	p.hits.Watch(root)
	root.Each(func(n outline.Node) {
		if n.Stater != nil {
			p.states = append(p.states, stated{path: n.Path, stater: n.Stater})
		}
	})
}

// takeStates is the states that have changed since it was called last, by path; every one
// when a page has come since.
func (p *Panel) takeStates() map[string]string {
	taken := map[string]string{}
	for i := range p.states {
		s := &p.states[i]
		if now := s.stater.State(); p.newcomer || now != s.told {
			s.told = now
			taken[s.path] = now
		}
	}
	p.newcomer = false
	return taken
}

// gather asks all loops for their figures and calls done, on this one, with the
// sum: at once when there is no other. If one of them ends meanwhile it is not
// called.
func (p *Panel) gather(done func(s site.Snapshot, hits map[string]int)) {
	sum, hits := p.stats(), p.hits.Take()
	waiting := len(p.all) - 1
	if waiting == 0 {
		done(sum, hits)
		return
	}
	add := func(s site.Snapshot, more map[string]int) {
		sum.Add(s)
		for path, n := range more {
			hits[path] += n
		}
		if waiting--; waiting == 0 {
			done(sum, hits)
		}
	}
	for _, other := range p.all {
		if other != p {
			other.loop.CallFromThread(func() {
				s, more := other.stats(), other.hits.Take()
				p.loop.CallFromThread(func() { add(s, more) })
			})
		}
	}
}

// beat sends what is new to the pages.
func (p *Panel) beat() {
	p.beats++
	second := p.beats%beatsPerSecond == 0
	var b []byte
	if second {
		if states := p.takeStates(); len(states) > 0 {
			b = appendEvent(b, "state", states)
		}
	}
	p.gather(func(s site.Snapshot, hits map[string]int) {
		if len(hits) > 0 {
			b = appendEvent(b, "hit", hits)
		}
		if second {
			b = appendEvent(b, "now", figuresOf(s))
		}
		if b != nil {
			p.pages.Write(b)
		}
	})
}

// figures is what the page shows.
type figures struct {
	Rate     int64   `json:"rate"`
	Lag      float64 `json:"lag"` // in milliseconds
	Open     int     `json:"open"`
	Idle     int     `json:"idle"`
	Memory   int64   `json:"memory"`
	Answered int64   `json:"answered"`
	Uptime   float64 `json:"uptime"` // in seconds
}

func figuresOf(s site.Snapshot) figures {
	return figures{
		Rate: s.PerSecond, Lag: math.Round(float64(s.Lag)/1e3) / 1e3, Open: s.Connections.Open, Idle: s.Connections.Idle,
		Memory: memory(), Answered: s.Requests, Uptime: math.Round(s.Uptime.Seconds()),
	}
}

// past is the requests of each second that is over.
func past(s site.Snapshot) []int64 {
	rates := make([]int64, len(s.Seconds))
	for i, second := range s.Seconds {
		rates[i] = second.Requests
	}
	return rates
}

// appendEvent appends a server-sent event. JSON has no line feed within.
func appendEvent(b []byte, name string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types are this file's own
	}
	return fmt.Appendf(b, "event: %s\ndata: %s\n\n", name, data)
}

// memory is the bytes of this process that are in memory; where the system does not
// say, those that the Go runtime holds.
func memory() int64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(text); len(f) > 1 {
			if pages, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// events is the stream.
type events struct {
	resource.Leaf
	*Panel
}

func (events) About() string { return "the stream that moves this page" }

func (e events) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/event-stream")
	r.SetField("Cache-Control", "no-store")
	if r.Method() == "HEAD" {
		return nil, nil
	}
	e.gather(func(s site.Snapshot, _ map[string]int) {
		b := appendEvent([]byte("retry: 1000\n\n"), "past", past(s))
		_, _ = r.Write(appendEvent(b, "now", figuresOf(s))) // a client that is gone is told of by NotifyFinish
	})
	e.newcomer = true
	e.pages.Add(r)
	return nil, resource.NotDoneYet
}

// stats is the figures as JSON.
type stats struct {
	resource.Leaf
	*Panel
}

func (stats) About() string { return "the figures, as JSON" }

func (s stats) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Cache-Control", "no-store")
	s.gather(func(sum site.Snapshot, _ map[string]int) { r.Answer(r.JSON(sum)) })
	return nil, resource.NotDoneYet
}
