package postmortem

import (
	"bufio"
	"encoding/json"
	"iter"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

// This file is the side of the program: the wait of the goroutine that has panicked, and
// the goroutine that reports.

// Variable names the socket of the development server in the environment.
const Variable = "SPINDLE_DEV_REPORT"

// How long a goroutine waits for the development server.
const (
	waitSeen = 2 * time.Second  // until the memory is copied; usually 5 ms
	waitPage = 10 * time.Second // from then on, for the page, while the goroutine goes on
)

const (
	stackBytes = 64 << 10
	pageBytes  = 8 << 20 // of an answer at most
)

var socket = os.Getenv(Variable)

// Wanted tells whether somebody takes reports. Any goroutine.
func Wanted() bool { return socket != "" }

// GrowStack makes the stack of the calling goroutine so large that it need not be moved
// while a panic is looked at. Any goroutine, once.
//
//go:noinline
func GrowStack() byte {
	var room [stackBytes]byte
	for i := 0; i < len(room); i += 1 << 10 {
		room[i] = byte(i >> 10)
	}
	return room[len(room)>>1]
}

// Answer is what the development server makes of a report.
type Answer struct {
	Ticket string `json:"ticket"` // under which it keeps it
	Type   string `json:"type"`   // Content-Type of Page
	Page   []byte `json:"page"`
}

// OfPanic reports a panic with value v. It is called by the deferred function that has
// recovered, on the goroutine of the panic, which waits while the memory is copied: a few
// milliseconds, 2 s at most. exchange, which may be nil, describes the exchange; it is
// called on the same goroutine. nil means that there is nobody to see it. Of what is not seen
// in time the page is a plain one.
func OfPanic(v any, exchange func() *Exchange) *Pending {
	r := reportHere()
	var l *looked
	var there bool
	park(func() { l, there = ask(r.Goroutine) })
	switch {
	case l != nil:
		return l.tell(r, v, exchange)
	case there:
		return r.alone(func() { r.describe(v) }, exchange)
	}
	return nil
}

// alone is the page of who is not seen: describe tells of the value.
func (r *Report) alone(describe func(), exchange func() *Exchange) (p *Pending) {
	defer func() { _ = recover() }() // of a value that panics when it is printed
	if r.Exchange == nil {
		r.surround(exchange)
	}
	describe()
	return r.fallback()
}

// OfRecovered is OfPanic for a panic that somebody else has recovered from: it is called by
// the deferred function that has, or by what that calls. What was recovered, the
// development server finds in the copy; the goroutine waits for that too, 10 s at most, since
// the value lives only as long as the function has not returned.
func OfRecovered(exchange func() *Exchange) *Pending {
	r := reportHere()
	r.Recovered = true
	var l *looked
	var there bool
	park(func() {
		if l, there = ask(r.Goroutine); l != nil && !l.learn(r, exchange) {
			_ = l.c.Close()
			l = nil
		}
	})
	switch {
	case l != nil:
		return l.await(r.Causes, r)
	case there:
		return r.alone(func() { r.Causes = unknown() }, exchange)
	}
	return nil
}

// reportHere is a report of a panic of this goroutine.
func reportHere() *Report {
	stack := make([]byte, stackBytes)
	stack = stack[:runtime.Stack(stack, false)]
	return &Report{PID: os.Getpid(), Panic: true, Goroutine: goroutineOf(stack), Stack: string(stack)}
}

// OfError reports an error that becomes an answer of 500. There are no frames of it, and
// nothing that it waits for.
func OfError(err error, exchange func() *Exchange) *Pending {
	l, _ := ask(0)
	if l == nil {
		return nil
	}
	return l.tell(&Report{PID: os.Getpid()}, err, exchange)
}

// looked is a conversation with the development server that has seen the goroutine.
type looked struct {
	c  net.Conn
	in *bufio.Reader
}

// park calls f while this goroutine is parked: in a coroutine, which begins when the frames
// are saved where the copy is looked at, and not a moment before.
func park(f func()) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		f()
		yield(struct{}{})
	})
	defer stop()
	next()
}

