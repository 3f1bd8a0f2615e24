package wsgi

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"spindle/reactor"
)

// This file asks a worker of exceptions that it keeps.

// ConsoleAnswer is what an entry has given.
type ConsoleAnswer struct {
	Output string              `json:"output"` // that it printed
	Value  *ExceptionVariable  `json:"value"`  // of its last expression; nil when that is None
	Error  string              `json:"error"`  // traceback, or why there is nothing
	More   bool                `json:"more"`   // the entry is not complete
	Parts  []ExceptionVariable `json:"parts"`  // that were asked for
	Left   int64               `json:"left"`   // parts behind them

	opened []byte // of OpenConsole
}

// ErrWorkerGone tells that the process which had an exception has ended.
var ErrWorkerGone = errors.New("wsgi: the worker that had this frame is gone")

const (
	entryTimeout = 10 * time.Second // beyond it an entry is interrupted
	askTimeout   = 20 * time.Second // for an answer
)

// question is what is asked.
type question struct {
	N      int     `json:"n"`
	Within float64 `json:"within"` // seconds
	Kept   int     `json:"kept"`
	Do     string  `json:"do"`
	Frame  int     `json:"frame"`
	Source string  `json:"source"`
	Ref    int     `json:"ref"`
	From   int     `json:"from"`
}

// console is the connection to the console of a worker. Loop only.
type console struct {
	app     *App
	t       reactor.Transport
	decoder decoder
	asked   int
	waiting map[int]*reactor.Deferred[ConsoleAnswer]
	closed  bool
}

func newConsole(a *App) *console {
	return &console{app: a, waiting: map[int]*reactor.Deferred[ConsoleAnswer]{}}
}

// ConnectionMade is the first call. See reactor.Protocol.
func (c *console) ConnectionMade(t reactor.Transport) { c.t = t }

// ask sends a question.
func (c *console) ask(q question) *reactor.Deferred[ConsoleAnswer] {
	if c == nil || c.closed || c.t == nil {
		return reactor.Failed[ConsoleAnswer](ErrWorkerGone)
	}
	c.asked++
	q.N, q.Within = c.asked, or(c.app.entryTimeout, entryTimeout).Seconds()
	payload, err := json.Marshal(q)
	if err != nil {
		return reactor.Failed[ConsoleAnswer](err)
	}
	d := reactor.NewDeferred[ConsoleAnswer]().OnCancel(func() { delete(c.waiting, q.N) })
	c.waiting[q.N] = d
	c.t.Write(append(appendHeader(nil, frameAsk, len(payload)), payload...))
	return d.Timeout(c.app.loop, askTimeout)
}

// OpenConsole gives what a console works with that belongs to no exception: one frame, which has
// the names of the application's module in a worker that runs. Only a worker of a development
// server has it. Loop only.
func (a *App) OpenConsole() *reactor.Deferred[*Exception] {
	for _, s := range a.slots {
		w := s.current
		if w == nil || !w.loaded || w.console == nil {
			continue
		}
		return reactor.Map(w.console.ask(question{Do: "open", Source: a.Target}), func(answer ConsoleAnswer) (*Exception, error) {
			if answer.opened == nil {
				return nil, errors.New("wsgi: " + answer.Error)
			}
			e := exceptionOf(append([]byte{0}, answer.opened...))
			e.console, e.PID = w.console, w.process.Pid()
			return e, nil
		})
	}
	return reactor.Failed[*Exception](ErrWorkerGone)
}

// DataReceived takes answers. See reactor.Protocol.
func (c *console) DataReceived(data []byte) {
	if c.closed {
		return
	}
	if err := c.decoder.feed(data, c); err != nil {
		c.close()
	}
}

// piece is of no use here.
func (c *console) piece([]byte) {}

// frame takes an answer.
func (c *console) frame(kind byte, payload []byte) error {
	var a struct {
		ConsoleAnswer
		N    int    `json:"n"`
		Gone string `json:"gone"`

		Opened json.RawMessage `json:"opened"`
	}
	if kind != frameTell {
		return fmt.Errorf("wsgi: a console sends a frame %q", kind)
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return err
	}
	d := c.waiting[a.N]
	if d == nil {
		return nil
	}
	delete(c.waiting, a.N)
	if a.Gone != "" {
		d.Errback(errors.New("wsgi: " + a.Gone))
	} else {
		a.opened = a.Opened
		d.Callback(a.ConsoleAnswer)
	}
	return nil
}

// close ends it: what was asked is answered by nobody.
func (c *console) close() {
	if c.closed {
		return
	}
	c.closed = true
	if c.t != nil {
		c.t.AbortConnection()
	}
	for n, d := range c.waiting {
		delete(c.waiting, n)
		d.Errback(ErrWorkerGone)
	}
}

// ConnectionLost is the last call. See reactor.Protocol.
func (c *console) ConnectionLost(error) { c.close() }

var _ sink = (*console)(nil)
