package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"spindle/reactor"
)

// This file keeps what the program did while a request was slow, or failed: the last
// seconds of its execution, which it records all the time (protocol/probe) and writes to a
// file when it is asked to. Loop only.

// What is kept, and when.
const (
	flightSeconds = 5        // that a program keeps at least, if they fit
	flightBytes   = 10 << 20 // that it keeps at most, about
	mostFlights   = 10
	mostAllFlight = 64 << 20        // bytes of files; the oldest go first
	flightEvery   = 2 * time.Second // no oftener
	flightHeld    = 4 * time.Second // a request without an answer for so long is not waited for
	flightLook    = time.Second     // how often that is looked at
	flightSlow    = 500 * time.Millisecond
)

// flights has them.
type flights struct {
	s       *Supervisor
	slow    time.Duration // 0: off
	list    []*flight     // oldest first
	last    int64
	bytes   int64 // of files
	busy    bool
	asked   time.Time
	missed  int64                   // that came too soon after another
	started map[*probeLine]string   // why its seconds are not recorded, "" when they are
	late    map[*probeLine][]string // files that a program may write yet, though nobody waits for them
	waiting map[*record]bool        // without an answer; true: it was kept already
	looking bool
}

// flight is one.
type flight struct {
	id      int64
	at      time.Time
	x       *record
	why     string
	path    string
	size    int64
	summary json.RawMessage // what was read from it; nil before somebody has asked
	failed  string          // why it could not be
	askers  []func()        // who wait until it is read
}

func newFlights(s *Supervisor) *flights {
	f := &flights{s: s, slow: s.opts.SlowRequest, started: map[*probeLine]string{}, late: map[*probeLine][]string{}, waiting: map[*record]bool{}}
	if f.slow == 0 {
		f.slow = flightSlow
	}
	f.slow = max(f.slow, 0)
	return f
}

// met has a program record its last seconds.
func (f *flights) met(x *probeLine) {
	if f.slow == 0 {
		return
	}
	f.started[x] = "the recorder is being started"
	arg, _ := json.Marshal(map[string]any{"seconds": flightSeconds, "bytes": flightBytes})
	x.ask("trace-start", string(arg)).Then(func(json.RawMessage) { f.is(x, "") }, func(err error) { f.is(x, err.Error()) })
}

// is notes how it went, unless the program has left.
func (f *flights) is(x *probeLine, why string) {
	if _, here := f.started[x]; here {
		f.started[x] = why
	}
}

// left forgets a program.
func (f *flights) left(x *probeLine) {
	delete(f.started, x)
	f.sweep(x)
	delete(f.late, x)
}

// sweep removes what a program has written after nobody waited for it any more.
func (f *flights) sweep(x *probeLine) {
	if left := slices.DeleteFunc(f.late[x], func(path string) bool { return os.Remove(path) == nil }); len(left) > 0 {
		f.late[x] = left
	} else {
		delete(f.late, x)
	}
}

// begun notes a request that has no answer yet.
func (f *flights) begun(x *record) {
	if f.slow == 0 {
		return
	}
	f.waiting[x] = false
	if !f.looking {
		f.looking = true
		f.s.loop.CallLater(flightLook, f.look)
	}
}

// look keeps the last seconds while a request has no answer for long.
func (f *flights) look() {
	now := f.s.loop.Now()
	for x, kept := range f.waiting {
		if !kept && now.Sub(x.began) >= flightHeld {
			f.waiting[x] = true
			f.keep(x, fmt.Sprintf("no answer after %d s", int(now.Sub(x.began).Seconds())))
		}
	}
	if f.looking = len(f.waiting) > 0; f.looking {
		f.s.loop.CallLater(flightLook, f.look)
	}
}

// answered notes that the answer has begun.
func (f *flights) answered(x *record, status int) {
	kept := f.waiting[x]
	delete(f.waiting, x)
	took := f.s.loop.Now().Sub(x.began)
	switch {
	case f.slow == 0 || kept:
	case status >= 500:
		f.keep(x, fmt.Sprintf("answered %d", status))
	case took >= f.slow:
		f.keep(x, "answered after "+took.Round(time.Millisecond).String())
	}
}