// ask has the development server copy the memory; l is nil when it does not. there tells
// whether there is one.
func ask(goroutine int64) (l *looked, there bool) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil, false
	}
	limit := time.AfterFunc(waitSeen, func() { _ = c.Close() })
	l = &looked{c: c, in: bufio.NewReaderSize(c, 4<<10)}
	if _, err = c.Write([]byte(strconv.FormatInt(goroutine, 10) + "\n")); err == nil {
		var answer string
		if answer, err = l.in.ReadString('\n'); err == nil && answer == Seen && limit.Stop() {
			return l, true
		}
	}
	_ = c.Close()
	return nil, true
}

// Pending is a page that is being made.
type Pending struct {
	done chan struct{}
	a    *Answer
}

// Wait is the page: nil when there will be none. It waits for at most 10 s: not on the loop. Of
// a panic it is a plain one when that has passed.
// Any goroutine, also where p is nil.
func (p *Pending) Wait() *Answer {
	if p == nil {
		return nil
	}
	<-p.done
	return p.a
}

// tell says the rest. A value that panics when it is printed must not end the program.
func (l *looked) tell(r *Report, v any, exchange func() *Exchange) (p *Pending) {
	defer func() {
		if recover() != nil {
			_ = l.c.Close()
			p = nil
		}
	}()
	r.describe(v)
	r.surround(exchange)
	return l.await(r, r)
}

// learn tells what there is to tell of a value that is not known, and is told where it is.
// It is the coroutine of the goroutine that has it.
func (l *looked) learn(r *Report, exchange func() *Exchange) (ok bool) {
	defer func() {
		if recover() != nil { // of a value that panics when it is printed
			ok = false
		}
	}()
	limit := time.AfterFunc(waitPage, func() { _ = l.c.Close() })
	defer limit.Stop()
	r.surround(exchange)
	if err := json.NewEncoder(l.c).Encode(r); err != nil {
		return false
	}
	line, err := l.in.ReadBytes('\n')
	if err != nil {
		return false
	}
	var at Place
	if err := json.Unmarshal(line, &at); err != nil {
		return false
	}
	if at == (Place{}) {
		r.Causes = unknown()
	} else {
		r.describe(at.value())
	}
	return true
}

// unknown is the causes of what is not known.
func unknown() []Cause { return []Cause{{Type: "panic", Text: NotKnown}} }

// await sends what is left to say of r, and does not wait for the page.
func (l *looked) await(rest any, r *Report) *Pending {
	p := &Pending{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		limit := time.AfterFunc(waitPage, func() { _ = l.c.Close() })
		defer limit.Stop()
		defer l.c.Close()
		if err := json.NewEncoder(l.c).Encode(rest); err == nil {
			p.a = readAnswer(l.in)
		}
		if p.a == nil && r.Panic {
			p.a = r.plain()
		}
	}()
	return p
}

// NotKnown is said of a panic whose value is not known.
const NotKnown = "a panic whose value is not known"

// Place is where the value of a panic is: the words of an interface, as the development
// server has read them of the goroutine that still holds it. It is zero where it is not known.
type Place struct {
	Type uintptr `json:"type"`
	Data uintptr `json:"data"`
}

// value is what is there.
func (p Place) value() any { return *(*any)(unsafe.Pointer(&p)) }

// Seen is the line that lets the program go on to wait for the page.
const Seen = "seen\n"

// goroutineOf is the number in the first line of a stack: "goroutine 7 [running]:".
func goroutineOf(stack []byte) int64 {
	const word = "goroutine "
	if len(stack) < len(word) {
		return 0
	}
	rest := stack[len(word):]
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	id, err := strconv.ParseInt(string(rest[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return id
}
