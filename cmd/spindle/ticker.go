package main

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
	sse "spindle/resource/events"
	"spindle/site/overview"
)

// This file is a ticker: a page, and below it the stream of server-sent events that the
// page listens to. Its prices are made up.

// ticker is the page, and the stream of one loop.
type ticker struct {
	loop    reactor.Loop
	stream  *sse.Events
	streams map[*sse.Stream]bool
	timer   *reactor.DelayedCall // nil while nobody has listened for a while
	heard   time.Time            // when somebody did last
}

// tick is one event.
type tick struct {
	At     int64     `json:"at"` // in seconds since 1970
	Prices []float64 `json:"prices"`
}

// tickOn is how long the prices go on when nobody listens, so that who comes again gets
// what he has missed.
const tickOn = time.Minute

func newTicker(l reactor.Loop) *ticker {
	t := &ticker{loop: l, stream: sse.New(l), streams: map[*sse.Stream]bool{}}
	t.stream.Retry = 4 * time.Second
	t.stream.History = true
	t.stream.KeepEvents = 60
	t.stream.Opened = func(s *sse.Stream, _ *resource.Request) error {
		t.streams[s] = true
		s.NotifyClosed(func() { delete(t.streams, s) })
		if t.timer == nil {
			t.heard = l.Now()
			t.tick()
		}
		return nil
	}
	return t
}

func (*ticker) About() string { return "a ticker over server-sent events; cut the line and see" }

// Child is the stream, "stream".
func (t *ticker) Child(name string, _ *resource.Request) resource.Resource {
	if name == "stream" {
		return t.stream
	}
	return nil
}

var tickerPage = startFile("ticker.html")

func (*ticker) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Security-Policy", overview.Policy)
	return r.HTML(tickerPage)
}

// RenderPOST cuts all lines: browsers come again by themselves, and say what they had
// last.
func (t *ticker) RenderPOST(r *resource.Request) ([]byte, error) {
	for s := range t.streams {
		s.Finish()
	}
	return r.JSON(map[string]int{"cut": len(t.streams)})
}

// tick tells the prices of this second, and again in the next one.
func (t *ticker) tick() {
	now := t.loop.Now()
	if len(t.streams) > 0 {
		t.heard = now
	}
	if now.Sub(t.heard) > tickOn {
		t.timer = nil
		return
	}
	t.timer = t.loop.CallLater(now.Truncate(time.Second).Add(time.Second).Sub(now), t.tick)
	data, err := json.Marshal(tick{At: now.Unix(), Prices: prices(now.Unix())})
	if err != nil {
		panic(err) // numbers: it can not be
	}
	t.stream.Publish(sse.Event{ID: strconv.FormatInt(now.Unix(), 10), Data: string(data)})
}

// prices is what is made up for a second: the same on all loops.
func prices(second int64) []float64 {
	list := []float64{42.5, 118, 7.25, 260}
	for i, base := range list {
		s, k := float64(second%1_000_000), float64(i+1)
		swing := math.Sin(s/(37+5*k)+k) + .5*math.Sin(s/(7.3+k)+2*k) + .25*math.Sin(s*(1.7+.13*k))
		list[i] = math.Round(base*(1+.02*swing)*100) / 100
	}
	return list
}
