package reactor

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The functions of the package are those of the one default reactor: a program made
// of nothing else, from its first port to the signal that ends it.
func TestDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := ListenTCP(0, hello("tcp"))
	must(err)
	_, err = ListenUNIX(path, hello("unix"))
	must(err)
	third, err := Listen("tcp:0:interface=127.0.0.1", hello("endpoint"))
	must(err)

	var came []string
	note := func(what string) { came = append(came, what) }
	AddSystemEventTrigger(Before, Shutdown, func() *Deferred[struct{}] { note("shutdown"); return nil })
	fail := func(err error) { t.Error(err); Stop() }
	client := func(greeting *string) Factory {
		return FactoryFunc(func(Addr) Protocol { return &listens{greeting} })
	}
	var overTCP, overUNIX string
	interrupt := func() {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
			fail(err)
		}
	}
	CallWhenRunning(func() {
		note("running")
		if !Running() || Default() != tcp.r {
			t.Error("it does not run, or is another one")
		}
		ConnectTCP("127.0.0.1", int(tcp.Addr().Port), client(&overTCP)).Then(nil, fail)
		ConnectUNIX(path, client(&overUNIX)).Then(nil, fail)
		DeferToThread(func() (string, error) {
			greeting := readFrom(t, "tcp", third.Addr().String())
			CallFromThread(func() { note("from a thread") })
			return greeting, nil
		}).Then(func(greeting string) {
			note(greeting)
			CallLater(time.Second/4, interrupt)
		}, fail)
	})
	must(Run())
	if overTCP != "tcp" || overUNIX != "unix" {
		t.Errorf("clients were told %q and %q", overTCP, overUNIX)
	}
	want := []string{"running", "from a thread", "endpoint", "shutdown"}
	if len(came) != len(want) {
		t.Fatalf("%q, want %q", came, want)
	}
	for i := range want {
		if came[i] != want[i] {
			t.Errorf("%q, want %q", came, want)
		}
	}
	if c, err := net.Dial("tcp", third.Addr().String()); err == nil {
		c.Close()
		t.Error("a port goes on listening")
	}
	if Running() || Run() == nil {
		t.Error("it runs again")
	}
}

// listens keeps what it is told.
type listens struct{ greeting *string }

func (l *listens) ConnectionMade(Transport)    {}
func (l *listens) DataReceived(data []byte)    { *l.greeting += string(data) }
func (l *listens) ConnectionLost(reason error) {}
