package gateway

import (
	"errors"
	"fmt"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/reactor"
	"spindle/resource"
)

// Source is the program that an Answer comes from.
type Source interface {
	// PauseReading and ResumeReading stop and start its output.
	PauseReading()
	ResumeReading()
	// Unwanted tells that the answer has failed, so that the program can be ended.
	Unwanted()
}

// Answer makes the answer to a request of a program's output, as it comes. What is
// written to it in one callback, and ends there, is sent whole; other output is streamed.
//
//	Data …, Flush at the end of each callback, then End or Fail
//
// An answer is never taken for whole that is not: when it ends before its head is
// complete the client gets 502, and when it ends before its Content-Length, goes on beyond it,
// or fails, the client gets 502 too, or sees it cut where it was begun. Loop only.
type Answer struct {
	R      *resource.Request
	Source Source
	Reader cgi.ReplyReader
	// Max is how much content there may be; 0 means no limit. Beyond, it is cut.
	Max int64
	// Files is what X-Sendfile and X-Accel-Redirect may lead to; nil: nothing.
	Files *Files

	reply     *cgi.Reply
	held      []byte // content that was not written yet
	size      int64
	over      bool // the request has its answer, or has it from elsewhere
	left      bool
	producing bool
	paused    bool
}

// holdBytes is how much content is held back until the callback ends.
const holdBytes = 64 << 10

// Begun tells whether any output has come.
func (a *Answer) Begun() bool { return a.reply != nil || a.Reader.Begun() || a.over }

// Over tells whether output is of no interest any more.
func (a *Answer) Over() bool { return a.over || a.R.Finished() }

// Paused tells whether the client does not take what there is.
func (a *Answer) Paused() bool { return a.paused }

// Data takes a piece of output; it is valid until return.
func (a *Answer) Data(p []byte) {
	if a.Over() {
		return
	}
	if a.reply == nil {
		n, reply, err := a.Reader.Read(p)
		if err != nil {
			a.Fail(&resource.Error{Status: 502, Err: err})
			return
		}
		if reply == nil {
			return
		}
		p = p[n:]
		a.reply = reply
		if a.begin(); a.over {
			return
		}
	}
	a.content(p)
}

// begin looks at the head that has come.
func (a *Answer) begin() {
	reply := a.reply
	switch {
	case reply.Local != "":
		a.leave()
		a.R.Redispatch(reply.Local)
		return
	case reply.SendFile != "" || reply.Accel != "":
		a.leave()
		a.setHead(reply)
		a.Files.send(a.R, reply)
		return
	}
	a.setHead(reply)
	if reply.Length >= 0 {
		a.R.SetContentLength(reply.Length)
	}
}

// leave lets the rest of the output go nowhere.
func (a *Answer) leave() {
	a.over, a.left = true, true
	a.held = nil
}

// Left tells whether the request is answered by something else than the output, as the
// output has asked for: a redirect within the site, a file.
func (a *Answer) Left() bool { return a.left }

// setHead sets status and fields: those of the script replace those of the site, but
// for cookies.
func (a *Answer) setHead(reply *cgi.Reply) {
	a.R.SetStatus(reply.Status)
	for i, f := range reply.Fields {
		if f.Name == "Set-Cookie" || reply.Fields[:i].Has(f.Name) {
			a.R.AddField(f.Name, f.Value)
		} else {
			a.R.SetField(f.Name, f.Value)
		}
	}
}

// content takes content.
func (a *Answer) content(p []byte) {
	if len(p) == 0 {
		return
	}
	if a.size += int64(len(p)); a.Max > 0 && a.size > a.Max {
		a.Fail(&resource.Error{Status: 502, Err: fmt.Errorf("gateway: the answer is longer than %d bytes", a.Max)})
		return
	}
	if n := a.reply.Length; n >= 0 && a.size > n && a.R.Method() != "HEAD" && !protocol.NoContent(a.reply.Status) {
		a.Fail(&resource.Error{Status: 502, Err: fmt.Errorf("gateway: the answer has more content than its Content-Length, %d, says", n)})
		return
	}
	if !a.producing && len(a.held)+len(p) <= holdBytes {
		a.held = append(a.held, p...)
		return
	}
	a.release()
	a.R.Write(p)
}

// Flush sends what was held back. To be called at the end of a callback.
func (a *Answer) Flush() {
	if a.reply != nil && !a.Over() {
		a.release()
	}
}

// release begins to stream.
func (a *Answer) release() {
	if !a.producing {
		a.producing = true
		a.R.RegisterProducer((*answering)(a)) // sends the head
	}
	if len(a.held) > 0 {
		a.R.Write(a.held)
		a.held = nil
	}
}

// errNoHead is about a program that ended too soon.
var errNoHead = errors.New("gateway: the output ended before its head was complete")

// End ends the answer: the output is whole.
func (a *Answer) End() {
	if a.Over() {
		return
	}
	if a.reply == nil {
		a.Fail(&resource.Error{Status: 502, Err: errNoHead})
		return
	}
	if a.short() {
		a.Fail(&resource.Error{Status: 502, Err: fmt.Errorf("gateway: the answer has %d bytes, and its Content-Length says %d",
			a.size, a.reply.Length)})
		return
	}
	a.over = true
	if a.producing {
		a.R.Finish()
		return
	}
	a.R.Answer(a.held, nil)
}

// short tells whether content is missing.
func (a *Answer) short() bool {
	return a.reply.Length > a.size && a.R.Method() != "HEAD" && !protocol.NoContent(a.reply.Status)
}

// Fail ends the answer because of err, an *resource.Error for a page while the head was
// not sent. What was sent is cut.
func (a *Answer) Fail(err error) {
	if a.Over() {
		return
	}
	a.over = true
	a.held = nil
	a.R.Fail(err)
	a.Source.Unwanted()
}

// answering is an Answer as the push producer of its request.
type answering Answer

// PauseProducing stops the program.
func (p *answering) PauseProducing() {
	p.paused = true
	p.Source.PauseReading()
}

// ResumeProducing lets it go on.
func (p *answering) ResumeProducing() {
	p.paused = false
	p.Source.ResumeReading()
}

// StopProducing does nothing: who asks is told by Request.NotifyFinish.
func (p *answering) StopProducing() {}

var _ reactor.PushProducer = (*answering)(nil)
