package agent

import (
	"spindle/protocol"
	"spindle/reactor"
)

// This file is what comes back.

// Response is an answer whose head has come. Its content waits until somebody takes it, by
// Deliver or ReadBody, or gives it up, by Abort: until then it has a connection for itself. Loop
// only.
type Response struct {
	Status  int
	Version protocol.Version
	Fields  protocol.Fields
	// ContentLength is -1 when it is not known beforehand.
	ContentLength int64
	// URL is the one that answered, after redirects.
	URL string

	x         *asking
	data      func(p []byte)
	end       func(trailers protocol.Fields, err error)
	pump      *pump // decodes the content; nil when it is not coded
	delivered bool
	done      bool
	ended     bool // end was called
	trailers  protocol.Fields
	err       error
}

// Deliver has the content given to data as it comes, and its end to end: err is nil when it
// was whole. p is valid until data returns. Neither is called from inside Deliver. A second
// call does nothing.
func (r *Response) Deliver(data func(p []byte), end func(trailers protocol.Fields, err error)) {
	if r.delivered {
		return
	}
	r.delivered = true
	r.data, r.end = data, end
	switch {
	case r.done && r.pump == nil:
		r.x.a.Pool.loop.CallLater(0, r.tellEnd)
	default:
		r.Resume()
	}
}

// ReadBody gives the content whole. It fails when that is longer than limit bytes
// (ErrTooLong), or cut. Cancel gives up.
func (r *Response) ReadBody(limit int64) *reactor.Deferred[[]byte] {
	d := reactor.NewDeferred[[]byte]()
	d.OnCancel(r.Abort)
	var body []byte
	if n := r.ContentLength; n > 0 && n <= limit && n <= 1<<20 {
		body = make([]byte, 0, n)
	}
	r.Deliver(func(p []byte) {
		if int64(len(body)+len(p)) > limit {
			if !d.Settled() {
				d.Errback(ErrTooLong)
			}
			r.Abort()
			return
		}
		body = append(body, p...)
	}, func(_ protocol.Fields, err error) {
		switch {
		case d.Settled():
		case err != nil:
			d.Errback(err)
		default:
			d.Callback(body)
		}
	})
	return d
}

// Pause stops the content coming in: the server has to wait.
func (r *Response) Pause() {
	switch {
	case r.pump != nil:
		r.pump.pause(true)
	case !r.x.over:
		r.x.ch.PauseBody()
	}
}

// Resume starts it again.
func (r *Response) Resume() {
	if r.pump != nil {
		r.pump.pause(false)
	}
	if !r.x.over {
		r.x.ch.ResumeBody()
	}
}

// Abort gives the content up. Who takes it is told no more of it.
func (r *Response) Abort() {
	r.delivered, r.ended = true, true
	if r.pump != nil {
		r.pump.close()
	}
	if !r.x.over {
		r.x.end()
		r.x.call.Abort(nil)
	}
}

// received takes content off the wire.
func (r *Response) received(p []byte) {
	switch {
	case r.ended:
	case r.pump != nil:
		r.pump.feed(p)
	case r.data != nil:
		r.data(p)
	}
}

// finished takes the end of it.
func (r *Response) finished(trailers protocol.Fields, err error) {
	r.done, r.trailers, r.err = true, trailers, err
	if r.pump != nil {
		r.pump.end(err)
		return
	}
	if r.delivered {
		r.tellEnd()
	}
}

func (r *Response) tellEnd() {
	if !r.ended {
		r.ended = true
		r.end(r.trailers, r.err)
	}
}
