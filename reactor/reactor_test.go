package reactor

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lockedBuffer is a log that goroutines may share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRunOnce(t *testing.T) {
	r := New()
	r.CallWhenRunning(func() {
		if err := r.Run(); err != ErrRunning {
			t.Errorf("Run inside Run: %v", err)
		}
		r.Stop()
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(); err != ErrNotRestartable {
		t.Errorf("Run again: %v", err)
	}
	r.CallFromThread(func() { t.Error("called after the end") })
}

func TestStopBeforeRun(t *testing.T) {
	r := New()
	p := listen(t, r, "tcp:0:interface=127.0.0.1", hello(""))
	r.CallFromThread(func() { t.Error("called, though it never ran") })
	r.Stop()
	r.Stop()
	if err := r.Run(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if p.Listening() || r.Running() {
		t.Error("it goes on")
	}
	if err := r.Run(); err != ErrNotRestartable {
		t.Errorf("Run again: %v", err)
	}
}

func TestStopWhileConnecting(t *testing.T) {
	port := fullListener(t)
	r := New()
	var failure error
	r.CallWhenRunning(func() {
		r.ConnectTCP("127.0.0.1", port, hello("")).Then(nil, func(err error) { failure = err })
		r.CallLater(50*time.Millisecond, r.Stop)
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(failure, ErrStopped) {
		t.Errorf("the connector was told %v", failure)
	}
}

// fullListener is the port of a socket that lets clients wait for ever: nobody
// accepts, and its queue is full.
func fullListener(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	at := hostAddr(fd)
	for range 16 {
		c, err := net.DialTimeout("tcp", at.String(), 100*time.Millisecond)
		if err != nil {
			return int(at.Port)
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("this system's queues have no end")
	return 0
}

func TestFirstDroppedErrorIsWhatRunReturns(t *testing.T) {
	r := New()
	r.Listen("tcp:nonsense", hello(""))
	r.Listen("nothing:1", hello(""))
	if err := r.Run(); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("Run: %v", err)
	}
}

func TestOrderOfPostedCalls(t *testing.T) {
	r := New()
	var got []int
	for i := range 5 {
		r.CallFromThread(func() { got = append(got, i) })
	}
	r.CallFromThread(r.Stop)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got[0] != 0 || got[4] != 4 {
		t.Errorf("order %v", got)
	}
}

// A call that posts itself for ever must not keep the loop from its timers and
// descriptors.
func TestPostedCallsDoNotStarveTimers(t *testing.T) {
	r := New()
	turns := 0
	var again func()
	again = func() {
		turns++
		r.CallFromThread(again)
	}
	r.CallFromThread(again)
	r.CallLater(5*time.Millisecond, r.Stop)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if turns < 2 {
		t.Errorf("%d turns", turns)
	}
}

func TestTimersOnTheReactor(t *testing.T) {
	r := New()
	var order []string
	r.CallWhenRunning(func() { // all at one time
		r.CallLater(3*time.Millisecond, func() { order = append(order, "b") })
		r.CallLater(time.Millisecond, func() { order = append(order, "a") })
		gone := r.CallLater(2*time.Millisecond, func() { order = append(order, "cancelled") })
		gone.Cancel()
		r.CallLater(time.Millisecond, func() { panic("costs nothing but itself") })
		r.CallLater(6*time.Millisecond, r.Stop)
	})
	r.Logger = slog.New(slog.DiscardHandler)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if strings.Join(order, "") != "ab" {
		t.Errorf("order %q", order)
	}
}

func TestShutdownWaitsForTriggersThenLosesConnections(t *testing.T) {
	r := New()
	var order []string
	lost := make(chan error, 1)
	p := listen(t, r, "tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol {
		return &ender{lost: func(err error) {
			order = append(order, "lost")
			lost <- err
		}}
	}))
	r.AddSystemEventTrigger(Before, Shutdown, func() *Deferred[struct{}] {
		if p.Listening() {
			t.Error("the port still listens while it drains")
		}
		d := NewDeferred[struct{}]()
		r.CallLater(time.Millisecond, func() {
			order = append(order, "drained")
			d.Callback(struct{}{})
		})
		return d
	})
	r.AddSystemEventTrigger(After, Shutdown, func() *Deferred[struct{}] {
		order = append(order, "after")
		return nil
	})
	r.ConnectTCP("127.0.0.1", int(p.Addr().Port), FactoryFunc(func(Addr) Protocol {
		return &ender{lost: func(error) {}}
	})).Then(func(Protocol) { r.CallLater(time.Millisecond, r.Stop) }, func(err error) { t.Error(err); r.Stop() })
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; !errors.Is(err, ErrStopped) {
		t.Errorf("lost for %v", err)
	}
	if got := strings.Join(order, " "); got != "drained lost after" {
		t.Errorf("order %q", got)
	}
}

type ender struct{ lost func(error) }

func (*ender) ConnectionMade(Transport)   {}
func (*ender) DataReceived([]byte)        {}
func (e *ender) ConnectionLost(err error) { e.lost(err) }

func TestWatchdogNamesASlowCallback(t *testing.T) {
	r := New()
	var log lockedBuffer
	r.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r.SlowCallback = 10 * time.Millisecond
	r.CallFromThread(func() { holdTheLoopUntil(func() bool { return strings.Contains(log.String(), "holds the loop") }) })
	r.CallFromThread(r.Stop)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "holdTheLoopUntil") {
		t.Errorf("the log does not name the callback: %s", log.String())
	}
}

// While nothing happens the watchdog sleeps; it is there again for the next callback.
func TestWatchdogSleeps(t *testing.T) {
	r := New()
	var log lockedBuffer
	r.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r.SlowCallback = 10 * time.Millisecond
	go func() {
		for end := time.Now().Add(10 * time.Second); !r.watch.asleep.Load() && time.Now().Before(end); {
			runtime.Gosched()
		}
		r.CallFromThread(func() { holdTheLoopUntil(func() bool { return strings.Contains(log.String(), "holds the loop") }) })
		r.CallFromThread(r.Stop)
	}()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "holdTheLoopUntil") {
		t.Errorf("the log does not name the callback: %s", log.String())
	}
}

func holdTheLoopUntil(done func() bool) {
	for end := time.Now().Add(10 * time.Second); !done() && time.Now().Before(end); {
		time.NewTimer(time.Millisecond).Reset(0)
	}
}

func TestStopFromAnotherGoroutine(t *testing.T) {
	r := New()
	go func() {
		for !r.Running() {
		}
		r.Stop()
	}()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestConnectFails(t *testing.T) {
	r := New()
	var got error
	p := listen(t, r, "tcp:0:interface=127.0.0.1", hello(""))
	port := int(p.Addr().Port)
	p.StopListening()
	r.ConnectTCP("127.0.0.1", port, hello("")).Then(
		func(Protocol) { t.Error("connected"); r.Stop() },
		func(err error) { got = err; r.Stop() })
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if got == nil || !strings.Contains(got.Error(), "connection refused") {
		t.Errorf("error %v", got)
	}
}
