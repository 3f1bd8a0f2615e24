package gateway

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"spindle/protocol/cgi"
	"spindle/reactor"
	"spindle/resource"
)

// exchange is one request for an application: the resource that the walk ends at.
type exchange struct {
	resource.Leaf
	app    *Application
	script *Script

	r       *resource.Request
	head    []byte // what it begins with on the wire
	content Content
	answer  Answer
	errors  Lines

	turn       *Turn
	tried      []*Backend // those that can not be asked any more
	backend    *Backend
	connecting *reactor.Deferred[reactor.Protocol]
	refused    error // why the last one could not be
	conn       *conn // nil before, and when it is done
	headOnly   bool  // nothing but the head was written on conn
	again      bool  // it was sent twice
	over       bool

	last time.Time // of progress
}

// HeadReceived has the content come as a stream. See resource.HeadReceiver.
func (x *exchange) HeadReceived(r *resource.Request) error {
	x.content.Receive(r, x.app.MaxBodyBytes)
	x.content.Progress = x.heard
	return nil
}

// Render sends the request on.
func (x *exchange) Render(r *resource.Request) ([]byte, error) {
	x.r = r
	x.answer = Answer{R: r, Source: x, Files: x.app.Sendfile}
	x.errors.Line = func(line string) {
		x.app.log().Warn(x.app.wire.Name()+": "+line, "request", r.Target())
	}
	var env cgi.Env
	options := Options{Authorization: true, Length: x.app.wire.NeedsLength(), Variables: x.app.Variables}
	if err := AddRequest(&env, r, x.script, x.content.Length(), &options); err != nil {
		return nil, err
	}
	x.head = x.app.wire.Head(&env, x.app.keeps())
	x.content.Hold()
	r.NotifyFinish(x.finished)
	turn, err := x.app.pool.queue.Enter(r.Loop(), func() { x.app.pool.send(x, false) }, x.fail)
	if err != nil {
		return nil, err
	}
	if x.turn = turn; x.over {
		turn.Leave()
	}
	return nil, resource.NotDoneYet
}

// at counts x as one of b's.
func (x *exchange) at(b *Backend) {
	if x.backend != nil {
		x.backend.Active--
	}
	x.backend = b
	b.Active++
}

// begin is called when x is sent on c.
func (x *exchange) begin(c *conn) {
	x.conn = c
	x.last = x.r.Now()
	c.listen(Limit(x.app.ReadTimeout, 60*time.Second))
}

// heard notes that something goes on.
func (x *exchange) heard() {
	if x.r != nil {
		x.last = x.r.Now()
	}
}

// patience is how much is left of the time that nothing may go on. While the client takes
// nothing, or the content is still to come from it, it is not the application's turn. When
// nothing is left the request is answered.
func (x *exchange) patience(most time.Duration) (left time.Duration) {
	now := x.r.Now()
	waits := x.answer.Paused() || !x.content.Whole() && x.conn != nil && x.conn.t.Buffered() == 0
	if waits {
		x.last = now
	}
	if left = most - now.Sub(x.last); left <= 0 {
		x.fail(&resource.Error{Status: 504, Err: fmt.Errorf("gateway: backend %s has said nothing for %v", x.backend, most)})
	}
	return left
}

// ended is called when the backend has ended the request.
func (x *exchange) ended(e *End) {
	x.conn = nil
	x.errors.End()
	if e.AppStatus != 0 {
		x.app.log().Warn(x.app.wire.Name()+": the application ended with a status that is not 0", "request", x.r.Target(), "status", e.AppStatus)
	}
	switch {
	case e.Err == nil:
		x.answer.End()
	case e.Busy:
		x.fail(&resource.Error{Status: 503, Err: fmt.Errorf("gateway: backend %s: %w", x.backend, e.Err)})
	default:
		x.fail(&resource.Error{Status: 502, Err: fmt.Errorf("gateway: backend %s: %w", x.backend, e.Err)})
	}
	x.leave()
}

// broken is called when the backend can not be understood.
func (x *exchange) broken(err error) {
	x.conn = nil
	x.errors.End()
	x.fail(&resource.Error{Status: 502, Err: fmt.Errorf("gateway: backend %s: %w", x.backend, err)})
	x.leave()
}

// lost is called when the backend has closed the connection too soon. If the connection
// was a kept one, it may have been closed before the request came; then it is sent again,
// if it may be sent twice or surely was not sent once.
func (x *exchange) lost(c *conn, reason error) {
	x.conn = nil
	unsent := x.headOnly && errors.Is(reason, syscall.EPIPE)
	x.headOnly = false
	if c.served > 0 && !x.again && !x.answer.Begun() && (unsent || x.repeatable()) && !x.over {
		x.again = true
		x.tried = nil
		x.app.pool.send(x, true)
		return
	}
	x.errors.End()
	err := fmt.Errorf("gateway: backend %s closed the connection before the answer was whole: %w", x.backend, reason)
	x.fail(&resource.Error{Status: 502, Err: err})
	x.leave()
}

// repeatable tells whether the request may be sent twice (RFC 9110 §9.2.2), and can be.
func (x *exchange) repeatable() bool {
	switch x.r.Method() {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return x.content.Untouched()
	}
	return false
}

// fail answers with an error, if there is no answer yet.
func (x *exchange) fail(err error) {
	x.answer.Fail(err)
	x.finished(nil)
}

// finished is called when the exchange is over, whatever became of it: what is still
// under way is given up, unless the application has only left the answer to others.
func (x *exchange) finished(err error) {
	if x.over && x.conn == nil {
		return
	}
	x.over = true
	if x.connecting != nil {
		x.connecting.Cancel()
	}
	if c := x.conn; c != nil && (err != nil || !x.answer.Left()) {
		x.conn = nil
		x.content.Drop()
		c.abort()
	}
	if x.conn == nil {
		x.leave()
	}
}

// leave gives back what x had of the pool's.
func (x *exchange) leave() {
	x.over = true
	x.content.Drop()
	if x.backend != nil {
		x.backend.Active--
		x.backend = nil
	}
	x.turn.Leave()
}

// PauseReading stops the backend. See Source.
func (x *exchange) PauseReading() {
	if x.conn != nil {
		x.conn.t.PauseReading()
	}
}

// ResumeReading lets it go on.
func (x *exchange) ResumeReading() {
	x.heard()
	if x.conn != nil {
		x.conn.t.ResumeReading()
	}
}

// Unwanted gives the request up. See Source.
func (x *exchange) Unwanted() { x.finished(reactor.ErrAborted) }

var (
	_ resource.HeadReceiver = (*exchange)(nil)
	_ resource.Renderer     = (*exchange)(nil)
	_ Source                = (*exchange)(nil)
)
