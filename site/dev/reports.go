package dev

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"spindle/protocol"
	"spindle/protocol/postmortem"
)

// This file takes what programs report of their panics: see postmortem, which is the other
// side.

// reports is the socket. Each conversation is a goroutine's work.
type reports struct {
	s    *Supervisor
	path string
	l    *net.UnixListener

	mu   sync.Mutex
	busy map[int]int // conversations with a process, by its number
}

const (
	mostReportBytes = 4 << 20
	mostAtOnce      = 16 // conversations; further programs wait
	reportPatience  = 30 * time.Second
)

// newReports opens the socket below the private directory.
func newReports(s *Supervisor) (*reports, error) {
	path := filepath.Join(s.base, "report")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	p := &reports{s: s, path: path, l: l, busy: map[int]int{}}
	go p.accept()
	return p, nil
}

func (p *reports) close() { _ = p.l.Close() }

func (p *reports) accept() {
	room := make(chan struct{}, mostAtOnce)
	for c := nextOf(p.l); c != nil; c = nextOf(p.l) {
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			defer c.Close()
			p.hear(c)
		}()
	}
}

// speaks notes that a process tells of a panic, until it has.
func (p *reports) speaks(pid int) (end func()) {
	add := func(n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.busy[pid] += n; p.busy[pid] == 0 {
			delete(p.busy, pid)
		}
	}
	add(1)
	return func() { add(-1) }
}

// speaking tells whether a process does. Any goroutine.
func (p *reports) speaking(pid int) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy[pid] > 0
}

// clock is the time at this moment: zero where the loop has none, as in a test.
func (p *reports) clock() time.Time {
	if r, ok := p.s.loop.(interface{ ReadClock() time.Time }); ok {
		return r.ReadClock()
	}
	return time.Time{}
}

// hear is one conversation. A program has its own limits of time, which are shorter. What
// panics here ends the conversation: the program answers with a page of its own.
func (p *reports) hear(c *net.UnixConn) {
	t := &Ticket{}
	defer func() {
		if v := recover(); v != nil {
			slog.Error("dev: panic while the page of a panic was made", "ticket", t.ID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	if now := p.clock(); !now.IsZero() {
		_ = c.SetDeadline(now.Add(reportPatience))
	}
	in := bufio.NewReader(io.LimitReader(c, mostReportBytes))
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	goroutine, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return
	}
	defer p.speaks(peerPID(c))()
	var why error
	if goroutine > 0 {
		began := p.clock()
		t.moment, why = p.capture(peerPID(c), goroutine)
		t.Stood = p.clock().Sub(began)
	}
	if _, err := io.WriteString(c, postmortem.Seen); err != nil {
		return
	}
	said := json.NewDecoder(in)
	if err := said.Decode(&t.Report); err != nil {
		return
	}
	t.Report.PID, t.until = peerPID(c), p.clock()
	t.Report.Stack = withoutWitness(t.Report.Stack)
	var coloured chan struct{}
	if x := t.Report.Exchange; x != nil && formOf(x.Accept) == asHTML {
		coloured = p.s.colourAhead(framesOfStack(t.Report.Stack)) // while the helper reads
	}
	t.fill(why)
	if t.Report.Fatal && t.moment == nil {
		return // the page of its end says as much
	}
	if t.Report.Recovered && !t.learn(c, said) {
		return
	}
	v := p.keep(t)
	if v == nil {
		return
	}
	answer := postmortem.Answer{Ticket: t.ID}
	if p.mayBeShown(t, v) {
		if coloured != nil {
			<-coloured
		}
		var page string
		answer.Type, page = v.form(acceptOf(t))
		answer.Page = []byte(page)
	}
	_ = json.NewEncoder(c).Encode(answer)
}

// learn has the program say what was recovered, and tells it where that is.
func (t *Ticket) learn(c io.Writer, said *json.Decoder) bool {
	var at postmortem.Place
	if t.moment != nil {
		at = t.moment.Panicked()
	}
	if err := json.NewEncoder(c).Encode(at); err != nil {
		return false
	}
	return said.Decode(&t.Report.Causes) == nil
}

func acceptOf(t *Ticket) string {
	if t.Report.Exchange == nil {
		return ""
	}
	return t.Report.Exchange.Accept
}

// mayBeShown tells whether the page may answer the request itself: it was made under a
// name that is ours. Variables are nothing for a page elsewhere whose name leads here, nor
// for somebody elsewhere: what goes through this process is looked at there (onlyTicket),
// since the program sees this process alone, unless somebody has found the port of its own.
func (p *reports) mayBeShown(t *Ticket, v *ticketView) bool {
	x := t.Report.Exchange
	return x != nil && v.trusted && x.PeerWasHere() && (p.s.opts.Direct == nil || x.WasHere())
}

// capture copies the memory of the program.
func (p *reports) capture(pid int, goroutine int64) (Moment, error) {
	if p.s.opts.Inspect == nil {
		return nil, errors.New(cmp.Or(p.s.opts.NotInspected, "they are not looked at"))
	}
	if pid == 0 {
		return nil, errors.New("it is not known which process this was")
	}
	return p.s.opts.Inspect.Capture(pid, goroutine)
}

// keep puts the ticket where it can be looked up, and gives how it is shown; nil when the
// reactor has stopped, or something has panicked there.
func (p *reports) keep(t *Ticket) *ticketView {
	got := make(chan *ticketView, 1)
	s := p.s
	s.loop.CallFromThread(func() {
		defer close(got)
		if s.closing {
			return
		}
		t.judge(s.roots()...)
		s.printed.name(t, s.loop.Now())
		s.tickets.add(t, s.loop.Now())
		s.addLines(t)
		if t.Report.Fatal {
			s.befell(t)
		}
		s.freeSoon()
		v := s.ticketView(t)
		if x := t.Report.Exchange; x != nil {
			v.trusted = s.isOurName(x.Host)
		}
		s.tell(Event{Kind: EventTicket, Name: t.ID, Text: t.Title(), PID: t.Report.PID})
		got <- v
	})
	return <-got
}

// The forms of a page.
const (
	asText = iota
	asHTML
	asJSON
)

// formOf is the form that a client likes best.
func formOf(accept string) int {
	return protocol.BestMedia([]byte(accept), "text/plain", "text/html", "application/json")
}

// form is the page in that form.
func (v *ticketView) form(accept string) (kind, page string) {
	switch formOf(accept) {
	case asHTML:
		return "text/html; charset=utf-8", v.page()
	case asJSON:
		return "application/json", v.json()
	}
	return "text/plain; charset=utf-8", v.text()
}
