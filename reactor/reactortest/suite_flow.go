package reactortest

import (
	"strings"
	"time"

	"spindle/reactor"
)

// This file holds the cases of TestTransport about who may write and read when.

// settleTime is how long a case waits for what must not happen.
const settleTime = 20 * time.Millisecond

func pauseStopsReads(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	v.on["made"] = func() { v.tr.PauseReading() }
	s.connect(c, v)
	s.do(func() {
		c.write(s.link.Holds())
		c.tr.LoseConnection()
	})
	s.link.Pass(settleTime)
	s.logged(v, "made")
	s.do(func() {
		if c.tr.Buffered() == 0 {
			s.Error("all that was written is gone, though nobody reads")
		}
		v.tr.ResumeReading()
	})
	s.received(v, c.sent)
	s.ended(reactor.ErrDone, c, v)
}

func pauseInsideRead(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	reads, paused := 0, false
	v.onData = func([]byte) {
		if paused {
			s.Error("data while reading is paused")
		}
		reads++
		paused = true
		v.tr.PauseReading()
		if reads%3 == 0 { // at once
			paused = false
			v.tr.ResumeReading()
			return
		}
		v.tr.Loop().CallLater(0, func() {
			paused = false
			v.tr.ResumeReading()
		})
	}
	s.connect(c, v)
	s.do(func() {
		c.write(1 << 20)
		c.tr.LoseConnection()
	})
	s.received(v, 1<<20)
	s.ended(reactor.ErrDone, c, v)
}

func pushProducer(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	producing, total := false, s.link.Holds()
	var step func()
	step = func() { // a timer that writes, as long as it may
		if !producing || v.lost != nil {
			return
		}
		if v.sent == total {
			v.tr.UnregisterProducer()
			return
		}
		v.write(32 << 10)
		v.tr.Loop().CallLater(0, step)
	}
	v.on["made"] = func() {
		v.tr.RegisterProducer(pushProbe{v})
		v.tr.LoseConnection()
		producing = true
		v.tr.Loop().CallLater(0, step)
	}
	v.on["pause"] = func() {
		producing = false
		if n := v.tr.Buffered(); n <= HighWater || n > HighWater+64<<10 {
			s.Errorf("paused with %d bytes queued", n)
		}
	}
	v.on["resume"] = func() {
		producing = true
		if n := v.tr.Buffered(); n > LowWater {
			s.Errorf("resumed with %d bytes queued", n)
		}
		v.tr.Loop().CallLater(0, step)
	}
	c.on["made"] = func() { c.tr.PauseReading() }
	s.connect(c, v)
	s.until("the producer is paused", func() bool { return strings.HasSuffix(v.events(), "pause") })
	s.logged(v, "made pause")
	s.do(func() { c.tr.ResumeReading() })
	s.received(c, total)
	s.ended(reactor.ErrDone, c, v)
}

func pullProducer(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	v.on["made"] = func() {
		v.tr.RegisterProducer(pullProbe{v})
		v.tr.LoseConnection()
	}
	v.on["resume"] = func() {
		if n := v.tr.Buffered(); n != 0 {
			s.Errorf("asked with %d bytes queued", n)
		}
		v.write(96 << 10)
		if v.sent >= 4<<20 {
			v.tr.UnregisterProducer()
		}
	}
	s.connect(c, v)
	s.received(c, 43*(96<<10))
	s.ended(reactor.ErrDone, c, v)
	s.logged(v, "made resume lost")
}

func pullProducerLater(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	asked := 0
	v.on["made"] = func() { v.tr.RegisterProducer(pullProbe{v}) }
	v.on["resume"] = func() {
		if asked++; asked > 1 {
			s.Error("asked again before it has written")
		}
		v.tr.Loop().CallLater(time.Millisecond, func() {
			asked = 0
			v.write(1000)
			if v.sent == 5000 {
				v.tr.UnregisterProducer()
				v.tr.LoseConnection()
			}
		})
	}
	s.connect(c, v)
	s.received(c, 5000)
	s.ended(reactor.ErrDone, c, v)
}

func producerAndLoss(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	late := s.probe("late producer")
	v.on["lost"] = func() { v.tr.RegisterProducer(pushProbe{late}) }
	s.connect(c, v)
	s.do(func() { v.tr.RegisterProducer(pushProbe{v}) })
	s.do(func() { c.tr.AbortConnection() })
	s.until("the server finds that nobody listens", func() bool {
		if v.lost == nil {
			v.write(1)
		}
		return v.lost != nil
	})
	s.ended(nil, c, v)
	s.until("the late producer is stopped", func() bool { return len(late.log) > 0 })
	s.logged(v, "made stop lost")
	s.logged(late, "stop")
}

func secondProducer(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	s.connect(c, v)
	s.do(func() {
		v.tr.RegisterProducer(pushProbe{v})
		v.tr.UnregisterProducer()
		v.tr.UnregisterProducer()
		v.tr.RegisterProducer(pushProbe{v})
		defer func() {
			if recover() == nil {
				s.Error("a second producer does not panic")
			}
			v.tr.AbortConnection()
		}()
		v.tr.RegisterProducer(pullProbe{v})
	})
	s.ended(nil, c, v)
}

// relay: a protocol that passes on what it reads, and pauses reading when the
// other side's producer is told to, queues no more than a read beyond the mark.
func relay(s *suite) {
	source, in := s.probe("source"), s.probe("in")
	sink, out := s.probe("sink"), s.probe("out")
	sink.on["made"] = func() { sink.tr.PauseReading() }
	s.connect(source, in)
	s.connect(sink, out)
	most := 0
	out.on["pause"] = func() { in.tr.PauseReading() }
	out.on["resume"] = func() { in.tr.ResumeReading() }
	in.onData = func(data []byte) {
		out.tr.Write(data)
		most = max(most, out.tr.Buffered())
	}
	in.on["lost"] = func() { out.tr.UnregisterProducer(); out.tr.LoseConnection() }
	s.do(func() {
		out.tr.RegisterProducer(pushProbe{out})
		source.write(2 * s.link.Holds())
		source.tr.LoseConnection()
	})
	s.until("the relay is paused", func() bool { return strings.HasSuffix(out.events(), "pause") })
	s.do(func() { sink.tr.ResumeReading() })
	s.received(sink, source.sent)
	s.ended(reactor.ErrDone, source, in, sink, out)
	if limit := HighWater + pairWindow; most > limit {
		s.Errorf("up to %d bytes were queued, want at most %d", most, limit)
	}
}
