package reactortest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
)

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestDeliverAndWrite(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	r.on = func(event string) {
		if event == "data ping" {
			r.t.Write([]byte("po"))
			r.t.Write([]byte("ng"))
			if n := r.t.Buffered(); n != 4 {
				t.Errorf("Buffered in the callback: %d", n)
			}
		}
	}
	tr.DeliverString("ping")
	want(t, "events", r.take(), "made; data ping")
	want(t, "answer", tr.TakeString(), "pong")
	want(t, "answer after Take", tr.String(), "")
	if tr.Flushes() != 1 {
		t.Errorf("%d flushes for one callback", tr.Flushes())
	}
}

func TestNothingCallsBackInside(t *testing.T) {
	calls := map[string]func(r *halfRecorder){
		"LoseConnection":      func(r *halfRecorder) { r.t.LoseConnection() },
		"LoseWriteConnection": func(r *halfRecorder) { r.t.LoseWriteConnection() },
		"AbortConnection":     func(r *halfRecorder) { r.t.AbortConnection() },
		"ResumeReading":       func(r *halfRecorder) { r.t.ResumeReading() },
		"RegisterProducer":    func(r *halfRecorder) { r.t.RegisterProducer(&pullRecorder{&r.recorder, 1}) },
		"Switch":              func(r *halfRecorder) { r.t.Switch(&r.recorder, []byte("x")) },
		"SendFile": func(r *halfRecorder) {
			r.t.SendFile(os.Stdin, 0, 0, func(error) { r.note("done") })
		},
	}
	for name, call := range calls {
		r := &halfRecorder{}
		tr := Connect(r)
		inside := true
		r.on = func(event string) {
			switch {
			case event == "data go":
				call(r)
				inside = false
			case inside:
				t.Errorf("%s: %s came from inside", name, event)
			}
		}
		tr.DeliverString("go")
		if tr.SetCapacity(-1); len(r.log) < 2 {
			t.Errorf("%s: nothing came of it: %v", name, r.log)
		}
	}
}

func TestLoseConnectionDeliversAll(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(10)
	r.t.Write(make([]byte, 1000))
	r.t.LoseConnection()
	if tr.Closed() || !tr.Disconnecting() {
		t.Fatal("closed before all was delivered")
	}
	tr.DeliverString("not read any more")
	tr.Drain(989)
	want(t, "one byte short", r.take(), "made")
	tr.Drain(1)
	want(t, "events", r.take(), "made; lost reactor: connection done"[6:])
	if n := len(tr.Take()); n != 1000 {
		t.Errorf("%d bytes delivered", n)
	}
	r.t.Write([]byte("dropped"))
	want(t, "after loss", tr.String(), "")
}

func TestLoseConnectionWaitsForProducer(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	r.t.RegisterProducer(pushRecorder{r})
	r.t.LoseConnection()
	r.t.Write([]byte("late"))
	if tr.Closed() {
		t.Fatal("closed with a producer registered")
	}
	r.t.UnregisterProducer()
	want(t, "wire", tr.String(), "late")
	want(t, "events", r.take(), "made; lost reactor: connection done")
}

func TestAbort(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(0)
	r.t.Write([]byte("dropped"))
	r.t.RegisterProducer(pushRecorder{r})
	r.t.AbortConnection()
	if !tr.Closed() || !tr.Aborted() {
		t.Error("not closed")
	}
	want(t, "events", r.take(), "made; stop; lost reactor: connection aborted")
	want(t, "wire", tr.String(), "")
}

func TestLoseTellsReason(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.Reset()
	tr.Lose(nil)
	want(t, "events", r.take(), "made; lost connection reset by peer")
	if reason, lost := tr.Lost(); !lost || !errors.Is(reason, syscall.ECONNRESET) {
		t.Errorf("Lost() = %v, %v", reason, lost)
	}
}

func TestEOF(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(1)
	r.t.Write([]byte("ab"))
	tr.DeliverEOF()
	want(t, "before the reply is out", r.take(), "made")
	tr.Drain(1)
	want(t, "events", r.take(), "lost reactor: connection done")
	want(t, "wire", tr.String(), "ab")
}

