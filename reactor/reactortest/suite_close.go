package reactortest

import (
	"errors"
	"strings"

	"spindle/reactor"
)

// This file holds the cases of TestTransport about the ends of a connection.

const big = 20 << 20 // bytes

func loseDeliversAll(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	v.on["made"] = func() {
		v.write(big)
		v.tr.LoseConnection()
	}
	s.connect(c, v)
	s.received(c, big)
	s.ended(reactor.ErrDone, c, v)
	s.logged(c, "made data lost")
	s.logged(v, "made lost")
}

func loseWaitsForProducer(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	v.on["made"] = func() {
		v.tr.RegisterProducer(pushProbe{v})
		v.tr.LoseConnection()
		v.write(1000)
		v.tr.LoseWriteConnection()
	}
	s.connect(c, v)
	s.received(c, 1000)
	s.do(func() { v.write(1000) })
	s.received(c, 2000)
	s.logged(v, "made")
	s.do(func() { v.tr.UnregisterProducer() })
	s.ended(reactor.ErrDone, c, v)
}

func loseReadsNothing(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(halfProbe{c}, v)
	s.do(func() {
		v.tr.RegisterProducer(pushProbe{v}) // so that it does not close at once
		v.tr.LoseConnection()
		c.write(1000)
	})
	s.link.Pass(settleTime)
	s.logged(v, "made")
	s.do(func() { v.tr.UnregisterProducer() })
	s.ended(reactor.ErrDone, v)
	s.do(func() { c.tr.LoseConnection() })
	s.ended(nil, c)
}

func loseThenAbort(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	c.on["made"] = func() { c.tr.PauseReading() }
	s.connect(c, v)
	s.do(func() {
		v.write(s.link.Holds())
		v.tr.LoseConnection()
		v.tr.LoseConnection()
	})
	s.link.Pass(settleTime)
	s.logged(v, "made")
	s.do(func() { v.tr.AbortConnection() })
	s.ended(reactor.ErrAborted, v)
	s.do(func() { c.tr.ResumeReading() })
	s.reset(c)
}

func writeAfterLose(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	s.do(func() {
		v.write(1000)
		v.tr.LoseConnection()
		v.tr.Write([]byte("dropped"))
		v.tr.WriteShared(make([]byte, 100_000))
	})
	s.received(c, 1000)
	s.ended(reactor.ErrDone, c, v)
}

func replyToHalfClosed(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	c.on["made"] = func() {
		c.write(100)
		c.tr.LoseWriteConnection()
		c.tr.Write([]byte("dropped"))
	}
	v.on["eof"] = func() {
		v.write(big)
		v.tr.LoseConnection()
	}
	s.connect(halfProbe{c}, halfProbe{v})
	s.received(c, big)
	s.ended(reactor.ErrDone, c, v)
	s.received(v, 100)
	s.logged(c, "made half data eof lost")
	s.logged(v, "made data eof lost")
}

func replyWithoutHalfClose(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	c.on["made"] = func() {
		c.write(100)
		c.tr.LoseWriteConnection()
	}
	v.on["data"] = func() {
		if v.got == 100 {
			v.write(big / 2)
		}
	}
	s.connect(halfProbe{c}, v)
	s.received(c, big/2)
	s.ended(reactor.ErrDone, c, v)
	s.logged(c, "made half data eof lost")
	s.logged(v, "made data lost")
}

func serverHalfCloses(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	v.on["made"] = func() {
		v.write(1 << 20)
		v.tr.LoseWriteConnection()
	}
	c.on["eof"] = func() {
		c.write(big)
		c.tr.LoseConnection()
	}
	v.on["eof"] = func() { v.tr.LoseConnection() }
	s.connect(halfProbe{c}, halfProbe{v})
	s.received(v, big)
	s.ended(reactor.ErrDone, c, v)
	s.received(c, 1<<20)
	s.logged(c, "made data eof lost")
	s.logged(v, "made half data eof lost")
}

// bothHalfClose: nothing can happen any more on a connection that has both halves
// closed, so it is over.
func bothHalfClose(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(halfProbe{c}, halfProbe{v})
	s.do(func() {
		c.write(100)
		c.tr.LoseWriteConnection()
	})
	s.until("the server has seen the end", func() bool { return v.log[len(v.log)-1] == "eof" })
	s.do(func() {
		v.write(100)
		v.tr.LoseWriteConnection()
	})
	s.ended(reactor.ErrDone, c, v)
	s.logged(c, "made half data eof lost")
	s.logged(v, "made data eof half lost")
}

func abort(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	s.do(func() {
		v.tr.AbortConnection()
		v.tr.Write([]byte("dropped"))
		v.tr.LoseConnection()
		v.tr.AbortConnection()
	})
	s.ended(reactor.ErrAborted, v)
	s.reset(c)
	s.logged(c, "made lost")
}

