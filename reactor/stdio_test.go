package reactor_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spindle/reactor"
)

// stdioEcho writes back what comes, and ends when it ends.
type stdioEcho struct {
	t    reactor.Transport
	file *os.File
	got  int
	lost error
	done func()
}

func (e *stdioEcho) ConnectionMade(t reactor.Transport) { e.t = t }
func (e *stdioEcho) DataReceived(data []byte) {
	e.got += len(data)
	e.t.Write(data)
}
func (e *stdioEcho) ReadConnectionLost() {
	if e.file != nil {
		e.t.SendFile(e.file, 1, 3, nil)
	}
	e.t.LoseConnection()
}
func (e *stdioEcho) WriteConnectionLost() {}
func (e *stdioEcho) ConnectionLost(reason error) {
	e.lost = reason
	e.done()
}

// pipes is a connection over two pipes: what is written to in comes out of out.
func pipes(t *testing.T, p func(r *reactor.Reactor) reactor.Protocol) (in io.WriteCloser, out io.Reader, ended chan error) {
	t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inW.Close(); outR.Close() })
	r := reactor.New()
	ended = make(chan error, 1)
	r.CallLater(0, func() { reactor.StandardIO(r, inR, outW, p(r)) })
	go func() { ended <- r.Run() }()
	return inW, outR, ended
}

func TestStandardIO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var e *stdioEcho
	in, out, ended := pipes(t, func(r *reactor.Reactor) reactor.Protocol {
		e = &stdioEcho{file: f, done: r.Stop}
		return e
	})
	want := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	go func() {
		in.Write(want)
		in.Close()
	}()
	got, err := io.ReadAll(out)
	if err != nil || !bytes.Equal(got, append(want, "123"...)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := <-ended; err != nil || e.lost != reactor.ErrDone {
		t.Errorf("%v %v", err, e.lost)
	}
}

// TestStandardIOGone: the end of who reads is told.
func TestStandardIOGone(t *testing.T) {
	var e *stdioEcho
	in, out, ended := pipes(t, func(r *reactor.Reactor) reactor.Protocol {
		e = &stdioEcho{done: r.Stop}
		return e
	})
	out.(*os.File).Close()
	in.Write([]byte("x"))
	if err := <-ended; err != nil || e.lost == nil || e.lost == reactor.ErrDone {
		t.Errorf("%v %v", err, e.lost)
	}
}

// stdioPaused reads nothing until it is told, and pulls what it writes.
type stdioPaused struct {
	stdioEcho
	left   int
	paused bool
}

func (p *stdioPaused) ConnectionMade(t reactor.Transport) {
	p.t = t
	t.PauseReading()
	p.paused = true
	t.Loop().CallLater(50*time.Millisecond, func() {
		p.paused = false
		t.ResumeReading()
	})
}
func (p *stdioPaused) DataReceived(data []byte) {
	if p.paused {
		p.left = -1000
	}
	p.t.RegisterProducer(p)
}
func (p *stdioPaused) ReadConnectionLost() { p.t.LoseConnection() }
func (p *stdioPaused) ResumeProducing() {
	p.t.Write([]byte("x"))
	if p.left--; p.left == 0 {
		p.t.UnregisterProducer()
	}
}
func (p *stdioPaused) StopProducing() {}

func TestStandardIOFlow(t *testing.T) {
	in, out, ended := pipes(t, func(r *reactor.Reactor) reactor.Protocol {
		return &stdioPaused{stdioEcho: stdioEcho{done: r.Stop}, left: 100}
	})
	in.Write([]byte("go"))
	in.Close()
	if got, err := io.ReadAll(out); err != nil || len(got) != 100 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	<-ended
}
