package reactor

import (
	"testing"
	"time"
)

func TestTimeoutMixin(t *testing.T) {
	c := newMemoryClock()
	var m TimeoutMixin
	n := 0
	m.ResetTimeout() // does nothing
	m.CancelTimeout()
	m.SetTimeout(c, 10*time.Second, func() { n++ })
	c.Advance(9 * time.Second)
	m.ResetTimeout()
	c.Advance(10*time.Second - 1)
	if n != 0 {
		t.Fatal("ended too early")
	}
	c.Advance(1)
	if n != 1 || c.Pending() != 0 {
		t.Fatalf("called %d times, %d pending", n, c.Pending())
	}
	m.ResetTimeout()
	if c.Advance(time.Hour); n != 1 {
		t.Error("called again")
	}
}

func TestTimeoutMixinCancel(t *testing.T) {
	c := newMemoryClock()
	var m TimeoutMixin
	m.SetTimeout(c, time.Second, func() { t.Error("called") })
	m.CancelTimeout()
	m.ResetTimeout()
	if c.Advance(time.Hour); c.Pending() != 0 {
		t.Error("a timer is left")
	}
}

func TestTimeoutMixinSetAgain(t *testing.T) {
	for name, row := range map[string]struct{ first, second time.Duration }{
		"shorter": {time.Hour, time.Second},
		"longer":  {time.Second, time.Hour},
		"same":    {time.Minute, time.Minute},
	} {
		c := newMemoryClock()
		var m TimeoutMixin
		n := 0
		m.SetTimeout(c, row.first, func() { t.Errorf("%s: the old function", name) })
		c.Advance(row.first / 2)
		m.SetTimeout(c, row.second, func() { n++ })
		c.Advance(row.second - 1)
		if n != 0 {
			t.Errorf("%s: too early", name)
		}
		if c.Advance(1); n != 1 {
			t.Errorf("%s: called %d times", name, n)
		}
	}
}

func TestTimeoutMixinFromItsFunction(t *testing.T) {
	c := newMemoryClock()
	var m TimeoutMixin
	n := 0
	var again func()
	again = func() {
		if n++; n < 3 {
			m.SetTimeout(c, time.Second, again)
		}
	}
	m.SetTimeout(c, time.Second, again)
	if c.Advance(time.Minute); n != 3 || c.Pending() != 0 {
		t.Errorf("called %d times, %d pending", n, c.Pending())
	}
}

func TestTimeoutMixinOnAnotherClock(t *testing.T) {
	a, b := newMemoryClock(), newMemoryClock()
	var m TimeoutMixin
	n := 0
	m.SetTimeout(a, time.Second, func() { t.Error("the old clock's") })
	m.SetTimeout(b, time.Second, func() { n++ })
	a.Advance(time.Hour)
	if b.Advance(time.Second); n != 1 || a.Pending() != 0 {
		t.Errorf("called %d times", n)
	}
}

func TestTimeoutActivityCostsNoTimer(t *testing.T) {
	c := newMemoryClock()
	var m TimeoutMixin
	m.SetTimeout(c, time.Hour, func() {})
	before := c.Mark()
	if a := testing.AllocsPerRun(100, m.ResetTimeout); a > 0 {
		t.Errorf("%v allocations", a)
	}
	if c.Mark() != before || c.Pending() != 1 {
		t.Error("activity made a timer")
	}
}
