package reactor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
)

// echo gives back what comes.
type echo struct{ t reactor.Transport }

func (e *echo) ConnectionMade(t reactor.Transport) { e.t = t }
func (e *echo) DataReceived(data []byte)           { e.t.Write(data) }
func (e *echo) ConnectionLost(error)               {}

func newEcho(reactor.Addr) reactor.Protocol { return &echo{} }

// visitor sends a text to an echo, waits for it to come back, and leaves in one
// of four ways.
type visitor struct {
	t     reactor.Transport
	text  []byte
	got   []byte
	leave int
	lost  func(v *visitor, reason error)
}

func (v *visitor) ConnectionMade(t reactor.Transport) {
	v.t = t
	t.Write(v.text)
	switch v.leave {
	case 0:
		t.AbortConnection()
	case 1:
		t.LoseWriteConnection()
	}
}

func (v *visitor) DataReceived(data []byte) {
	v.got = append(v.got, data...)
	if len(v.got) < len(v.text) {
		return
	}
	switch v.leave {
	case 2:
		v.t.LoseConnection()
	case 3:
		v.t.AbortConnection()
	}
}

func (v *visitor) ConnectionLost(reason error) { v.lost(v, reason) }

func TestManyConnectionsOpenedAndClosed(t *testing.T) {
	r := running(t)
	var port *reactor.Port
	on(r, func() {
		var err error
		if port, err = r.Listen("tcp:0:interface=127.0.0.1", reactor.FactoryFunc(newEcho)); err != nil {
			t.Error(err)
		}
	})
	const visits, atOnce = 3000, 100
	random := rand.New(rand.NewPCG(1, 1))
	done := make(chan struct{})
	left, running := visits, 0
	var visit func()
	lost := func(v *visitor, reason error) {
		if v.leave != 0 && !bytes.Equal(v.got, v.text) {
			t.Errorf("sent %d bytes, received %d, left by %d: %v", len(v.text), len(v.got), v.leave, reason)
		}
		running--
		visit()
	}
	visit = func() {
		for left > 0 && running < atOnce {
			left--
			running++
			v := &visitor{text: bytes.Repeat([]byte{byte(left)}, 1+random.IntN(1<<random.IntN(17))), leave: left % 4, lost: lost}
			r.ConnectTCP("127.0.0.1", int(port.Addr().Port), reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return v })).
				Then(nil, func(err error) { t.Error(err); running--; visit() })
		}
		if left == 0 && running == 0 {
			left = -1
			close(done)
		}
	}
	on(r, visit)
	<-done
	waitUntil(t, r, "all are gone", func() bool { return r.Connections() == 0 })
}

// waitUntil turns the loop of r until done, called there, is true.
func waitUntil(t *testing.T, r *reactor.Reactor, what string, done func() bool) {
	t.Helper()
	result := make(chan bool, 1)
	tries := 0
	var try func()
	try = func() {
		tries++
		if done() || tries > 20_000 {
			result <- tries <= 20_000
			return
		}
		r.CallLater(time.Millisecond, try)
	}
	r.CallFromThread(try)
	if !<-result {
		t.Fatalf("waited in vain: %s", what)
	}
}

// TestSignalsInterruptNothing has the process bombarded with signals while 20 MiB
// go through it.
func TestSignalsInterruptNothing(t *testing.T) {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGUSR1)
	defer signal.Stop(ignored)
	r := running(t)
	done := make(chan error, 1)
	on(r, func() {
		port, err := r.Listen("tcp:0:interface=127.0.0.1", reactor.FactoryFunc(newEcho))
		if err != nil {
			done <- err
			return
		}
		v := &visitor{text: bytes.Repeat([]byte("x"), 20<<20), leave: 2}
		v.lost = func(v *visitor, reason error) {
			if len(v.got) != len(v.text) {
				reason = fmt.Errorf("%d bytes came back: %w", len(v.got), reason)
			} else {
				reason = nil
			}
			done <- reason
		}
		r.ConnectTCP("127.0.0.1", int(port.Addr().Port), reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return v }))
	})
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		}
	}
}

// outOfDescriptors is the environment variable that makes the test binary the
// server of TestEMFILESurvived.
const outOfDescriptors = "SPINDLE_TEST_DESCRIPTORS"

// TestEMFILESurvived has a server run out of descriptors. It must go on serving
// those that it has, turn the others away or let them wait, and serve new ones when
// there is room again.
func TestEMFILESurvived(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerOutOfDescriptors$")
	cmd.Env = append(os.Environ(), outOfDescriptors+"=1")
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close() // the server ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v\n%s", err, log.String())
		}
		if n := strings.Count(log.String(), "accept failed"); n == 0 || n > 5 {
			t.Errorf("%d complaints in the log\n%s", n, log.String())
		}
	}()
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, lines)
	addr = strings.TrimSpace(addr)
	first := dial(t, addr)
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	var crowd []net.Conn
	for range 100 {
		crowd = append(crowd, dial(t, addr))
	}
	if err := ask(first); err != nil {
		t.Errorf("a connection that was there does not work in need: %v", err)
	}
	for _, c := range crowd {
		c.Close()
	}
	// Who comes before the server has read that the crowd is gone is still turned away, twenty in
	// a millisecond.
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); {
		if err := ask(dial(t, addr)); err == nil {
			return
		}
	}
	t.Error("the server takes no new connections when there is room again")
}

func dial(t *testing.T, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask has an echo answer.
func ask(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

// TestServerOutOfDescriptors is the server of TestEMFILESurvived, in a process of
// its own.
func TestServerOutOfDescriptors(t *testing.T) {
	if os.Getenv(outOfDescriptors) == "" {
		t.Skip("it is run by TestEMFILESurvived")
	}
	r := reactor.New()
	r.MaxConnections = 1 << 20 // so that only the system sets a limit
	port, err := r.Listen("tcp:0:interface=127.0.0.1", reactor.FactoryFunc(newEcho))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		t.Fatal(err)
	}
	fmt.Println(port.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		r.Stop()
	}()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
}
