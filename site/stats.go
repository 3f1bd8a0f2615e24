package site

import (
	"time"

	"spindle/reactor"
)

// This file counts what a site does. The counters are plain numbers of the loop;
// the figures over time come from one timer, not from the requests.

// Counters is what a site counts. Each exchange is counted once, when it is over.
type Counters struct {
	Requests int64 `json:"requests"` // exchanges that are over
	Active   int64 `json:"active"`   // exchanges under way
	Aborted  int64 `json:"aborted"`  // of Requests: the client left before the end
	Refused  int64 `json:"refused"`  // heads that the protocol answered itself; not in Requests

	// Responses is the answers by the first digit of their status; [0] is those
	// that never began because the client left.
	Responses [6]int64 `json:"responses"`

	BytesIn  int64 `json:"bytes_in"`  // content received
	BytesOut int64 `json:"bytes_out"` // content written
}

// Begin counts an exchange that begins. Loop only.
func (c *Counters) Begin() { c.Active++ }

// End counts the end of an exchange, with its bytes of content. status is 0 if no
// answer began. Loop only.
func (c *Counters) End(status int, in, out int64, aborted bool) {
	c.Active--
	c.Requests++
	c.countStatus(status)
	c.BytesIn += in
	c.BytesOut += out
	if aborted {
		c.Aborted++
	}
}

// Refuse counts a head that the protocol refused with status. Loop only.
func (c *Counters) Refuse(status int) {
	c.Refused++
	c.countStatus(status)
}

func (c *Counters) countStatus(status int) {
	if class := uint(status) / 100; class < uint(len(c.Responses)) {
		c.Responses[class]++
	}
}

// Connections is the connections of a site at one moment.
type Connections struct {
	Open     int   `json:"open"`
	Idle     int   `json:"idle"` // of Open, without an exchange in hand
	Accepted int64 `json:"accepted"`
}

// The times of a Meter.
const (
	meterEvery   = 100 * time.Millisecond // between two measurements of the loop's lag
	meterSeconds = 60                     // how far back the ring goes
)

// Second is the figures of one second of the past.
type Second struct {
	Requests int64         `json:"requests"`
	Lag      time.Duration `json:"lag_ns"` // the worst
}

// Meter measures over time: requests per second, and how late the loop comes to
// what is due. It wakes the loop ten times a second, and costs a request nothing.
// Loop only.
type Meter struct {
	clock    reactor.Clock
	counters *Counters
	started  time.Time
	timer    *reactor.DelayedCall

	ring   [meterSeconds]Second
	filled int // seconds in ring that have been measured
	next   int // where the second under way will go

	current Second
	end     time.Time // of the second under way
	before  int64     // Counters.Requests at its begin
}

// NewMeter starts to measure the site that counts in counters.
func NewMeter(clock reactor.Clock, counters *Counters) *Meter {
	now := clock.Now()
	m := &Meter{clock: clock, counters: counters, started: now}
	m.end, m.before = now.Add(time.Second), counters.Requests
	m.timer = clock.CallLater(meterEvery, m.measure)
	return m
}

// Stop ends the measuring.
func (m *Meter) Stop() { m.timer.Cancel() }

// measure is a looping call of its own, since it wants to know how late it is.
func (m *Meter) measure() {
	now := m.clock.Now()
	m.current.Lag = max(m.current.Lag, now.Sub(m.timer.Time()))
	for !now.Before(m.end) {
		m.turn()
	}
	m.timer = m.clock.CallLater(meterEvery, m.measure)
}

// turn ends a second. After a loop that stood still for several, the first has
// their requests, and all but the first have no lag.
func (m *Meter) turn() {
	m.current.Requests = m.counters.Requests - m.before
	m.ring[m.next] = m.current
	m.next = (m.next + 1) % meterSeconds
	m.filled = min(m.filled+1, meterSeconds)
	m.current, m.before = Second{}, m.counters.Requests
	m.end = m.end.Add(time.Second)
}

// Uptime is how long the meter has run.
func (m *Meter) Uptime() time.Duration { return m.clock.Now().Sub(m.started) }

// Seconds is the last seconds that are over, n at most, the oldest first.
func (m *Meter) Seconds(n int) []Second {
	n = max(min(n, m.filled), 0)
	seconds := make([]Second, n)
	for i := range seconds {
		seconds[i] = m.ring[(m.next-n+i+meterSeconds)%meterSeconds]
	}
	return seconds
}

// Snapshot is the figures of a site at one moment, for JSON and for pages. Those
// of several loops add up.
type Snapshot struct {
	Uptime      time.Duration `json:"uptime_ns"`
	Counters    `json:"counters"`
	Connections Connections `json:"connections"`
	// PerSecond is the requests of the last second that is over, Lag the worst
	// lag of the loop in it.
	PerSecond int64         `json:"requests_per_second"`
	Lag       time.Duration `json:"lag_ns"`
	// Seconds is the last minute, the oldest second first.
	Seconds []Second `json:"seconds"`
}

// Snapshot takes the figures now. connections is what the ports of the site have.
func (m *Meter) Snapshot(connections Connections) Snapshot {
	s := Snapshot{Uptime: m.Uptime(), Counters: *m.counters, Connections: connections, Seconds: m.Seconds(meterSeconds)}
	if n := len(s.Seconds); n > 0 {
		s.PerSecond, s.Lag = s.Seconds[n-1].Requests, s.Seconds[n-1].Lag
	}
	return s
}

// Add puts the figures of another loop to these: counts add up, of times the
// longest stands.
func (s *Snapshot) Add(o Snapshot) {
	s.Counters.add(&o.Counters)
	s.Connections.Open += o.Connections.Open
	s.Connections.Idle += o.Connections.Idle
	s.Connections.Accepted += o.Connections.Accepted
	s.Uptime = max(s.Uptime, o.Uptime)
	s.PerSecond += o.PerSecond
	s.Lag = max(s.Lag, o.Lag)
	s.Seconds = addSeconds(s.Seconds, o.Seconds)
}

func (c *Counters) add(o *Counters) {
	c.Requests += o.Requests
	c.Active += o.Active
	c.Aborted += o.Aborted
	c.Refused += o.Refused
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	for i, n := range o.Responses {
		c.Responses[i] += n
	}
}

// addSeconds adds by age: the last of each is the last second.
func addSeconds(a, b []Second) []Second {
	long, short := a, b
	if len(long) < len(short) {
		long, short = short, long
	}
	sum := append([]Second(nil), long...)
	at := len(sum) - len(short)
	for i, s := range short {
		sum[at+i].Requests += s.Requests
		sum[at+i].Lag = max(sum[at+i].Lag, s.Lag)
	}
	return sum
}
