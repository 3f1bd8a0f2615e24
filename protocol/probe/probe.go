package probe

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// This file is the line to the development server: what is said over it, in order, by one
// goroutine, and what is heard, by another.

// Variable names the socket of the development server in the environment.
const Variable = "SPINDLE_DEV_PROBE"

const (
	mostQueued = 4 << 20 // bytes that may wait; what comes then is dropped
	mostLine   = 64 << 10
	gather     = 2 * time.Millisecond // so that a busy program writes seldom
	tellEvery  = time.Second
)

var socket = os.Getenv(Variable)

// Wanted tells whether there is a development server that looks. Any goroutine.
func Wanted() bool { return socket != "" }

// Handler answers a question: what it gives is sent as JSON. It is called on a goroutine of
// its own.
type Handler func(arg string) (any, error)

// probe is all of it. There is one for a process.
type probe struct {
	key     atomic.Pointer[string] // of marks; nil before the welcome
	watched atomic.Bool

	mu       sync.Mutex
	c        net.Conn // nil before Start, and when nobody hears any more
	started  bool
	out      []byte
	wake     chan struct{} // of one
	handlers map[string]Handler
	figures  map[string]func() any
	onWatch  []func(on bool)
	stop     chan struct{} // of the goroutine that tells figures; nil while nobody looks
}

var the = newProbe()

func newProbe() *probe {
	return &probe{wake: make(chan struct{}, 1), handlers: map[string]Handler{}, figures: map[string]func() any{}}
}

// Hello is the first that a program says.
type Hello struct {
	PID     int    `json:"pid"`
	Kind    string `json:"kind"` // what it is made with: "spindle", "net/http"
	Go      string `json:"go"`
	Loops   int    `json:"loops,omitempty"`
	Procs   int    `json:"procs"` // GOMAXPROCS
	Started int64  `json:"started"`
}

// Start connects the program, which is of a kind, to the development server; further calls
// do nothing. It does not wait. Any goroutine.
func Start(kind string) {
	p := the
	p.mu.Lock()
	defer p.mu.Unlock()
	if !Wanted() || p.started {
		return
	}
	p.started = true
	p.standard()
	go p.run(socket, kind)
}

// run connects, and hears until the other side has ended.
func (p *probe) run(socket, kind string) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.c = c
	p.mu.Unlock()
	p.tell("hello", "", hello(kind))
	go p.write(c)
	p.hear(c)
	p.mu.Lock()
	p.c, p.out = nil, nil
	p.mu.Unlock()
	p.key.Store(nil)
	p.watch(false)
	_ = c.Close()
	p.signal()
}

// Tell sends v as JSON, under a kind and a key ("" for none). It does not wait. Any
// goroutine.
func Tell(kind, key string, v any) { the.tell(kind, key, v) }

func (p *probe) tell(kind, key string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	if key == "" {
		key = "-"
	}
	p.mu.Lock()
	if p.c != nil && len(p.out)+len(data) < mostQueued {
		p.out = append(append(append(append(append(append(p.out, kind...), ' '), key...), ' '), data...), '\n')
	}
	p.mu.Unlock()
	p.signal()
}

func (p *probe) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// write is a goroutine's work.
func (p *probe) write(c net.Conn) {
	pause := time.NewTimer(gather)
	defer pause.Stop()
	var spare []byte
	for range p.wake {
		p.mu.Lock()
		out, open := p.out, p.c == c
		p.out = spare[:0]
		p.mu.Unlock()
		if !open {
			return
		}
		spare = out
		if len(out) == 0 {
			continue
		}
		if _, err := c.Write(out); err != nil {
			return
		}
		pause.Reset(gather)
		<-pause.C
	}
}

// hear takes what the development server says.
func (p *probe) hear(c net.Conn) {
	in := bufio.NewScanner(c)
	in.Buffer(nil, mostLine)
	for in.Scan() {
		kind, rest, _ := strings.Cut(in.Text(), " ")
		key, text, _ := strings.Cut(rest, " ")
		switch kind {
		case "welcome":
			p.key.Store(&text)
		case "watch":
			p.watch(text == "on")
		case "ask":
			go p.answer(key, text)
		}
	}
}

// Key is what marks the requests that the development server has passed on, "" while there
// is none. Any goroutine.
func Key() string {
	if k := the.key.Load(); k != nil {
		return *k
	}
	return ""
}

// Watched tells whether somebody looks at the figures. Any goroutine.
func Watched() bool { return the.watched.Load() }

// Handle has f answer what is asked under name. Any goroutine.
func Handle(name string, f Handler) {
	the.mu.Lock()
	defer the.mu.Unlock()
	the.handlers[name] = f
}

// Figures has f asked for figures each second, while somebody looks; they are sent under
// name. nil says nothing this time. It is called on a goroutine of the probe's. Any
// goroutine.
func Figures(name string, f func() any) {
	the.mu.Lock()
	defer the.mu.Unlock()
	the.figures[name] = f
}

// OnWatch has f called when somebody begins to look at the figures, and when nobody does any
// more; at once if somebody does. Any goroutine.
func OnWatch(f func(on bool)) {
	the.mu.Lock()
	the.onWatch = append(the.onWatch, f)
	the.mu.Unlock()
	if Watched() {
		f(true)
	}
}

// answer is what is said to a question.
type answer struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

// answer answers one question. A handler that panics has not answered.
func (p *probe) answer(key, text string) {
	name, arg, _ := strings.Cut(text, " ")
	p.mu.Lock()
	f := p.handlers[name]
	p.mu.Unlock()
	a := answer{Error: "the program does not know of " + name}
	func() {
		defer func() {
			if v := recover(); v != nil {
				a = answer{Error: "the question made the program panic"}
			}
		}()
		if f != nil {
			v, err := f(arg)
			if a = (answer{Value: v}); err != nil {
				a = answer{Error: err.Error()}
			}
		}
	}()
	p.tell("answer", key, a)
}

// watch begins or ends to tell figures.
func (p *probe) watch(on bool) {
	if p.watched.Swap(on) == on {
		return
	}
	p.mu.Lock()
	told := p.onWatch
	if on {
		p.stop = make(chan struct{})
		go p.tellFigures(p.stop)
	} else {
		close(p.stop)
	}
	p.mu.Unlock()
	for _, f := range told {
		f(on)
	}
}

// tellFigures is a goroutine's work.
func (p *probe) tellFigures(stop chan struct{}) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		p.tellFiguresOnce()
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func (p *probe) tellFiguresOnce() {
	p.mu.Lock()
	list := make(map[string]func() any, len(p.figures))
	for name, f := range p.figures {
		list[name] = f
	}
	p.mu.Unlock()
	all := map[string]any{}
	for name, f := range list {
		if v := f(); v != nil {
			all[name] = v
		}
	}
	p.tell("figures", "", all)
}
