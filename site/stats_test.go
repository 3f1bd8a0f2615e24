package site

import (
	"encoding/json"
	"testing"
	"time"

	"spindle/reactor"
)

// lateClock is a clock whose loop may come late: at runs what is due, all at the
// same moment.
type lateClock struct {
	now    time.Time
	timers *reactor.Timers
}

func newLateClock() *lateClock {
	c := &lateClock{now: time.Unix(1_000_000, 0)}
	c.timers = reactor.NewTimers(c.Now, nil)
	return c
}

func (c *lateClock) Now() time.Time { return c.now }

func (c *lateClock) CallLater(d time.Duration, f func()) *reactor.DelayedCall {
	return c.timers.CallLater(d, f)
}

// pass lets d pass in steps; at the end of each the loop turns.
func (c *lateClock) pass(d, step time.Duration) {
	for ; d > 0; d -= step {
		c.now = c.now.Add(min(d, step))
		mark := c.timers.Mark()
		for f := c.timers.PopDue(c.now, mark); f != nil; f = c.timers.PopDue(c.now, mark) {
			f()
		}
	}
}

func TestCounters(t *testing.T) {
	var c Counters
	for range 7 {
		c.Begin()
	}
	c.End(200, 0, 100, false)
	c.End(304, 0, 0, false)
	c.End(404, 10, 50, false)
	c.End(500, 0, 50, true)
	c.End(0, 5, 0, true)
	c.End(999, 0, 0, false) // no class: only a request
	c.Refuse(431)
	want := Counters{Requests: 6, Active: 1, Aborted: 2, Refused: 1, Responses: [6]int64{1, 0, 1, 1, 2, 1}, BytesIn: 15, BytesOut: 200}
	if c != want {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

func TestCountersAllocateNothing(t *testing.T) {
	var c Counters
	if n := testing.AllocsPerRun(100, func() { c.Begin(); c.End(200, 1, 2, false) }); n != 0 {
		t.Errorf("%v allocations an exchange, want none", n)
	}
}

func TestMeterCountsPerSecond(t *testing.T) {
	clock, c := newLateClock(), Counters{Requests: 1000}
	m := NewMeter(clock, &c)
	if s := m.Seconds(5); len(s) != 0 {
		t.Errorf("before the first second is over there are %v", s)
	}
	for i := range 70 {
		c.Requests += int64(i)
		clock.pass(time.Second, meterEvery)
	}
	got := m.Seconds(3)
	for i, want := range []int64{67, 68, 69} {
		if got[i].Requests != want {
			t.Errorf("second %d of the last three has %d requests, want %d", i, got[i].Requests, want)
		}
	}
	if n := len(m.Seconds(1000)); n != meterSeconds {
		t.Errorf("the ring holds %d seconds, want %d", n, meterSeconds)
	}
	if up := m.Uptime(); up != 70*time.Second {
		t.Errorf("uptime is %v", up)
	}
}

func TestMeterMeasuresLag(t *testing.T) {
	clock, c := newLateClock(), Counters{}
	m := NewMeter(clock, &c)
	clock.pass(time.Second, meterEvery)
	if lag := m.Snapshot(Connections{}).Lag; lag != 0 {
		t.Errorf("a loop that is in time has a lag of %v", lag)
	}
	clock.pass(450*time.Millisecond, 450*time.Millisecond) // something held the loop
	clock.pass(time.Second, meterEvery/2)
	if lag := m.Snapshot(Connections{}).Lag; lag != 350*time.Millisecond {
		t.Errorf("lag is %v, want 350ms", lag)
	}
	clock.pass(time.Second, meterEvery/2)
	if lag := m.Snapshot(Connections{}).Lag; lag >= 50*time.Millisecond {
		t.Errorf("the lag of the past is still told: %v", lag)
	}
}

// A loop that stood still for longer than the ring is long.
func TestMeterAfterALongPause(t *testing.T) {
	clock, c := newLateClock(), Counters{}
	m := NewMeter(clock, &c)
	c.Requests = 5
	clock.pass(100*time.Second, 100*time.Second)
	c.Requests = 8
	clock.pass(time.Second, time.Second)
	s := m.Snapshot(Connections{})
	if s.PerSecond != 3 || len(s.Seconds) != meterSeconds || s.Uptime != 101*time.Second {
		t.Errorf("got %d requests/s, %d seconds, uptime %v", s.PerSecond, len(s.Seconds), s.Uptime)
	}
}

func TestMeterStops(t *testing.T) {
	clock := newLateClock()
	m := NewMeter(clock, &Counters{})
	clock.pass(time.Second, meterEvery)
	m.Stop()
	if n := clock.timers.Pending(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

func TestSnapshotsAddUp(t *testing.T) {
	sec := func(n int64, lag time.Duration) Second { return Second{Requests: n, Lag: lag} }
	a := Snapshot{Uptime: 3 * time.Second, Counters: Counters{Requests: 10, Active: 1, Responses: [6]int64{2: 10}, BytesOut: 7},
		Connections: Connections{Open: 3, Idle: 2, Accepted: 9}, PerSecond: 4, Lag: 5, Seconds: []Second{sec(6, 1), sec(4, 5)}}
	b := Snapshot{Uptime: 4 * time.Second, Counters: Counters{Requests: 5, Aborted: 1, Refused: 2, Responses: [6]int64{2: 4, 4: 1}, BytesIn: 3},
		Connections: Connections{Open: 1, Accepted: 1}, PerSecond: 1, Lag: 9, Seconds: []Second{sec(2, 2), sec(2, 0), sec(1, 9)}}
	first, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	sum := a
	sum.Add(b)
	got, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"uptime_ns":4000000000,"counters":{"requests":15,"active":1,"aborted":1,"refused":2,"responses":[0,0,14,0,1,0],` +
		`"bytes_in":3,"bytes_out":7},"connections":{"open":4,"idle":2,"accepted":10},"requests_per_second":5,"lag_ns":9,` +
		`"seconds":[{"requests":2,"lag_ns":2},{"requests":8,"lag_ns":1},{"requests":5,"lag_ns":9}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if after, err := json.Marshal(a); err != nil || string(after) != string(first) {
		t.Errorf("adding changed the snapshot that was copied: %s", after)
	}
}
