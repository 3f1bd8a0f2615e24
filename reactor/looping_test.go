package reactor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// looper runs a counting call and notes when it is called, in tenths of a second
// since the start, and with which count.
type looper struct {
	*LoopingCall
	clock *memoryClock
	start time.Time
	got   []string
	work  func() *Deferred[struct{}] // in each call, when not nil
	ended []string
}

func newLooper() *looper {
	l := &looper{clock: newMemoryClock()}
	l.start = l.clock.Now()
	l.LoopingCall = NewCountingCall(l.clock, func(count int) *Deferred[struct{}] {
		l.got = append(l.got, fmt.Sprintf("%d×%d", l.clock.Now().Sub(l.start)/(time.Second/10), count))
		if l.work != nil {
			return l.work()
		}
		return nil
	})
	return l
}

func (l *looper) begin(interval time.Duration, now bool) {
	l.Start(interval, now).Then(note[struct{}](&l.ended, "end"))
}

func (l *looper) want(t *testing.T, calls string) {
	t.Helper()
	if got := strings.Join(l.got, " "); got != calls {
		t.Errorf("calls %s\nwant  %s", got, calls)
	}
}

func TestLoopingCall(t *testing.T) {
	l := newLooper()
	l.begin(time.Second, true)
	l.want(t, "0×1")
	l.clock.Advance(3 * time.Second)
	l.want(t, "0×1 10×1 20×1 30×1")
	if !l.Running() {
		t.Error("not running")
	}
	l.Stop()
	l.Stop()
	wantNotes(t, l.ended, "end ok {}")
	if l.Running() || l.clock.Pending() != 0 {
		t.Error("running after Stop")
	}
	l.clock.Advance(5 * time.Second)
	l.want(t, "0×1 10×1 20×1 30×1")
}

func TestLoopingCallNotNow(t *testing.T) {
	n := 0
	c := newMemoryClock()
	l := NewLoopingCall(c, func() { n++ })
	l.Start(time.Second, false)
	c.Advance(time.Second - 1)
	if n != 0 {
		t.Error("called early")
	}
	if c.Advance(1); n != 1 {
		t.Errorf("called %d times", n)
	}
}

func TestLoopingCallSkipsAndStaysAligned(t *testing.T) {
	l := newLooper()
	l.begin(time.Second, false)
	l.clock.Advance(time.Second)
	l.clock.Jump(2500 * time.Millisecond) // a callback holds the loop until 3.5 s
	l.clock.Advance(0)
	l.want(t, "10×1 35×2")
	l.clock.Advance(500 * time.Millisecond)
	l.want(t, "10×1 35×2 40×1")
	l.clock.Advance(time.Second)
	l.want(t, "10×1 35×2 40×1 50×1")
}

func TestLoopingCallOwnWorkIsLong(t *testing.T) {
	l := newLooper()
	l.work = func() *Deferred[struct{}] { l.clock.Jump(1200 * time.Millisecond); return nil }
	l.begin(time.Second, true)
	l.work = nil
	l.clock.Advance(2 * time.Second)
	l.want(t, "0×1 20×2 30×1")
}

func TestLoopingCallWaits(t *testing.T) {
	l := newLooper()
	var d *Deferred[struct{}]
	l.work = func() *Deferred[struct{}] { d = NewDeferred[struct{}](); return d }
	l.begin(time.Second, true)
	l.clock.Advance(3300 * time.Millisecond)
	l.want(t, "0×1")
	d.Callback(struct{}{})
	l.want(t, "0×1")
	l.clock.Advance(700 * time.Millisecond)
	l.want(t, "0×1 40×4")
}

func TestLoopingCallStopWhileWaiting(t *testing.T) {
	l := newLooper()
	d := NewDeferred[struct{}]()
	l.work = func() *Deferred[struct{}] { return d }
	l.begin(time.Second, true)
	l.Stop()
	if l.Running() {
		t.Error("running after Stop")
	}
	l.Reset()
	wantNotes(t, l.ended)
	d.Callback(struct{}{})
	wantNotes(t, l.ended, "end ok {}")
	if l.clock.Pending() != 0 {
		t.Error("a call is pending")
	}
}

