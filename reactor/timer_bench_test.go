package reactor

import (
	"fmt"
	"testing"
	"time"
)

// manyTimers is a set in which n calls are pending, an hour from now and later,
// on a clock that the test moves.
func manyTimers(n int, clock *time.Time) (*Timers, []*DelayedCall) {
	t := NewTimers(func() time.Time { return *clock }, nil)
	calls := make([]*DelayedCall, n)
	for i := range calls {
		calls[i] = t.CallLater(time.Hour+time.Duration(i)*time.Millisecond, func() {})
	}
	return t, calls
}

// BenchmarkTimers counts what one call of each operation costs beside 100 and
// 10,000 others that are pending: the time-outs of as many connections.
func BenchmarkTimers(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("set and cancel/%d", n), func(b *testing.B) {
			clock := time.Unix(1e9, 0)
			t, _ := manyTimers(n, &clock)
			b.ReportAllocs()
			for b.Loop() {
				t.CallLater(time.Second, func() {}).Cancel()
			}
		})
		b.Run(fmt.Sprintf("push back/%d", n), func(b *testing.B) {
			clock := time.Unix(1e9, 0)
			_, calls := manyTimers(n, &clock)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				clock = clock.Add(time.Millisecond)
				calls[i%n].Reset(time.Hour)
				i++
			}
		})
		b.Run(fmt.Sprintf("fire and set again/%d", n), func(b *testing.B) {
			clock := time.Unix(1e9, 0)
			t, _ := manyTimers(n, &clock)
			fired := 0
			b.ReportAllocs()
			for b.Loop() {
				t.CallLater(time.Millisecond, func() { fired++ })
				clock = clock.Add(time.Millisecond)
				for f := t.PopDue(clock, t.Mark()); f != nil; f = t.PopDue(clock, t.Mark()) {
					f()
				}
			}
			if fired != b.N {
				b.Errorf("%d of %d calls were made", fired, b.N)
			}
		})
	}
}

// TestTimerAllocations holds what a request may cost: setting a call makes the
// DelayedCall and nothing else, pushing it back or taking it away nothing.
func TestTimerAllocations(t *testing.T) {
	clock := time.Unix(1e9, 0)
	timers, calls := manyTimers(1000, &clock)
	f := func() {}
	for _, c := range []struct {
		name string
		most float64
		do   func()
	}{
		{"set and cancel", 1, func() { timers.CallLater(time.Second, f).Cancel() }},
		{"push back", 0, func() { calls[7].Reset(2 * time.Hour) }},
	} {
		if n := testing.AllocsPerRun(100, c.do); n > c.most {
			t.Errorf("%s: %v allocations, at most %v wanted", c.name, n, c.most)
		}
	}
}
