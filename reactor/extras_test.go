package reactor

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file runs on the real reactor what its own tests run in memory.

func TestThreadResultsComeOnTheReactor(t *testing.T) {
	r := New()
	inLoop := 0 // no lock: the race detector sees who touches it
	var got []string
	r.CallWhenRunning(func() {
		var ds []*Deferred[int]
		for i := range 100 {
			d := DeferToThreadPool(r.ThreadPool(), func() (int, error) { return i, nil })
			ds = append(ds, d.Then(func(int) { inLoop++ }, nil))
		}
		failed := DeferToThreadPool(r.ThreadPool(), func() (int, error) { panic("oh") })
		failed.Then(note[int](&got, "panic"))
		both := Chain(All(ds...), func([]int) *Deferred[int] { return failed.Rescue(func(error) (int, error) { return 0, nil }) })
		both.Then(func(int) { r.Stop() }, func(err error) { t.Error(err); r.Stop() })
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	wantNotes(t, got, "panic fail panic: oh")
	if inLoop != 100 {
		t.Errorf("%d results", inLoop)
	}
}

func TestManyGoroutinesGiveWork(t *testing.T) {
	r := New()
	running(t, r)
	var given, done sync.WaitGroup
	for range 20 {
		given.Add(1)
		go func() {
			defer given.Done()
			for range 50 {
				done.Add(1)
				if err := r.ThreadPool().CallInThread(done.Done); err != nil {
					t.Error(err)
					done.Done()
				}
			}
		}()
	}
	given.Wait()
	done.Wait()
}

func TestBlockingCallOnTheReactor(t *testing.T) {
	r := New()
	running(t, r)
	v, err := BlockingCallFromThread(context.Background(), r, func() *Deferred[string] {
		return DeferLater(r, time.Millisecond, func() (string, error) { return "later", nil })
	})
	if v != "later" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
}

func TestLoopingCallOnTheReactor(t *testing.T) {
	r := New()
	n := 0
	r.CallWhenRunning(func() {
		var l *LoopingCall
		l = NewLoopingCall(r, func() {
			if n++; n == 3 {
				l.Stop()
			}
		})
		l.Start(2*time.Millisecond, true).Then(func(struct{}) { r.Stop() }, nil)
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if n != 3 {
		t.Errorf("called %d times", n)
	}
}

// reverser answers each line reversed, and ends after a time without one.
type reverser struct {
	LineReceiver
	TimeoutMixin
}

func (p *reverser) ConnectionMade(t Transport) {
	p.LineReceiver.ConnectionMade(t)
	p.OnLine = func(line []byte) {
		p.ResetTimeout()
		b := []rune(string(line))
		for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
		p.SendLine([]byte(string(b)))
	}
	p.SetTimeout(t.Loop(), 250*time.Millisecond, p.LoseConnection)
}

func (p *reverser) ConnectionLost(reason error) {
	p.LineReceiver.ConnectionLost(reason)
	p.CancelTimeout()
}

func TestLinesOverASocket(t *testing.T) {
	r := New()
	port := listen(t, r, "tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol { return &reverser{} }))
	running(t, r)
	c, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("abc\r\ndéf\r\n\r\nrest")); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(c)
	for _, want := range []string{"cba", "féd", ""} {
		if line, err := answers.ReadString('\n'); err != nil || line != want+"\r\n" {
			t.Fatalf("got %q, %v, want %q", line, err, want)
		}
	}
	if b, err := answers.ReadByte(); err == nil { // until the time-out
		t.Errorf("got %q after the last line", b)
	}
}

func TestExtrasUseTheReactorsLogger(t *testing.T) {
	var log lockedBuffer
	r := New()
	r.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r.AddSystemEventTrigger(Before, Shutdown, func() *Deferred[struct{}] { panic("trigger panic") })
	r.CallWhenRunning(func() {
		p := &childNotes{made: func(*ChildProcess) { panic("protocol panic") }, end: r.Stop}
		start(t, r, p, Process{Path: "cat"})
	})
	if err := r.ThreadPool().CallInThread(func() { panic("work panic") }); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	r.ThreadPool().Stop()
	for _, want := range []string{"trigger panic", "protocol panic", "work panic"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the reactor's log", want)
		}
	}
}