func TestHalfClose(t *testing.T) {
	r := &halfRecorder{}
	tr := Connect(r)
	tr.DeliverString("q")
	tr.DeliverEOF()
	want(t, "their half", r.take(), "made; data q; read lost")
	tr.SetCapacity(0)
	r.t.Write([]byte("answer"))
	r.t.LoseWriteConnection()
	if tr.WriteClosed() {
		t.Error("half closed before the answer was delivered")
	}
	tr.Drain(6)
	want(t, "our half", r.take(), "write lost; lost reactor: connection done")
	want(t, "wire", tr.String(), "answer")
}

func TestHalfCloseOurs(t *testing.T) {
	r := &halfRecorder{}
	tr := Connect(r)
	r.t.LoseWriteConnection()
	if !tr.WriteClosed() || tr.Closed() {
		t.Error("not half closed")
	}
	r.t.Write([]byte("dropped"))
	tr.DeliverString("still heard")
	want(t, "events", r.take(), "made; write lost; data still heard")
	want(t, "wire", tr.String(), "")
}

func TestPauseReading(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	r.t.PauseReading()
	tr.DeliverString("a")
	tr.DeliverString("b")
	tr.DeliverEOF()
	if !tr.ReadingPaused() || tr.Unread() != 2 {
		t.Errorf("paused %v, unread %d", tr.ReadingPaused(), tr.Unread())
	}
	want(t, "paused", r.take(), "made")
	r.on = func(event string) {
		if event == "data ab" {
			r.t.PauseReading()
		}
	}
	r.t.ResumeReading()
	tr.Closed()
	want(t, "resumed once", r.take(), "data ab")
	r.t.ResumeReading()
	tr.Closed()
	want(t, "resumed", r.take(), "lost reactor: connection done")
}

func TestPushProducerMarks(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(0)
	r.t.RegisterProducer(pushRecorder{r})
	r.t.Write(make([]byte, HighWater))
	tr.Bytes()
	want(t, "at the mark", r.take(), "made")
	r.t.Write([]byte("x"))
	if _, paused := tr.Producer(); paused {
		t.Error("paused inside Write")
	}
	tr.Bytes()
	want(t, "above it", r.take(), "pause")
	tr.Drain(HighWater - LowWater)
	want(t, "a byte above the low mark", r.take(), "")
	tr.Drain(1)
	want(t, "at the low mark", r.take(), "resume")
}

func TestPullProducer(t *testing.T) {
	r := &recorder{}
	l := NewLoop()
	l.Stepwise = true
	tr := l.Connect(r)
	r.t.RegisterProducer(&pullRecorder{r, 3})
	r.t.LoseConnection()
	want(t, "before a turn", r.take(), "made")
	l.Turn()
	want(t, "one turn", tr.String(), "piece")
	l.Run()
	want(t, "wire", tr.String(), "piecepiecepiece")
	want(t, "events", r.take(), "resume; resume; resume; lost reactor: connection done")
}

func TestPullProducerWaitsForRoom(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(7)
	r.t.RegisterProducer(&pullRecorder{r, 3})
	tr.Bytes()
	want(t, "full", r.take(), "made; resume; resume")
	tr.Drain(2)
	want(t, "one byte left", r.take(), "")
	tr.Drain(1)
	want(t, "empty", r.take(), "resume")
}

func TestPullProducerIsAskedOnce(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	p := &slowProducer{recorder: r}
	r.t.RegisterProducer(p)
	tr.Bytes()
	tr.DeliverString("x")
	want(t, "asked, not written", r.take(), "made; resume; data x")
	r.t.Write([]byte("piece"))
	tr.Bytes()
	want(t, "written", r.take(), "resume")
}

// slowProducer writes long after it was asked.
type slowProducer struct{ *recorder }

func (p slowProducer) ResumeProducing() { p.note("resume") }
func (p slowProducer) StopProducing()   { p.note("stop") }

func TestWriteAfterLoseConnection(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.SetCapacity(0)
	r.t.Write([]byte("all"))
	r.t.LoseConnection()
	r.t.Write([]byte("dropped"))
	tr.Drain(100)
	want(t, "wire", tr.String(), "all")
}

