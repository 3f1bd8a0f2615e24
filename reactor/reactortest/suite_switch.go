package reactortest

import "spindle/reactor"

// This file holds the cases of TestTransport about Switch.

func switchProtocol(s *suite) {
	c, v, next := s.probe("client"), s.probe("server"), s.probe("next")
	v.on["data"] = func() {
		unread := pattern(0, v.got) // as if none of it had been used
		v.tr.Switch(next, unread)
		clear(unread)
	}
	next.on["made"] = func() {
		if next.tr != v.tr {
			s.Error("the transport is another one")
		}
		next.write(1000)
	}
	s.connect(c, v)
	s.do(func() { c.write(500) })
	s.received(next, 500)
	s.do(func() { c.write(500) })
	s.received(next, 1000)
	s.received(c, 1000)
	s.do(func() { c.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, next)
	s.logged(v, "made data")
	s.logged(next, "made data lost")
}

func switchAfterEOF(s *suite) {
	c, v, next := s.probe("client"), s.probe("server"), s.probe("next")
	s.connect(halfProbe{c}, halfProbe{v})
	v.on["eof"] = func() { v.tr.Switch(halfProbe{next}, pattern(0, v.got)) }
	next.on["data"] = func() {
		if next.got == 100 {
			next.write(2000)
		}
	}
	next.on["eof"] = func() { next.tr.LoseConnection() }
	c.on["eof"] = func() { c.tr.LoseConnection() }
	s.do(func() {
		c.write(100)
		c.tr.LoseWriteConnection()
	})
	s.received(c, 2000)
	s.ended(reactor.ErrDone, c, next)
	s.logged(v, "made data eof")
	s.logged(next, "made data eof lost")
}

func switchAndAbort(s *suite) {
	c, v, next := s.probe("client"), s.probe("server"), s.probe("next")
	s.connect(c, v)
	s.do(func() {
		v.tr.Switch(next, []byte("unread"))
		v.tr.AbortConnection()
	})
	s.ended(reactor.ErrAborted, next)
	s.ended(nil, c)
	s.logged(v, "made")
	s.logged(next, "made lost")
}

func switchPaused(s *suite) {
	c, v, next := s.probe("client"), s.probe("server"), s.probe("next")
	s.connect(c, v)
	next.on["made"] = func() { next.tr.PauseReading() }
	s.do(func() {
		v.tr.PauseReading()
		c.write(1000)
	})
	s.link.Pass(settleTime)
	s.do(func() { v.tr.Switch(next, nil) })
	s.link.Pass(settleTime)
	s.logged(next, "made")
	s.do(func() { next.tr.ResumeReading() })
	s.received(next, 1000)
	s.do(func() { next.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, next)
}

func switchUnreadPaused(s *suite) {
	c, v, next := s.probe("client"), s.probe("server"), s.probe("next")
	s.connect(c, v)
	next.on["made"] = func() { next.tr.PauseReading() }
	s.do(func() { v.tr.Switch(next, pattern(0, 500)) })
	c.sent = 500
	s.do(func() { c.write(500) })
	s.link.Pass(settleTime)
	s.logged(next, "made")
	s.do(func() { next.tr.ResumeReading() })
	s.received(next, 1000)
	s.do(func() { next.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, next)
}

// switchTwice: a protocol that hands the connection on at once has not used what
// was unread.
func switchTwice(s *suite) {
	c, v := s.probe("client"), s.probe("server")
	middle, last := s.probe("middle"), s.probe("last")
	s.connect(c, v)
	middle.on["made"] = func() { middle.tr.Switch(last, pattern(0, 100)) }
	s.do(func() { v.tr.Switch(middle, pattern(100, 400)) })
	s.received(last, 500)
	s.do(func() { last.tr.LoseConnection() })
	s.ended(reactor.ErrDone, c, last)
	s.logged(middle, "made")
	s.logged(last, "made data lost")
}
