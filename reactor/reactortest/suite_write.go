package reactortest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"spindle/reactor"
)

// This file holds the cases of TestTransport about what is written.

// file makes a file with n bytes of the pattern.
func (s *suite) file(n int) *os.File {
	name := filepath.Join(s.TempDir(), "file")
	if err := os.WriteFile(name, pattern(0, n), 0o600); err != nil {
		s.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { f.Close() })
	return f
}

func writesKeepOrder(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	f := s.file(big)
	s.connect(c, v)
	s.do(func() {
		next := func(n int) []byte { v.sent += n; return pattern(v.sent-n, n) }
		file := func(n int) { v.tr.SendFile(f, int64(v.sent), int64(n), v.done); v.sent += n }
		v.tr.Write(append(v.tr.AvailableBuffer(), next(100)...))
		file(300_000)
		v.tr.Write(append(v.tr.AvailableBuffer(), next(200_000)...))
		v.tr.WriteShared(next(10))
		v.tr.WriteShared(next(100_000))
		v.tr.WriteSequence([][]byte{next(1), nil, next(70_000), next(2)})
		file(1)
		file(50_000)
		v.tr.WriteShared(next(3 << 20))
		v.tr.Write(next(50))
		if n := v.tr.Buffered(); n < 1 || n > v.sent {
			s.Errorf("%d bytes are queued of %d written", n, v.sent)
		}
		v.tr.LoseConnection()
	})
	s.received(c, v.sent)
	s.ended(reactor.ErrDone, c, v)
	s.logged(v, "made done lost")
}

func writesOfManySizes(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	r := rand.New(rand.NewPCG(1, 2))
	s.connect(c, v)
	for range 200 {
		s.do(func() {
			for range 1 + r.IntN(5) {
				n := r.IntN(1 << r.IntN(18))
				data := pattern(v.sent, n)
				v.sent += n
				switch r.IntN(4) {
				case 0:
					v.tr.Write(data)
				case 1:
					v.tr.Write(append(v.tr.AvailableBuffer(), data...))
				case 2:
					v.tr.WriteShared(data)
				default:
					v.tr.WriteSequence(bytes.SplitAfter(data, []byte{7}))
				}
			}
		})
	}
	s.received(c, v.sent)
	s.do(func() { v.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, v)
}

// writtenInTurn: a buffer that connections share must not mix their bytes.
func writtenInTurn(s *suite) {
	var clients, servers []*probe
	for range 5 {
		c, v := s.probe("client"), s.probe("server")
		s.connect(c, v)
		clients, servers = append(clients, c), append(servers, v)
	}
	s.do(func() {
		for i := range 500 {
			v := servers[i%5]
			n := 1 + i*i%3000
			switch i % 7 {
			case 0, 1, 2, 3:
				v.write(n)
			case 4:
				v.tr.Write(append(v.tr.AvailableBuffer(), pattern(v.sent, n)...))
				v.sent += n
			case 5:
				b := append(v.tr.AvailableBuffer(), pattern(v.sent, n)...)
				v.tr.Write(b)
				v.sent += n
				servers[(i+1)%5].tr.AvailableBuffer() // taken, and not used
			default:
				v.tr.WriteShared(pattern(v.sent, n*10))
				v.sent += n * 10
			}
		}
	})
	for i, c := range clients {
		s.received(c, servers[i].sent)
	}
	s.do(func() {
		for _, v := range servers {
			v.tr.LoseConnection()
		}
	})
	s.ended(reactor.ErrDone, clients...)
}

func writeCopies(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	s.do(func() {
		for _, n := range []int{10, 1000, 60_000, 200_000, 5 << 20} {
			data := pattern(v.sent, n)
			v.tr.Write(data)
			v.tr.WriteSequence([][]byte{})
			clear(data)
			v.sent += n
		}
	})
	s.received(c, v.sent)
	s.do(func() { v.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, v)
}

func sendFile(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	f := s.file(big)
	v.on["done"] = func() {
		if err := f.Close(); err != nil { // it is not needed any more
			s.Error(err)
		}
		v.tr.LoseConnection()
	}
	s.connect(c, v)
	s.do(func() {
		v.tr.Write(pattern(0, 123))
		v.tr.SendFile(f, 123, big-123, v.done)
		if n := v.tr.Buffered(); n != big {
			s.Errorf("%d bytes are queued, want %d", n, big)
		}
	})
	s.received(c, big)
	s.ended(reactor.ErrDone, c, v)
	s.logged(v, "made done lost")
}

func sendNoFile(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	f := s.file(0)
	s.connect(c, v)
	s.do(func() { v.tr.SendFile(f, 0, 0, v.done) })
	s.until("it is done", func() bool { return len(v.log) == 2 })
	s.logged(v, "made done")
	s.do(func() {
		v.tr.SendFile(f, 0, 0, nil)
		v.tr.LoseConnection()
	})
	s.ended(reactor.ErrDone, c, v)
}

func sendShrinkingFile(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	f := s.file(s.link.Holds())
	c.on["made"] = func() { c.tr.PauseReading() }
	var failure error
	s.connect(c, v)
	s.do(func() { v.tr.SendFile(f, 0, int64(s.link.Holds()), func(err error) { failure = err; v.done(err) }) })
	s.link.Pass(settleTime)
	if err := f.Truncate(1000); err != nil {
		s.Fatal(err)
	}
	s.do(func() { c.tr.ResumeReading() })
	s.ended(reactor.ErrAborted, v)
	s.until("the client is lost", func() bool { return c.lost != nil })
	if c.got >= s.link.Holds() || c.wrong >= 0 && c.wrong < 1000 {
		s.Errorf("received %d bytes, wrong at %d", c.got, c.wrong)
	}
	s.until("done has been told", func() bool { return failure != nil })
	s.do(func() {
		if !errors.Is(failure, io.ErrUnexpectedEOF) {
			s.Errorf("done was told %v", failure)
		}
	})
}

func sendFileLost(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	f := s.file(s.link.Holds())
	c.on["made"] = func() { c.tr.PauseReading() }
	s.connect(c, v)
	s.do(func() {
		v.tr.SendFile(f, 0, int64(s.link.Holds()), v.done)
		v.tr.SendFile(f, 0, 10, v.done)
		v.tr.SendFile(f, 0, 10, nil)
	})
	s.link.Pass(settleTime)
	s.do(func() { c.tr.AbortConnection() })
	s.ended(nil, c, v)
	failed := 0
	s.do(func() {
		for _, e := range v.log {
			if e == "failed" {
				failed++
			}
		}
	})
	if failed != 2 {
		s.Errorf("%d of 2 files were told of the loss", failed)
	}
	s.logged(v, "made failed lost")
}