func TestSecondProducerPanics(t *testing.T) {
	r := &recorder{}
	Connect(r)
	r.t.RegisterProducer(pushRecorder{r})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r.t.RegisterProducer(pushRecorder{r})
}

func TestProducerAfterLoss(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	tr.Lose(nil)
	r.take()
	r.t.RegisterProducer(pushRecorder{r})
	want(t, "inside", r.take(), "")
	tr.Bytes()
	want(t, "after", r.take(), "stop")
}

func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestSendFileInOrder(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	f := tempFile(t, "0123456789")
	tr.SetCapacity(5)
	r.t.Write([]byte("head "))
	r.t.SendFile(f, 2, 5, func(err error) { r.note("done %v", err) })
	r.t.WriteShared([]byte(" shared "))
	r.t.WriteSequence([][]byte{[]byte("a"), []byte("b")})
	if n := r.t.Buffered(); n != 20 {
		t.Errorf("Buffered %d", n)
	}
	tr.Drain(3)
	want(t, "part", tr.String(), "head 234")
	want(t, "events", r.take(), "made")
	tr.Drain(100)
	want(t, "whole", tr.String(), "head 23456 shared ab")
	want(t, "events", r.take(), "done <nil>")
}

func TestSendFileShort(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	r.t.SendFile(tempFile(t, "0123"), 0, 5, func(err error) {
		if err != io.ErrUnexpectedEOF {
			t.Errorf("done(%v)", err)
		}
		r.note("done")
	})
	tr.Bytes()
	want(t, "events", r.take(), "made; done; lost reactor: connection aborted: a file is shorter than promised: unexpected EOF")
	if reason, _ := tr.Lost(); !errors.Is(reason, reactor.ErrAborted) {
		t.Errorf("reason %v is no ErrAborted", reason)
	}
}

func TestSendFileLost(t *testing.T) {
	r := &recorder{}
	tr := Connect(r)
	f := tempFile(t, "0123")
	tr.SetCapacity(1)
	r.t.SendFile(f, 0, 4, func(err error) { r.note("done %v", err) })
	tr.Reset()
	r.t.SendFile(f, 0, 4, func(err error) { r.note("late %v", err) })
	tr.Bytes()
	want(t, "events", r.take(), "made; done connection reset by peer; lost connection reset by peer; late connection reset by peer")
}

func TestSwitch(t *testing.T) {
	old, next := &recorder{}, &recorder{}
	tr := Connect(old)
	old.on = func(event string) {
		if strings.HasPrefix(event, "data") {
			unread := []byte("unread")
			old.t.Switch(next, unread)
			copy(unread, "spoilt")
		}
	}
	tr.SetSplit(func(n int) int { return 4 })
	tr.DeliverString("oldnew")
	want(t, "old", old.take(), "made; data oldn")
	want(t, "new", next.take(), "made; data unre; data adew")
	tr.DeliverEOF()
	want(t, "old", old.take(), "")
	want(t, "new", next.take(), "lost reactor: connection done")
	if tr.Protocol() != next {
		t.Error("Protocol is not the new one")
	}
}

func TestSwitchAndAbort(t *testing.T) {
	old, next := &recorder{}, &recorder{}
	Connect(old)
	old.t.Switch(next, []byte("unread"))
	old.t.AbortConnection()
	old.t.(*Transport).Bytes()
	want(t, "old", old.take(), "made")
	want(t, "new", next.take(), "made; lost reactor: connection aborted")
}

func TestLentBytesAreSpoilt(t *testing.T) {
	var kept []byte
	r := &recorder{}
	tr := Connect(&keeper{recorder: r, kept: &kept})
	tr.DeliverString("abc")
	want(t, "kept", string(kept), "\xdd\xdd\xdd")
	b := append(r.t.AvailableBuffer(), "xyz"...)
	r.t.Write(b)
	want(t, "lent buffer", string(b), "\xdd\xdd\xdd")
	want(t, "wire", tr.String(), "xyz")
}

type keeper struct {
	*recorder
	kept *[]byte
}

func (k *keeper) DataReceived(data []byte) { *k.kept = data }

