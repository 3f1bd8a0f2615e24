package reactor

import "time"

// TimeoutMixin ends what is idle for too long. It is embedded in a protocol:
//
//	func (p *Proto) ConnectionMade(t reactor.Transport) {
//		p.SetTimeout(t.Loop(), time.Minute, t.LoseConnection)
//	}
//	func (p *Proto) DataReceived(data []byte) { p.ResetTimeout() … }
//	func (p *Proto) ConnectionLost(reason error) { p.CancelTimeout() }
//
// Activity only pushes a deadline forward; the timer, which is one for each
// protocol, looks at it when it fires. The zero TimeoutMixin has no time-out.
// Loop only.
type TimeoutMixin struct {
	clock    Clock
	call     *DelayedCall
	expire   func()
	period   time.Duration
	deadline time.Time
}

// SetTimeout has f called once when ResetTimeout is not called for a period of d
// from now on. It replaces what was set before.
func (m *TimeoutMixin) SetTimeout(c Clock, d time.Duration, f func()) {
	if m.clock != c {
		m.CancelTimeout()
	}
	m.clock, m.period, m.expire = c, d, f
	m.deadline = c.Now().Add(d)
	switch {
	case m.call == nil:
		m.arm()
	case m.call.Time().After(m.deadline):
		m.call.Reset(d)
	}
}

// ResetTimeout tells of activity: the period begins again. It costs no timer.
func (m *TimeoutMixin) ResetTimeout() {
	if m.call != nil {
		m.deadline = m.clock.Now().Add(m.period)
	}
}

// CancelTimeout ends it: f is not called.
func (m *TimeoutMixin) CancelTimeout() {
	if m.call != nil {
		m.call.Cancel()
		m.call, m.expire = nil, nil
	}
}

// arm makes the timer for the deadline.
func (m *TimeoutMixin) arm() {
	m.call = m.clock.CallLater(m.deadline.Sub(m.clock.Now()), m.fire)
}

func (m *TimeoutMixin) fire() {
	if m.clock.Now().Before(m.deadline) {
		m.arm()
		return
	}
	f := m.expire
	m.call, m.expire = nil, nil
	f()
}