func TestLoopingCallStopsItself(t *testing.T) {
	l := newLooper()
	l.work = func() *Deferred[struct{}] { l.Stop(); return nil }
	l.begin(time.Second, true)
	wantNotes(t, l.ended, "end ok {}")
	l.begin(time.Second, false) // and may start again
	l.clock.Advance(5 * time.Second)
	l.want(t, "0×1 10×1")
	wantNotes(t, l.ended, "end ok {}", "end ok {}")
}

func TestLoopingCallEndsWithFailure(t *testing.T) {
	for name, work := range map[string]func() *Deferred[struct{}]{
		"fail test failure":       func() *Deferred[struct{}] { return Failed[struct{}](errTest) },
		"fail panic: " + "oh":     func() *Deferred[struct{}] { panic("oh") },
		"fail reactor: cancelled": func() *Deferred[struct{}] { d := NewDeferred[struct{}](); d.Cancel(); return d },
	} {
		l := newLooper()
		l.work = work
		l.begin(time.Second, false)
		l.clock.Advance(2 * time.Second)
		wantNotes(t, l.ended, "end "+name)
		l.want(t, "10×1")
		if l.Running() || l.clock.Pending() != 0 {
			t.Errorf("%s: still running", name)
		}
	}
}

func TestLoopingCallEveryTurn(t *testing.T) {
	l := newLooper()
	l.begin(0, true)
	for range 3 {
		l.clock.Advance(0) // one turn
	}
	l.want(t, "0×1 0×1 0×1 0×1")
}

func TestLoopingCallReset(t *testing.T) {
	l := newLooper()
	l.Reset() // does nothing
	l.begin(time.Second, false)
	l.clock.Advance(1600 * time.Millisecond)
	l.Reset()
	l.clock.Advance(2 * time.Second)
	l.want(t, "10×1 26×1 36×1")
}

func TestLoopingCallClockSetBack(t *testing.T) {
	l := newLooper()
	l.begin(time.Second, false)
	l.clock.Advance(time.Second)
	l.clock.Jump(-time.Hour)
	l.Reset()
	l.clock.Advance(2 * time.Second)
	l.want(t, "10×1 -35980×1 -35970×1")

	l = newLooper()
	var away time.Duration
	l.work = func() *Deferred[struct{}] {
		l.work = nil
		l.clock.Jump(-time.Hour - time.Second/2)
		l.clock.CallLater(0, func() {
			when, _ := l.clock.Next()
			away = when.Sub(l.clock.Now())
		})
		return nil
	}
	l.begin(time.Second, false)
	l.clock.Advance(time.Second)
	if away <= 0 || away > time.Second {
		t.Errorf("the next call is %v away", away)
	}
}

func TestLoopingCallRefusesNonsense(t *testing.T) {
	l := newLooper()
	if panicOf(func() { l.Start(-1, false) }) == nil {
		t.Error("a negative interval")
	}
	l.begin(time.Second, false)
	if panicOf(func() { l.Start(time.Second, false) }) == nil {
		t.Error("started twice")
	}
}

func TestDeferLater(t *testing.T) {
	var got []string
	c := newMemoryClock()
	DeferLater(c, time.Second, func() (int, error) { return 4, nil }).Then(note[int](&got, "value"))
	DeferLater(c, time.Second, func() (int, error) { return 4, errTest }).Then(note[int](&got, "error"))
	DeferLater(c, time.Second, func() (int, error) { panic("oh") }).Then(note[int](&got, "panic"))
	DeferLater[int](c, time.Second, nil).Then(note[int](&got, "nil"))
	c.Advance(time.Second - 1)
	wantNotes(t, got)
	c.Advance(1)
	wantNotes(t, got, "value ok 4", "error fail test failure", "panic fail panic: oh", "nil ok 0")
}

func TestDeferLaterCancel(t *testing.T) {
	c := newMemoryClock()
	var failure error
	d := DeferLater(c, time.Second, func() (int, error) { t.Error("called"); return 0, nil })
	d.Then(nil, func(err error) { failure = err }).Cancel()
	if c.Advance(time.Minute); !errors.Is(failure, ErrCancelled) || c.Pending() != 0 {
		t.Errorf("failed with %v", failure)
	}
}
