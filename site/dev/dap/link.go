package dap

import "spindle/reactor"

// This file is the side of a session that talks to one Delve, and makes the session anew with
// it.

func (l *link) ConnectionMade(t reactor.Transport) {
	l.t = t
	if l.s.leaving {
		t.LoseConnection()
		return
	}
	l.s.link = l
	l.s.numbers.renew()
	if l.s.initialize == nil {
		l.open()
		return
	}
	l.own(*l.s.initialize, func(message) {
		if l.s.attach == nil {
			l.open()
			return
		}
		m := *l.s.attach
		if o := parse(m.Arguments); o != nil {
			o.set("stopOnEntry", false)
			m.Arguments = o.encode()
		}
		l.own(m, func(message) {}) // the answer may come behind configurationDone
	})
}

func (l *link) DataReceived(data []byte) {
	if l.s.link != l {
		return
	}
	if err := l.in.add(data, l.told); err != nil {
		l.t.AbortConnection()
	}
}

// ConnectionLost comes also before somebody has said that the program is replaced: it may
// have ended.
func (l *link) ConnectionLost(error) {
	s := l.s
	if s.link != l {
		return
	}
	s.link, s.asking = nil, nil
	if s.leaving {
		s.editor.LoseConnection()
		return
	}
	s.turn.settle(s.relay)
	s.forsaken(l)
}

// ask passes on a request of the editor.
func (l *link) ask(m message) {
	l.send(waiting{request: m, set: l.s.note(m)}, m)
}

// own asks something for the session, which fails with it.
func (l *link) own(m message, then func(message)) {
	l.send(waiting{then: func(answer message) {
		if !answer.ok() {
			l.s.fail("Delve does not take the session over: " + m.Command + ": " + answer.Message)
			return
		}
		then(answer)
	}}, m)
}

func (l *link) send(w waiting, m message) {
	l.sent++
	l.waits[l.sent] = w
	m.Seq = l.sent
	l.t.Write(m.encode())
}

// told is a message of Delve.
func (l *link) told(m message) {
	switch {
	case l.s.link != l: // a message before this one has ended it
	case m.Type == "response":
		l.answered(m)
	case m.Type == "event":
		l.happened(m)
	}
}

func (l *link) answered(m message) {
	w, known := l.waits[m.RequestSeq]
	if !known {
		return
	}
	delete(l.waits, m.RequestSeq)
	if w.then != nil {
		w.then(m)
		return
	}
	if w.set != "" {
		m.Body, _ = l.s.numbers.answered(w.set, m.Body)
	}
	m.RequestSeq = w.request.Seq
	l.s.tell(m)
}

func (l *link) happened(m message) {
	s := l.s
	switch m.Event {
	case "initialized":
		if !l.ready {
			l.restore(s.order)
			return
		}
	case "capabilities", "output":
		if !l.ready {
			return // the editor has been told
		}
	case "terminated", "exited":
		if !s.leaving {
			return // of this program; the session goes on with the next
		}
	case "stopped":
		s.stands, s.thread = true, parse(m.Body).number("threadId")
		m.Body = s.numbers.hit(m.Body)
	case "continued":
		s.goesOn()
	case "breakpoint":
		m.Body = s.numbers.moved(m.Body)
	}
	s.tell(m)
}

// restore sets the breakpoints of sets, one after the other.
func (l *link) restore(sets []string) {
	s := l.s
	switch {
	case len(sets) > 0:
		l.send(waiting{then: func(m message) {
			_, list := s.numbers.answered(sets[0], m.Body)
			for _, b := range list {
				if b.number("id") != 0 {
					s.event("breakpoint", map[string]any{"reason": "changed", "breakpoint": b})
				}
			}
			l.restore(sets[1:])
		}}, s.sets[sets[0]])
	case s.configured:
		l.own(message{Type: "request", Command: "configurationDone"}, func(message) {
			s.say("a new program; the breakpoints are set in it")
			l.open()
		})
	default:
		l.open()
	}
}

// open lets the editor's requests through, those first that have waited.
func (l *link) open() {
	l.ready = true
	queue := l.s.queue
	l.s.queue = nil
	for _, m := range queue {
		l.ask(m)
	}
	l.s.turn.settle(l.s.relay)
}