// over forgets one that has ended.
func (f *flights) over(x *record) { delete(f.waiting, x) }

// keep has the program write its last seconds down.
func (f *flights) keep(x *record, why string) {
	line, now := f.s.probe(), f.s.loop.Now()
	switch {
	case line == nil || f.started[line] != "":
		return
	case f.busy || now.Sub(f.asked) < flightEvery:
		f.missed++
		return
	}
	f.sweep(line)
	f.busy, f.asked = true, now
	f.last++
	y := &flight{id: f.last, at: now, x: x, why: why, path: filepath.Join(f.s.base, "trace-"+strconv.FormatInt(f.last, 10)+".out")}
	line.ask("trace", y.path).Then(func(json.RawMessage) {
		f.busy = false
		f.add(y)
	}, func(err error) {
		f.busy = false
		if os.Remove(y.path) != nil && errors.Is(err, reactor.ErrTimeout) {
			f.late[line] = append(f.late[line], y.path)
		}
	})
}

// add lists one.
func (f *flights) add(y *flight) {
	info, err := os.Stat(y.path)
	if err != nil {
		return
	}
	y.size = info.Size()
	f.list = append(f.list, y)
	f.bytes += y.size
	for len(f.list) > mostFlights || f.bytes > mostAllFlight && len(f.list) > 1 {
		f.drop()
	}
	f.tell()
}

// drop forgets the oldest.
func (f *flights) drop() {
	f.bytes -= f.list[0].size
	_ = os.Remove(f.list[0].path)
	f.list = f.list[:copy(f.list, f.list[1:])]
}

// clear forgets all.
func (f *flights) clear() {
	for len(f.list) > 0 {
		f.drop()
	}
	f.missed = 0
	f.tell()
}

// find is the one of that number, nil when it is not there.
func (f *flights) find(id int64) *flight {
	for _, y := range f.list {
		if y.id == id {
			return y
		}
	}
	return nil
}

// tell tells pages.
func (f *flights) tell() { f.s.front.dash.pages.Broadcast(message("flights", f.shown())) }

// shownFlight is the line of the list.
type shownFlight struct {
	ID      int64  `json:"id"`
	At      int64  `json:"at"` // ms
	Method  string `json:"method"`
	Target  string `json:"target"`
	Why     string `json:"why"`
	Size    int64  `json:"size"`
	Request int64  `json:"request,omitempty"` // number of its record
	Gen     int    `json:"gen"`
}

func (y *flight) line() shownFlight {
	return shownFlight{ID: y.id, At: y.at.UnixMilli(), Method: y.x.method, Target: cut(y.x.maskedTarget(), 400), Why: y.why, Size: y.size, Request: y.x.id, Gen: y.x.generation}
}

// shownFlights is what the page knows.
type shownFlights struct {
	Flights []shownFlight `json:"flights"`
	Slow    int64         `json:"slow"` // ms; 0: off
	Missed  int64         `json:"missed,omitempty"`
	Off     string        `json:"off,omitempty"` // why nothing is recorded
}

func (f *flights) shown() shownFlights {
	v := shownFlights{Flights: make([]shownFlight, 0, len(f.list)), Slow: f.slow.Milliseconds(), Missed: f.missed}
	for _, y := range f.list {
		v.Flights = append(v.Flights, y.line())
	}
	switch line := f.s.probe(); {
	case f.slow == 0:
		v.Off = "It is off: spindle dev --slow 500ms turns it on."
	case line == nil:
		v.Off = noRecording(f.s.current != nil)
	case f.started[line] != "":
		v.Off = recordingFailed(f.started[line])
	}
	return v
}

// noRecording says what is to be done where there is no line to the program.
func noRecording(runs bool) string {
	if !runs {
		return "No program runs."
	}
	return "This program tells nothing of itself. One of Spindle's does, and one of net/http that is built with --witness, or whose handler is wrapped by report.Handler."
}

// recordingFailed is why a program that has a line can not do it, in a sentence.
func recordingFailed(why string) string {
	if strings.Contains(why, "does not know of") {
		return "This program was not built by the development server: build it with -tags " + devTag + "."
	}
	return strings.ToUpper(why[:1]) + why[1:] + "."
}
