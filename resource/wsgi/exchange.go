package wsgi

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file is one request at a worker: its content on the way there, and the answer on
// the way back. The fields of the answer are in head.go.

// exchange is one request. It is the producer of its link, for the content.
type exchange struct {
	app  *App
	r    *resource.Request
	link *link // nil while it waits for one, and after the end

	hasContent bool
	ended      bool   // the content has
	early      []byte // of it, come before there was a link
	paused     bool   // by us, while there is none

	deadline time.Time // while it waits

	headSent bool
	sending  bool // a file is on its way; its done ends the answer
	answered bool // the worker has given all
}

// content takes a piece of the request's content.
func (x *exchange) content(p []byte) {
	switch {
	case x.link != nil:
		x.link.sendContent(p)
	case !x.answered:
		x.early = append(x.early, p...)
		x.pause()
	}
}

// pause holds the content back until there is a link.
func (x *exchange) pause() {
	if !x.paused {
		x.paused = true
		x.r.PauseBody()
	}
}

// contentEnd takes the end of it. One that is cut ends the request.
func (x *exchange) contentEnd(err error) {
	switch {
	case err != nil:
		x.finished(err)
	case !x.ended:
		x.ended = true
		if x.link != nil {
			x.link.endContent()
		}
	}
}

// finished is told when the request is over before its answer is: the client has left, or
// another has answered it. A worker that works on it is told by the end of its link.
func (x *exchange) finished(error) {
	if l := x.link; l != nil && !x.answered {
		l.abandon()
	}
}

// PauseProducing holds the content back: the application does not take it.
func (x *exchange) PauseProducing() { x.r.PauseBody() }

// ResumeProducing lets it come again.
func (x *exchange) ResumeProducing() { x.r.ResumeBody() }

// StopProducing does nothing: the link tells of its end itself.
func (x *exchange) StopProducing() {}

// flow is the producer of the client's connection, for the answer.
type flow struct{ x *exchange }

// PauseProducing stops reading the link: the client does not take the answer.
func (f flow) PauseProducing() {
	if l := f.x.link; l != nil {
		l.pauseReading()
	}
}

// ResumeProducing goes on.
func (f flow) ResumeProducing() {
	if l := f.x.link; l != nil {
		l.resumeReading()
	}
}

// StopProducing does nothing: finished is called.
func (f flow) StopProducing() {}

// errGarbage is of a worker that does not keep to the frames.
var errGarbage = errors.New("wsgi: a worker sends what makes no sense")

// whole takes a whole answer.
func (x *exchange) whole(payload []byte) error {
	if x.headSent || len(payload) < 4 {
		return errGarbage
	}
	n := int(binary.BigEndian.Uint32(payload))
	if n > len(payload)-4 {
		return errGarbage
	}
	if x.r.Finished() {
		x.headSent = true
		x.done()
		return nil
	}
	head, body := payload[4:4+n], append([]byte(nil), payload[4+n:]...)
	length, err := x.setHead(head)
	if err != nil {
		return err
	}
	x.headSent = true
	x.done()
	r := x.r
	switch {
	case r.Method() == "HEAD" && length < 0:
		r.SendHead() // without a length, which nobody knows
		r.Finish()
	case length >= 0 && length != int64(len(body)):
		r.SetContentLength(length) // of an answer to HEAD, or 304
		r.Answer(body, nil)
	default:
		r.Answer(body, nil)
	}
	return nil
}

// head takes the head of an answer that comes in pieces.
func (x *exchange) head(payload []byte) error {
	if x.headSent {
		return errGarbage
	}
	if x.r.Finished() {
		x.finished(nil)
		return nil
	}
	length, err := x.setHead(payload)
	if err != nil {
		return err
	}
	x.headSent = true
	if length >= 0 {
		x.r.SetContentLength(length)
	}
	x.r.RegisterProducer(flow{x})
	if x.r.Finished() { // a field that can not be sent has made it an error page
		x.finished(nil)
	}
	return nil
}

// note takes what was wrong with the answer and is mended: the number of bytes that were
// given where there is no content.
func (x *exchange) note(payload []byte) error {
	n, err := strconv.ParseInt(string(payload), 10, 64)
	if err != nil {
		return errGarbage
	}
	if o := x.r.Origin(); o != nil {
		o.OriginFault(protocol.Fault{Kind: protocol.FaultBody, Bytes: n})
	}
	return nil
}

// data takes a piece of the answer's content.
func (x *exchange) data(p []byte) {
	if x.headSent && !x.r.Finished() {
		_, _ = x.r.Write(p) // it can not fail now
	}
}

// file takes a file as the content.
func (x *exchange) file(f *os.File, payload []byte) error {
	if f == nil {
		return errGarbage
	}
	if !x.headSent || x.sending || len(payload) != 16 {
		_ = f.Close()
		return errGarbage
	}
	off, n := int64(binary.BigEndian.Uint64(payload)), int64(binary.BigEndian.Uint64(payload[8:]))
	if off < 0 || n < 0 {
		_ = f.Close()
		return errGarbage
	}
	if x.r.Finished() || n == 0 {
		_ = f.Close()
		return nil
	}
	x.sending = true
	r := x.r
	r.NotifyFinish(func(error) { _ = f.Close() })
	r.SendFile(f, off, n, func(err error) {
		if err != nil {
			r.Abort(err)
			return
		}
		r.Finish()
	})
	return nil
}

// finish takes the end of the answer.
func (x *exchange) finish() error {
	if !x.headSent {
		return errGarbage
	}
	x.done()
	if !x.sending {
		x.r.Finish()
	}
	return nil
}

// done frees the link of the rest of the content.
func (x *exchange) done() {
	x.answered = true
	x.link.release(x)
}

// fail ends the exchange with an error page, or if the answer has begun cuts it.
func (x *exchange) fail(err error) {
	x.answered = true
	x.link = nil
	if !x.r.Finished() {
		x.r.Fail(err)
	}
}

var (
	_ reactor.PushProducer = (*exchange)(nil)
	_ reactor.PushProducer = flow{}
)
