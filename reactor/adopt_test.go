package reactor

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// taker writes down what it is given, and says it to told.
type taker struct {
	told  chan string
	files []*os.File
}

func (t *taker) ConnectionMade(tr Transport) { tr.Write([]byte("made ")) }
func (t *taker) FileReceived(f *os.File)     { t.files = append(t.files, f) }
func (t *taker) ConnectionLost(error)        { close(t.told) }
func (t *taker) DataReceived(data []byte) {
	text := string(data)
	for _, f := range t.files {
		content, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
		if err != nil {
			text += " " + err.Error()
		}
		text += " " + string(content)
		f.Close()
	}
	t.files = nil
	t.told <- text
}

func TestAdoptedConnection(t *testing.T) {
	r := New()
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Write([]byte("before")); err != nil {
		t.Fatal(err)
	}
	p := &taker{told: make(chan string, 10)}
	if err := r.AdoptConnection(ours, FactoryFunc(func(Addr) Protocol { return p })); err != nil {
		t.Fatal(err)
	}
	running(t, r)
	if got := <-p.told; got != "before" {
		t.Errorf("got %q", got)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(theirs, buf); err != nil || string(buf) != "made " {
		t.Errorf("got %q, %v", buf, err)
	}
	theirs.Close()
	if _, more := <-p.told; more {
		t.Error("it was not lost")
	}
}

// Descriptors come before the bytes that were sent with them, and never with earlier
// ones.
func TestPassedDescriptors(t *testing.T) {
	r := New()
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	p := &taker{told: make(chan string, 10)}
	if err := r.AdoptConnection(ours, FactoryFunc(func(Addr) Protocol { return p })); err != nil {
		t.Fatal(err)
	}
	running(t, r)
	var fds []int
	for _, word := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), word)
		if err := os.WriteFile(path, []byte(word), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	conn, err := net.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	defer conn.Close()
	for _, step := range []struct {
		text string
		fds  []int
		want string
	}{
		{"plain", nil, "plain"},
		{"x", fds[:1], "x one"},
		{"y", fds, "y one two"},
		{"z", fds[1:], "z two"},
	} {
		if _, _, err := conn.(*net.UnixConn).WriteMsgUnix([]byte(step.text), unix.UnixRights(step.fds...), nil); err != nil {
			t.Fatal(err)
		}
		if got := <-p.told; got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}

func TestAdoptRefuses(t *testing.T) {
	r := unused(t)
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.AdoptConnection(f, hello("")); err == nil {
		t.Error("a file that is no socket was taken")
	}
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if err := r.AdoptConnection(ours, FactoryFunc(func(Addr) Protocol { return nil })); err == nil {
		t.Error("no protocol, and no error")
	}
}

// A read ends with the message that has descriptors; what is behind it is read all the
// same.
func TestBytesBehindDescriptors(t *testing.T) {
	r := New()
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	defer conn.Close()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, fds := range [][]int{nil, {int(f.Fd())}, nil} {
		if _, _, err := conn.(*net.UnixConn).WriteMsgUnix([]byte("x"), unix.UnixRights(fds...), nil); err != nil {
			t.Fatal(err)
		}
	}
	p := &taker{told: make(chan string, 10)}
	if err := r.AdoptConnection(ours, FactoryFunc(func(Addr) Protocol { return p })); err != nil {
		t.Fatal(err)
	}
	running(t, r)
	got := ""
	for strings.Count(got, "x") < 3 {
		got += <-p.told
	}
}
