package reactor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

var errTest = errors.New("test failure")

// note makes two functions for Then that write what they are told.
func note[T any](out *[]string, name string) (func(T), func(error)) {
	return func(v T) { *out = append(*out, fmt.Sprintf("%s ok %v", name, v)) },
		func(err error) { *out = append(*out, fmt.Sprintf("%s fail %v", name, err)) }
}

func wantNotes(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDeferredTellsAllInOrder(t *testing.T) {
	var got []string
	d := NewDeferred[int]()
	for _, name := range []string{"a", "b"} {
		if d.Then(note[int](&got, name)) != d {
			t.Error("Then returns another Deferred")
		}
	}
	wantNotes(t, got)
	if d.Settled() {
		t.Error("settled before its result")
	}
	d.Callback(7)
	d.Then(note[int](&got, "c"))
	wantNotes(t, got, "a ok 7", "b ok 7", "c ok 7")
	if !d.Settled() {
		t.Error("not settled")
	}
}

func TestDeferredFails(t *testing.T) {
	var got []string
	d := NewDeferred[int]()
	d.Then(note[int](&got, "a")).Then(func(int) { t.Error("ok of a failure") }, nil)
	d.Errback(errTest)
	d.Then(note[int](&got, "b"))
	wantNotes(t, got, "a fail test failure", "b fail test failure")
}

func TestDeferredMadeSettled(t *testing.T) {
	var got []string
	Succeeded("x").Then(note[string](&got, "a"))
	Failed[string](errTest).Then(note[string](&got, "b"))
	wantNotes(t, got, "a ok x", "b fail test failure")
}

func TestDeferredZeroValueWorks(t *testing.T) {
	var got []string
	var d Deferred[int]
	d.Then(note[int](&got, "a"))
	d.Callback(1)
	wantNotes(t, got, "a ok 1")
}

func TestDeferredAddedWhileTelling(t *testing.T) {
	var got []string
	d := NewDeferred[int]()
	d.Then(func(v int) {
		got = append(got, "first")
		d.Then(note[int](&got, "third"))
	}, nil)
	d.Then(note[int](&got, "second"))
	d.Callback(1)
	wantNotes(t, got, "first", "second ok 1", "third ok 1")
}

func TestDeferredSecondResultPanics(t *testing.T) {
	for name, second := range map[string]func(d *Deferred[int]){
		"callback": func(d *Deferred[int]) { d.Callback(2) },
		"errback":  func(d *Deferred[int]) { d.Errback(errTest) },
	} {
		if p := panicOf(func() { second(Succeeded(1)) }); p == nil {
			t.Errorf("%s: no panic", name)
		}
	}
	if p := panicOf(func() { NewDeferred[int]().Errback(nil) }); p == nil {
		t.Error("Errback(nil): no panic")
	}
}

func TestDeferredPanicOfOkGoesToItsFail(t *testing.T) {
	log := catchLog(t)
	var got []string
	var failure error
	d := NewDeferred[int]()
	d.Then(func(int) { panic(errTest) }, func(err error) { failure = err })
	d.Then(note[int](&got, "next"))
	d.Callback(1)
	var p *PanicError
	if !errors.As(failure, &p) || !errors.Is(failure, errTest) {
		t.Errorf("fail was told %v", failure)
	}
	if !strings.Contains(string(p.Stack), "TestDeferredPanicOfOk") {
		t.Errorf("stack without the test:\n%s", p.Stack)
	}
	wantNotes(t, got, "next ok 1")
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}

func TestDeferredPanicWithoutFailIsLogged(t *testing.T) {
	log := catchLog(t)
	d := NewDeferred[int]()
	d.Then(func(int) { panic("first") }, nil)
	d.Then(func(int) { panic("second") }, func(error) { panic("third") })
	d.Callback(1)
	for _, want := range []string{"first", "third"} {
		if !strings.Contains(log.String(), "panic="+want) {
			t.Errorf("%q is not in the log %s", want, log)
		}
	}
	if strings.Contains(log.String(), "panic=second") {
		t.Error("a handled panic was logged")
	}
}

func TestDeferredCancel(t *testing.T) {
	var got []string
	d := NewDeferred[int]().OnCancel(func() { got = append(got, "stop") })
	d.Then(note[int](&got, "a"))
	d.Cancel()
	d.Cancel()
	d.Callback(1) // the work was done all the same
	d.Errback(errTest)
	wantNotes(t, got, "stop", "a fail reactor: cancelled")
}

func TestDeferredCancelWithoutCanceller(t *testing.T) {
	var got []string
	d := NewDeferred[int]()
	d.Then(note[int](&got, "a"))
	d.Cancel()
	d.Callback(1)
	wantNotes(t, got, "a fail reactor: cancelled")
}

func TestDeferredCancellerGivesResult(t *testing.T) {
	var got []string
	d := NewDeferred[int]()
	d.OnCancel(func() { d.Cancel(); d.Callback(3) })
	d.Then(note[int](&got, "a"))
	d.Cancel()
	d.Callback(4)
	wantNotes(t, got, "a ok 3")
}

func TestDeferredCancelAfterResult(t *testing.T) {
	var got []string
	d := NewDeferred[int]().OnCancel(func() { t.Error("cancelled after its result") })
	d.Then(note[int](&got, "a"))
	d.Callback(1)
	d.OnCancel(func() { t.Error("cancelled after its result") })
	d.Cancel()
	wantNotes(t, got, "a ok 1")
	if panicOf(func() { d.Callback(2) }) == nil {
		t.Error("Cancel after the result lets a second one pass")
	}
}

func TestDeferredCancellerPanics(t *testing.T) {
	log := catchLog(t)
	var got []string
	d := NewDeferred[int]().OnCancel(func() { panic("oh") })
	d.Then(note[int](&got, "a")).Cancel()
	wantNotes(t, got, "a fail reactor: cancelled")
	if !strings.Contains(log.String(), "panic=oh") {
		t.Errorf("log %s", log)
	}
}

func TestDeferredTimeout(t *testing.T) {
	var got []string
	var failure error
	c := newMemoryClock()
	d := NewDeferred[int]().OnCancel(func() { got = append(got, "stop") })
	d.Timeout(c, 3*time.Second).Then(nil, func(err error) { failure = err })
	c.Advance(3*time.Second - 1)
	wantNotes(t, got)
	c.Advance(1)
	wantNotes(t, got, "stop")
	if failure != ErrTimeout || !errors.Is(failure, os.ErrDeadlineExceeded) || !os.IsTimeout(failure) {
		t.Errorf("failed with %v", failure)
	}
}

func TestDeferredTimeoutInTime(t *testing.T) {
	var got []string
	c := newMemoryClock()
	d := NewDeferred[int]().Timeout(c, time.Second)
	d.Then(note[int](&got, "a"))
	d.Callback(1)
	if c.Pending() != 0 {
		t.Error("the timer of a settled Deferred stays")
	}
	d.Timeout(c, time.Second)
	if c.Pending() != 0 {
		t.Error("a settled Deferred takes a timer")
	}
	wantNotes(t, got, "a ok 1")
}

func TestTimeoutOfDerivedSaysSo(t *testing.T) {
	var got []string
	c := newMemoryClock()
	d := NewDeferred[int]()
	d.Then(note[int](&got, "source"))
	Map(d, func(v int) (int, error) { return v, nil }).
		Timeout(c, time.Second).Then(note[int](&got, "derived"))
	c.Advance(time.Second)
	wantNotes(t, got, "source fail reactor: cancelled", "derived fail reactor: timed out")
}

// garbage makes a Deferred, lets use work on it, and drops it.
//
//go:noinline
func garbage(use func(d *Deferred[int])) { use(NewDeferred[int]()) }

// collect runs the collector until done, or often enough.
func collect(done func() bool) {
	for i := 0; i < 200 && !done(); i++ {
		runtime.GC()
		runtime.Gosched()
	}
}

func TestUnhandledFailureIsLogged(t *testing.T) {
	c := newMemoryClock()
	for name, use := range map[string]func(d *Deferred[int]){
		"nobody":       func(d *Deferred[int]) { d.Errback(errTest) },
		"only ok":      func(d *Deferred[int]) { d.Then(func(int) {}, nil).Errback(errTest) },
		"only a timer": func(d *Deferred[int]) { d.Timeout(c, time.Hour).Errback(errTest) },
		"mapped": func(d *Deferred[int]) {
			Map(d, func(int) (int, error) { return 0, nil })
			d.Errback(errTest)
		},
		"panic": func(d *Deferred[int]) {
			Map(d, func(int) (int, error) { panic(errTest) })
			d.Callback(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := catchLog(t)
			garbage(use)
			said := func() bool { return strings.Contains(log.String(), "test failure") }
			if collect(said); !said() {
				t.Errorf("not logged: %s", log)
			}
		})
	}
}

func TestHandledFailureIsNotLogged(t *testing.T) {
	log := catchLog(t)
	handle := func(error) {}
	garbage(func(d *Deferred[int]) { d.Errback(errTest); d.Then(nil, handle) })
	garbage(func(d *Deferred[int]) { d.Then(nil, handle).Errback(errTest) })
	garbage(func(d *Deferred[int]) { d.Cancel() })
	garbage(func(d *Deferred[int]) {
		All(d, Failed[int](errTest)).Then(nil, handle)
		d.Errback(errTest)
	})
	seen := false
	garbage(func(d *Deferred[int]) { runtime.AddCleanup(d, func(*bool) { seen = true }, &seen) })
	collect(func() bool { return false })
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}

func TestMap(t *testing.T) {
	var got []string
	double := func(v int) (string, error) {
		if v < 0 {
			return "", errTest
		}
		return fmt.Sprint(v * 2), nil
	}
	Map(Succeeded(4), double).Then(note[string](&got, "value"))
	Map(Succeeded(-1), double).Then(note[string](&got, "error"))
	Map(Failed[int](errors.New("source")), double).Then(note[string](&got, "passed"))
	Map(Succeeded(1), func(int) (string, error) { panic("oh") }).Then(note[string](&got, "panic"))
	wantNotes(t, got, "value ok 8", "error fail test failure", "passed fail source", "panic fail panic: oh")
}

func TestChain(t *testing.T) {
	var got []string
	inner := NewDeferred[string]()
	Chain(Succeeded(1), func(int) *Deferred[string] { return inner }).Then(note[string](&got, "value"))
	wantNotes(t, got)
	inner.Callback("x")
	Chain(Succeeded(1), func(int) *Deferred[string] { return Failed[string](errTest) }).Then(note[string](&got, "error"))
	Chain(Failed[int](errTest), func(int) *Deferred[string] { return nil }).Then(note[string](&got, "passed"))
	Chain(Succeeded(1), func(int) *Deferred[string] { panic("oh") }).Then(note[string](&got, "panic"))
	Chain(Succeeded(1), func(int) *Deferred[string] { return nil }).Then(note[string](&got, "nil"))
	wantNotes(t, got, "value ok x", "error fail test failure", "passed fail test failure", "panic fail panic: oh",
		"nil fail reactor: the function given to Chain gave no Deferred back")
}

func TestChainCancel(t *testing.T) {
	var got []string
	outer, inner := NewDeferred[int](), NewDeferred[int]()
	outer.OnCancel(func() { got = append(got, "stop outer") })
	inner.OnCancel(func() { got = append(got, "stop inner") })
	Chain(outer, func(int) *Deferred[int] { return inner }).Then(note[int](&got, "a")).Cancel()
	wantNotes(t, got, "stop outer", "a fail reactor: cancelled")

	got = nil
	u := Chain(Succeeded(1), func(int) *Deferred[int] { return inner }).Then(note[int](&got, "b"))
	u.Cancel()
	wantNotes(t, got, "stop inner", "b fail reactor: cancelled")
}

func TestChainCancelledByItsOwnFunction(t *testing.T) {
	var got []string
	d, inner := NewDeferred[int](), NewDeferred[int]()
	inner.OnCancel(func() { got = append(got, "stop inner") })
	var u *Deferred[int]
	u = Chain(d, func(int) *Deferred[int] { u.Cancel(); return inner })
	u.Then(note[int](&got, "a"))
	d.Callback(1)
	wantNotes(t, got, "a fail reactor: cancelled", "stop inner")
}

func TestRescue(t *testing.T) {
	var got []string
	mend := func(err error) (int, error) {
		if errors.Is(err, errTest) {
			return 9, nil
		}
		return 0, fmt.Errorf("again: %w", err)
	}
	Succeeded(1).Rescue(mend).Then(note[int](&got, "value"))
	Failed[int](errTest).Rescue(mend).Then(note[int](&got, "mended"))
	Failed[int](errors.New("other")).Rescue(mend).Then(note[int](&got, "not"))
	NewDeferred[int]().Rescue(mend).Then(note[int](&got, "cancelled")).Cancel()
	wantNotes(t, got, "value ok 1", "mended ok 9", "not fail again: other", "cancelled fail reactor: cancelled")
}

func TestAll(t *testing.T) {
	var got []string
	a, b := NewDeferred[int](), NewDeferred[int]()
	All(a, b).Then(note[[]int](&got, "all"))
	b.Callback(2)
	wantNotes(t, got)
	a.Callback(1)
	All[int]().Then(note[[]int](&got, "none"))
	wantNotes(t, got, "all ok [1 2]", "none ok []")
}

func TestAllFirstError(t *testing.T) {
	var got []string
	a, b, c := NewDeferred[int](), NewDeferred[int](), NewDeferred[int]()
	All(a, b, c).Then(note[[]int](&got, "all"))
	b.Errback(errTest)
	wantNotes(t, got, "all fail test failure")
	a.Errback(errors.New("later"))
	c.Callback(1)
	wantNotes(t, got, "all fail test failure")
}

func TestAllCancel(t *testing.T) {
	var got []string
	a, b := NewDeferred[int](), NewDeferred[int]()
	a.Then(note[int](&got, "a"))
	b.Then(note[int](&got, "b"))
	All(a, b).Then(note[[]int](&got, "all")).Cancel()
	wantNotes(t, got, "a fail reactor: cancelled", "all fail reactor: cancelled", "b fail reactor: cancelled")
}

func TestRace(t *testing.T) {
	var got []string
	a, b, c := NewDeferred[int](), NewDeferred[int](), NewDeferred[int]()
	c.OnCancel(func() { got = append(got, "stop c") })
	Race(a, b, c).Then(note[int](&got, "race"))
	a.Errback(errTest)
	wantNotes(t, got)
	b.Callback(2)
	wantNotes(t, got, "race ok 2", "stop c")
}

func TestRaceAllFail(t *testing.T) {
	var got []string
	a, b := NewDeferred[int](), NewDeferred[int]()
	Race(a, b).Then(note[int](&got, "race"))
	b.Errback(errors.New("second"))
	a.Errback(errors.New("first"))
	Race[int]().Then(note[int](&got, "none"))
	wantNotes(t, got, "race fail first\nsecond", "none fail reactor: a race of no Deferreds")
}

func TestRaceCancelAndTimeout(t *testing.T) {
	c := newMemoryClock()
	for cause, end := range map[error]func(d *Deferred[int]){
		ErrCancelled: func(d *Deferred[int]) { d.Cancel() },
		ErrTimeout:   func(d *Deferred[int]) { d.Timeout(c, time.Second); c.Advance(time.Second) },
	} {
		var failure error
		u := Race(NewDeferred[int](), NewDeferred[int]()).Then(nil, func(err error) { failure = err })
		if end(u); failure != cause {
			t.Errorf("failed with %v, want %v", failure, cause)
		}
	}
}

func ExampleDeferred() {
	sum := NewDeferred[int]()
	Map(sum, func(v int) (string, error) { return fmt.Sprintf("the sum is %d", v), nil }).
		Then(func(s string) { fmt.Println(s) }, func(err error) { fmt.Println("no sum:", err) })
	sum.Callback(42)
	// Output: the sum is 42
}

func TestBlockingCallFromThread(t *testing.T) {
	l := newTestLoop()
	for _, row := range []struct {
		name, want string
		f          func() *Deferred[int]
	}{
		{"value", "4 <nil>", func() *Deferred[int] { return Succeeded(4) }},
		{"failure", "0 test failure", func() *Deferred[int] { return Failed[int](errTest) }},
		{"nil", "0 <nil>", func() *Deferred[int] { return nil }},
		{"panic", "0 panic: oh", func() *Deferred[int] { panic("oh") }},
	} {
		var got string
		done := false
		go func() {
			v, err := BlockingCallFromThread(context.Background(), l, row.f)
			l.CallFromThread(func() { got, done = fmt.Sprint(v, " ", err), true })
		}()
		if l.until(t, func() bool { return done }); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func TestBlockingCallGivesUp(t *testing.T) {
	l := newTestLoop()
	ctx, stop := context.WithCancel(context.Background())
	var got []string
	d := NewDeferred[int]()
	d.Then(note[int](&got, "work"))
	result := make(chan error, 1)
	go func() {
		_, err := BlockingCallFromThread(ctx, l, func() *Deferred[int] { stop(); return d })
		result <- err
	}()
	l.until(t, d.Settled)
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("gave up with %v", err)
	}
	wantNotes(t, got, "work fail reactor: cancelled")
}