func mustPanic(t *testing.T, word string, f func()) {
	t.Helper()
	defer func() {
		if s, _ := recover().(string); !strings.Contains(s, word) {
			t.Errorf("panic %q, want one about %q", s, word)
		}
	}()
	f()
}

func TestChangedBytesAreFound(t *testing.T) {
	tr := Connect(&changer{recorder: &recorder{}})
	mustPanic(t, "DataReceived changed", func() { tr.DeliverString("abc") })

	r := &recorder{}
	tr = Connect(r)
	shared := []byte("shared")
	tr.SetCapacity(0)
	r.t.WriteShared(shared)
	shared[0] = 'X'
	mustPanic(t, "WriteShared", func() { tr.Drain(6) })
}

type changer struct{ *recorder }

func (c *changer) DataReceived(data []byte) { data[0]++ }

func TestPanicCostsOneConnection(t *testing.T) {
	l := NewLoop()
	var told []any
	l.OnPanic = func(v any, stack []byte) { told = append(told, v, len(stack) > 0) }
	bad, good := &recorder{}, &recorder{}
	bad.on = func(event string) {
		if event == "data x" {
			panic("bug")
		}
	}
	b, g := l.Connect(bad), l.Connect(good)
	b.DeliverString("x")
	g.DeliverString("x")
	want(t, "bad", bad.take(), "made; data x; lost reactor: connection aborted")
	want(t, "good", good.take(), "made; data x")
	if len(told) != 2 || told[0] != "bug" || told[1] != true {
		t.Errorf("told %v", told)
	}
}

func TestPair(t *testing.T) {
	for name, split := range Splits() {
		c, s := &recorder{}, &recorder{}
		l := NewLoop()
		big := bytes.Repeat([]byte("0123456789"), 4_000)
		l.Pair(c, s, split)
		if name != "byte by byte" {
			big = bytes.Repeat(big, 50)
		}
		s.on = func(event string) {
			if len(s.data) == 5 && len(event) > 4 && event[:4] == "data" {
				s.t.Write(big)
				s.t.LoseConnection()
			}
		}
		c.t.Write([]byte("hello"))
		l.Run()
		want(t, name+": server got", string(s.data), "hello")
		if !bytes.Equal(c.data, big) {
			t.Errorf("%s: client got %d bytes, want %d", name, len(c.data), len(big))
		}
		want(t, name+": client's end", c.log[len(c.log)-1], "lost reactor: connection done")
		want(t, name+": server's end", s.log[len(s.log)-1], "lost reactor: connection done")
	}
}

func TestPairBackPressureAndReset(t *testing.T) {
	c, s := &recorder{}, &recorder{}
	l := NewLoop()
	l.Pair(c, s, nil)
	s.t.PauseReading()
	c.t.RegisterProducer(pushRecorder{c})
	c.t.Write(make([]byte, pairWindow+HighWater+1))
	l.Run()
	want(t, "stalled", c.take(), "made; pause")
	s.t.ResumeReading()
	l.Run()
	want(t, "going on", c.take(), "resume")
	s.t.AbortConnection()
	l.Run()
	want(t, "reset", c.take(), "stop; lost connection reset by peer")
}

func TestTimeoutOnTransport(t *testing.T) {
	l := NewLoop()
	r := &recorder{}
	tr := l.Connect(r)
	l.CallLater(60*time.Second, r.t.LoseConnection)
	l.Advance(59 * time.Second)
	if tr.Disconnecting() {
		t.Fatal("closed a second early")
	}
	l.Advance(time.Second)
	if !tr.Closed() {
		t.Fatal("not closed in time")
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	tr := Connect(&echo{})
	ping := []byte("ping")
	n := testing.AllocsPerRun(100, func() {
		tr.Deliver(ping)
		tr.Discard()
	})
	if n > 0 {
		t.Errorf("%v allocations for one exchange", n)
	}
}

type echo struct{ t reactor.Transport }

func (e *echo) ConnectionMade(t reactor.Transport) { e.t = t }
func (e *echo) DataReceived(data []byte)           { e.t.Write(data) }
func (e *echo) ConnectionLost(error)               {}
