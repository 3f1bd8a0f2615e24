package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// hello says a word to each client and closes.
func hello(word string) Factory {
	return FactoryFunc(func(Addr) Protocol { return greeter(word) })
}

type greeter string

func (g greeter) ConnectionMade(t Transport) {
	t.Write([]byte(g))
	t.LoseConnection()
}
func (greeter) DataReceived([]byte)  {}
func (greeter) ConnectionLost(error) {}

// running starts r on a goroutine and stops it when the test ends.
func running(t *testing.T, r *Reactor) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// unused is a reactor that the test does not run; its descriptors are given back
// when the test ends.
func unused(t *testing.T) *Reactor {
	r := New()
	t.Cleanup(func() {
		r.Stop()
		_ = r.Run() // returns at once
	})
	return r
}

// onLoop makes a call on the loop and waits for it.
func onLoop(r *Reactor, f func()) {
	done := make(chan struct{})
	r.CallFromThread(func() { defer close(done); f() })
	<-done
}

func readFrom(t *testing.T, network, addr string) string {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func listen(t *testing.T, r *Reactor, endpoint string, f Factory) *Port {
	t.Helper()
	p, err := r.Listen(endpoint, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestListenAllInterfaces(t *testing.T) {
	r := New()
	p, err := r.ListenTCP(0, hello("both"))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	_, port, _ := net.SplitHostPort(p.Addr().String())
	if got := readFrom(t, "tcp4", "127.0.0.1:"+port); got != "both" {
		t.Errorf("over IPv4: %q", got)
	}
	if p.Addr().IP.Is4() {
		t.Log("this machine has no IPv6")
	} else if got := readFrom(t, "tcp6", "[::1]:"+port); got != "both" {
		t.Errorf("over IPv6: %q", got)
	}
}

func TestPortStopsAndStartsAgain(t *testing.T) {
	r := New()
	p := listen(t, r, "tcp:0:interface=127.0.0.1", hello("here"))
	running(t, r)
	addr := p.Addr().String()
	if got := readFrom(t, "tcp", addr); got != "here" {
		t.Errorf("first: %q", got)
	}
	onLoop(r, p.StopListening)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("connected to a port that has stopped")
	}
	asked := make(chan string)
	go func() { asked <- p.Addr().String() }() // any goroutine may ask meanwhile
	onLoop(r, func() {
		if err := p.StartListening(); err != nil {
			t.Error(err)
		}
	})
	if got := <-asked; got != addr {
		t.Errorf("while it started again its address was %s, not %s", got, addr)
	}
	if got := readFrom(t, "tcp", addr); got != "here" {
		t.Errorf("after it started again on %s: %q", addr, got)
	}
}

// Two processes have one socket: clients are never refused, and wait while neither accepts.
func TestPortIsShared(t *testing.T) {
	one := New()
	p := listen(t, one, "tcp:0:interface=127.0.0.1", hello("one"))
	file, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	two := New()
	q, err := two.ListenEndpoint(Endpoint{Kind: EndpointFD, FD: int(file.Fd())}, hello("two"))
	if err != nil {
		t.Fatal(err)
	}
	q.held = true // as where somebody is to be told that it is ready
	if one.SharesSocket() || !two.SharesSocket() {
		t.Error("the one that was given the socket shares it")
	}
	running(t, one)
	running(t, two)
	addr := p.Addr().String()
	if got := readFrom(t, "tcp", addr); got != "one" {
		t.Errorf("the second is not ready: %q", got)
	}
	onLoop(one, p.PauseAccepting)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	onLoop(two, two.letIn)
	if got, err := io.ReadAll(c); err != nil || string(got) != "two" {
		t.Errorf("the client that has waited: %q %v", got, err)
	}
	onLoop(two, q.StopListening)
	if c, err = net.Dial("tcp", addr); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	onLoop(one, p.ResumeAccepting)
	if got, err := io.ReadAll(c); err != nil || string(got) != "one" {
		t.Errorf("after the second has stopped: %q %v", got, err)
	}
	onLoop(one, p.StopListening)
	onLoop(one, func() {
		if f, err := p.File(); err == nil {
			f.Close()
			t.Error("a port that does not listen has a file")
		}
	})
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := New()
	_, err = r.Listen("tcp:"+port+":interface=127.0.0.1", hello(""))
	var le *ListenError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &le) || !strings.Contains(err.Error(), "another process has it") {
		t.Fatalf("error %v", err)
	}
	if run := r.Run(); run != err {
		t.Errorf("Run returned %v, not the error that was dropped", run)
	}
}

func TestUNIXSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	r := New()
	p := listen(t, r, "unix:"+QuoteEndpoint(path)+":mode=640", hello("unix"))
	running(t, r)
	if got := readFrom(t, "unix", path); got != "unix" {
		t.Errorf("got %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := unused(t).ListenUNIX(path, hello("")); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener: %v", err)
	}
	onLoop(r, p.StopListening)
	for _, left := range []string{path, path + ".lock"} {
		if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", left, err)
		}
	}
}

func TestUNIXStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stale.sock")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd) // its path stays, and nobody listens
	r := New()
	if _, err := r.ListenUNIX(path, hello("new")); err != nil {
		t.Fatal(err)
	}
	running(t, r)
	if got := readFrom(t, "unix", path); got != "new" {
		t.Errorf("got %q", got)
	}
}

func TestUNIXPathThatIsNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := unused(t).ListenUNIX(path, hello("")); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("error %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file holds %q", b)
	}
}

func TestAdoptedDescriptor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := New()
	p, err := r.ListenEndpoint(Endpoint{Kind: EndpointFD, FD: int(f.Fd())}, hello("adopted"))
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	if got := readFrom(t, "tcp", p.Addr().String()); got != "adopted" {
		t.Errorf("got %q", got)
	}
}

func TestAdoptedDescriptorMustListen(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = unused(t).ListenEndpoint(Endpoint{Kind: EndpointFD, FD: int(f.Fd())}, hello(""))
	if err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("error %v", err)
	}
}

func TestNoSuchInterface(t *testing.T) {
	_, err := unused(t).Listen("tcp:0:interface=192.0.2.1", hello(""))
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "no such address") {
		t.Errorf("error %v", err)
	}
}
