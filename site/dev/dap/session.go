package dap

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"spindle/reactor"
)

// session is one editor, through all programs.
type session struct {
	relay  *Relay
	editor reactor.Transport
	in     decoder
	sent   int   // number of the last message to the editor
	link   *link // to the Delve of now; nil between two
	asking *reactor.Deferred[reactor.Protocol]

	initialize *message           // as the editor has said it; nil before
	attach     *message           // likewise
	sets       map[string]message // what sets breakpoints, the last of each kind and source
	order      []string           // of their keys
	configured bool               // configurationDone was said
	numbers    numbers
	queue      []message // of the editor, for the Delve that is to come
	turn       turn

	stands  bool // the program stands, as far as the editor knows
	thread  int  // the one of which that was said
	leaving bool // the editor has said so
}

// link is the connection to one Delve.
type link struct {
	s     *session
	t     reactor.Transport
	in    decoder
	sent  int
	waits map[int]waiting // for an answer, by the number of the request
	ready bool            // the session is made; the editor's requests go through
}

// waiting is a request that Delve was sent.
type waiting struct {
	request message       // of the editor, with its number
	set     string        // the key of what it sets
	then    func(message) // in place of the editor, when it is our own
}

func (s *session) ConnectionMade(t reactor.Transport) {
	s.editor = t
	s.relay.join(s)
}

func (s *session) DataReceived(data []byte) {
	if err := s.in.add(data, s.asked); err != nil {
		s.editor.AbortConnection()
	}
}

func (s *session) ConnectionLost(error) {
	s.relay.leave(s)
	s.leaving = true
	s.unlink()
	s.turn.settle(s.relay)
}

// offered makes the session with the Delve that is there.
func (s *session) offered() {
	s.turn.open = true
	s.asking = s.relay.Connect(s.relay.addr, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol {
		return &link{s: s, waits: map[int]waiting{}}
	}))
	s.asking.Then(nil, func(err error) { s.fail("Delve does not answer: " + err.Error()) })
}

// unlink leaves the Delve.
func (s *session) unlink() (was *link) {
	was, s.link = s.link, nil
	switch {
	case was != nil:
		was.t.LoseConnection()
	case s.asking != nil:
		s.asking.Cancel()
	}
	s.asking = nil
	return was
}

// withdrawn has what waits for an answer asked again later, or answered.
func (s *session) withdrawn() {
	s.turn.settle(s.relay)
	s.forsaken(s.unlink())
}

// forsaken deals with what a Delve has left unanswered.
func (s *session) forsaken(was *link) {
	if s.stands {
		s.goesOn()
		s.event("continued", map[string]any{"threadId": s.thread, "allThreadsContinued": true})
	}
	if was == nil {
		return
	}
	var again []message
	for _, seq := range slices.Sorted(maps.Keys(was.waits)) {
		switch w := was.waits[seq]; {
		case w.then != nil:
		case s.takeBack(w):
			again = append(again, w.request)
		default:
			s.answer(w.request, false, "the program was replaced")
		}
	}
	s.queue = append(again, s.queue...)
}

// takeBack tells whether a request can be asked of the next Delve in place of this one. What
// it has made is forgotten then.
func (s *session) takeBack(w waiting) bool {
	switch w.request.Command {
	case "initialize":
		s.initialize = nil
	case "attach":
		s.attach = nil
	case "configurationDone":
		s.configured = false
	case "threads":
	default:
		return w.set != ""
	}
	return true
}

// fail ends the session, and says why.
func (s *session) fail(why string) {
	if s.leaving {
		return
	}
	s.say(why)
	s.event("terminated", nil)
	s.editor.LoseConnection()
}

// asked is a message of the editor.
func (s *session) asked(m message) {
	if m.Type != "request" {
		return // Delve asks nothing of an editor that attaches
	}
	if m.Command == "disconnect" || m.Command == "terminate" {
		s.leaving = true
		if s.link == nil {
			s.answer(m, true, "")
			s.editor.LoseConnection()
			return
		}
		s.link.ask(m)
		return
	}
	if s.link == nil || !s.link.ready {
		if len(s.queue) == mostQueued {
			s.answer(m, false, "there is no program yet")
			return
		}
		s.queue = append(s.queue, m)
		return
	}
	s.link.ask(m)
}

// mostQueued is how many requests wait for a Delve.
const mostQueued = 256

// note keeps what is to be said to the next Delve, too.
func (s *session) note(m message) (set string) {
	switch m.Command {
	case "initialize":
		s.initialize = &m
	case "attach":
		s.attach = &m
	case "configurationDone":
		s.configured = true
	case "continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue":
		s.goesOn()
	case "setInstructionBreakpoints": // of addresses, that are others in the next
	default:
		if set = setKey(m); set != "" {
			if s.sets == nil {
				s.sets = map[string]message{}
			}
			if _, known := s.sets[set]; !known {
				s.order = append(s.order, set)
			}
			s.sets[set] = m
		}
	}
	return set
}

// setKey names what a request sets: all breakpoints of one kind, or of a source. "" is a
// request that sets none.
func setKey(m message) string {
	if !strings.HasPrefix(m.Command, "set") || !strings.HasSuffix(m.Command, "Breakpoints") {
		return ""
	}
	var a struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
	}
	_ = json.Unmarshal(m.Arguments, &a)
	return m.Command + " " + a.Source.Path
}

func (s *session) goesOn() { s.stands = false }

// tell sends the editor a message with a number of this connection.
func (s *session) tell(m message) {
	s.sent++
	m.Seq = s.sent
	s.editor.Write(m.encode())
}

func (s *session) event(name string, body any) {
	m := message{Type: "event", Event: name}
	if body != nil {
		m.Body, _ = json.Marshal(body) // of strings, numbers and objects
	}
	s.tell(m)
}

// say writes to the editor's console.
func (s *session) say(text string) {
	s.event("output", map[string]string{"category": "console", "output": "spindle dev: " + text + "\n"})
}

func (s *session) answer(request message, ok bool, why string) {
	s.tell(message{Type: "response", RequestSeq: request.Seq, Command: request.Command, Success: &ok, Message: why})
}