func abortWhileBlocked(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	c.on["made"] = func() { c.tr.PauseReading() }
	s.connect(c, v)
	s.do(func() { v.write(s.link.Holds()) })
	s.link.Pass(settleTime)
	s.do(func() {
		if v.tr.Buffered() == 0 {
			s.Error("nothing is queued, though the client does not read")
		}
		v.tr.AbortConnection()
	})
	s.ended(reactor.ErrAborted, v)
	s.do(func() { c.tr.ResumeReading() })
	s.reset(c)
	if c.got >= v.sent {
		s.Error("the client has all that was aborted")
	}
}

func resetWhilePaused(s *suite) {
	if !s.link.Resets() {
		s.Skip("nothing is seen while reading is paused")
	}
	c, v := s.probe("client"), s.probe("server")
	c.on["made"] = func() { c.tr.PauseReading() }
	s.connect(c, v)
	s.do(func() { v.tr.AbortConnection() })
	s.reset(c)
	s.logged(c, "made lost")
}

func everythingAfterLoss(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	f := s.file(100)
	use := func() {
		t := v.tr
		t.Write([]byte("x"))
		t.Write(append(t.AvailableBuffer(), "x"...))
		t.WriteShared(make([]byte, 100_000))
		t.WriteSequence([][]byte{{'x'}, {'y'}})
		t.PauseReading()
		t.ResumeReading()
		t.LoseWriteConnection()
		t.LoseConnection()
		t.AbortConnection()
		t.Switch(s.probe("nobody"), []byte("x"))
		t.UnregisterProducer()
		t.RegisterProducer(pushProbe{v})
		t.SendFile(f, 0, 100, nil)
		t.SendFile(f, 0, 100, v.done)
		if t.Buffered() != 0 {
			s.Errorf("%d bytes are queued after loss", t.Buffered())
		}
		t.Peer()
		t.Host()
		if t.Loop() != s.link.Loop() {
			s.Error("Loop is not the loop")
		}
	}
	v.on["lost"] = use
	s.do(func() { v.tr.LoseConnection() })
	s.ended(reactor.ErrDone, v, c)
	s.until("the late calls are answered", func() bool { return len(v.log) == 4 })
	s.do(use)
	s.until("the late calls are answered again", func() bool { return len(v.log) == 6 })
	s.do(func() {
		for _, e := range v.log[2:] {
			if e != "stop" && e != "failed" {
				s.Errorf("after loss: %s", e)
			}
		}
	})
}

func panics(s *suite) {
	bystander, friend := s.probe("bystander"), s.probe("friend")
	s.connect(bystander, friend)
	for _, event := range []string{"made", "data", "eof", "half", "pause", "resume", "stop", "done", "lost"} {
		panicIn(s, event)
	}
	s.do(func() { bystander.write(1000) })
	s.received(friend, 1000)
	s.do(func() { friend.tr.LoseConnection() })
	s.ended(reactor.ErrDone, bystander, friend)
}

// panicIn runs a connection on which the server gets every event, and panics in
// one of them.
func panicIn(s *suite, event string) {
	c, v := s.probe("client"), s.probe("server with a panic in "+event)
	c.on["made"] = func() { c.tr.PauseReading() }
	v.on["made"] = func() {
		v.tr.RegisterProducer(pushProbe{v})
		v.write(s.link.Holds())
	}
	v.on["resume"] = func() { v.tr.SendFile(s.file(10), 0, 10, v.done) }
	v.on["done"] = func() { v.tr.UnregisterProducer(); v.tr.LoseWriteConnection() }
	v.on["half"] = func() { c.tr.LoseWriteConnection() }
	if event == "stop" {
		v.on["resume"] = func() { v.tr.AbortConnection() }
	}
	was := v.on[event]
	happened := false
	v.on[event] = func() {
		happened = true
		v.on[event] = nil
		if was != nil {
			was()
		}
		panic("bug in " + event)
	}
	s.link.Connect(halfProbe{c}, halfProbe{v})
	s.until("the server is full", func() bool {
		return c.tr != nil && strings.HasSuffix(v.events(), "pause") || v.lost != nil
	})
	s.do(func() {
		if v.lost == nil {
			c.write(100)
			c.tr.ResumeReading()
		}
	})
	s.until(v.name+" is lost", func() bool { return v.lost != nil })
	s.ended(nil, v)
	if !happened {
		s.Errorf("%s: it never came", v.name)
	}
	if event != "lost" && !errors.Is(v.lost, reactor.ErrAborted) {
		s.Errorf("%s: lost with %v", v.name, v.lost)
	}
	s.do(func() {
		if c.tr != nil { // an abort may come before the client is made
			c.tr.AbortConnection()
		}
	})
}

func addresses(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	s.do(func() {
		if c.tr.Peer() != v.tr.Host() {
			s.Errorf("the client's peer is %v, the server's host %v", c.tr.Peer(), v.tr.Host())
		}
		if c.tr.Host() != v.tr.Peer() {
			s.Errorf("the client's host is %v, the server's peer %v", c.tr.Host(), v.tr.Peer())
		}
		c.tr.AbortConnection()
	})
	s.ended(nil, c, v)
}
