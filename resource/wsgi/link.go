package wsgi

import (
	"fmt"
	"os"

	"spindle/reactor"
)

// This file is the connection of one thread of a worker.

// link carries one request at a time. It is the protocol of its connection.
type link struct {
	reactor.TimeoutMixin
	w       *worker
	t       reactor.Transport
	decoder decoder
	files   []*os.File // come along, not used yet
	x       *exchange  // whose answer is to come; nil otherwise
	working bool       // a request was given, and I has not come since
	left    bool       // closed by us while the thread works
	held    bool       // reading is paused
}

// ConnectionMade is the first call. See reactor.Protocol.
func (l *link) ConnectionMade(t reactor.Transport) {
	l.t = t
	l.w.joined(l)
}

// FileReceived keeps a descriptor for the frame that it comes with. See
// reactor.FileReceiver.
func (l *link) FileReceived(f *os.File) { l.files = append(l.files, f) }

// takeFile is the first of them, nil when there is none.
func (l *link) takeFile() *os.File {
	if len(l.files) == 0 {
		return nil
	}
	f := l.files[0]
	l.files = l.files[1:]
	return f
}

// DataReceived takes what the worker says. See reactor.Protocol.
func (l *link) DataReceived(data []byte) {
	l.ResetTimeout()
	if l.left {
		return
	}
	if err := l.decoder.feed(data, l); err != nil {
		l.w.broke(err)
	}
}

// piece takes a part of a D frame.
func (l *link) piece(data []byte) {
	if l.x != nil && !l.left {
		l.x.data(data)
	}
}

// frame takes any other.
func (l *link) frame(kind byte, payload []byte) error {
	switch {
	case l.left: // by a frame before this one
		return nil
	case kind == frameIdle:
		return l.ready()
	}
	x := l.x
	if x == nil {
		return fmt.Errorf("wsgi: a worker answers (%q) what nobody asked", kind)
	}
	switch kind {
	case frameWhole:
		return x.whole(payload)
	case frameHead:
		return x.head(payload)
	case frameFile:
		return x.file(l.takeFile(), payload)
	case frameFinish:
		return x.finish()
	case frameNote:
		return x.note(payload)
	case frameFailure:
		l.release(x)
		x.failed(l.w, payload)
		return nil
	}
	return fmt.Errorf("wsgi: a worker sends a frame %q over a link", kind)
}

// ready is told that the thread waits for a request.
func (l *link) ready() error {
	if l.x != nil {
		return fmt.Errorf("wsgi: a worker is done with a request that it has not answered")
	}
	l.working = false
	l.w.ready(l)
	return nil
}

// begin gives the thread a request. Its content follows.
func (l *link) begin(x *exchange) {
	l.x, l.working = x, true
	x.link = l
	l.w.served++
	content := byte(contentNone)
	if x.hasContent {
		content = contentSized
		if x.r.Head().ContentLength < 0 {
			content = contentUnsized
		}
	}
	l.t.Write(l.w.app.appendRequest(l.t.AvailableBuffer(), x.r, content))
	if limit := or(l.w.app.Timeout, defaultTimeout); limit > 0 {
		l.SetTimeout(l.w.app.loop, limit, l.expired)
	}
	if !x.hasContent {
		return
	}
	if len(x.early) > 0 {
		l.sendContent(x.early)
		x.early = nil
	}
	if x.ended {
		l.endContent()
		return
	}
	l.t.RegisterProducer(x)
	if x.paused {
		x.paused = false
		x.r.ResumeBody()
	}
}

// sendContent sends a piece of the request's content.
func (l *link) sendContent(p []byte) {
	const small = 2048
	b := appendHeader(l.t.AvailableBuffer(), frameContent, len(p))
	if len(p) <= small {
		l.t.Write(append(b, p...))
		return
	}
	l.t.Write(b)
	l.t.Write(p)
}

// endContent sends its end.
func (l *link) endContent() {
	l.t.UnregisterProducer()
	l.t.Write(appendHeader(l.t.AvailableBuffer(), frameEnd, 0))
}

// release ends the exchange for this link: what is left of the content is not wanted,
// and the client's pace is no matter any more.
func (l *link) release(x *exchange) {
	if x.hasContent && !x.ended {
		x.ended = true
		l.endContent()
	}
	l.x, x.link = nil, nil
	l.resumeReading()
}

func (l *link) pauseReading() {
	l.held = true
	l.t.PauseReading()
}

func (l *link) resumeReading() {
	if l.held {
		l.held = false
		l.ResetTimeout()
		l.t.ResumeReading()
	}
}

// abandon closes the link while the thread works: it is told so that nobody waits for
// the answer, and makes another link. Its time limit goes on.
func (l *link) abandon() {
	x := l.x
	if x == nil {
		return
	}
	x.answered = true
	l.x, x.link = nil, nil
	l.t.UnregisterProducer()
	l.left = true
	l.w.leaves(l)
	l.t.AbortConnection()
}

// expired is called when the application has sent nothing for too long. It may have been
// waiting for the client.
func (l *link) expired() {
	switch {
	case !l.working:
	case l.held, l.x != nil && l.x.hasContent && !l.x.ended && l.t.Buffered() == 0:
		l.SetTimeout(l.w.app.loop, or(l.w.app.Timeout, defaultTimeout), l.expired)
	default:
		l.w.takesTooLong(l)
	}
}

// ConnectionLost is the last call. See reactor.Protocol.
func (l *link) ConnectionLost(error) {
	for _, f := range l.files {
		_ = f.Close()
	}
	l.files = nil
	if !l.left {
		l.CancelTimeout()
		l.w.lost(l)
	}
}

var (
	_ reactor.FileReceiver = (*link)(nil)
	_ sink                 = (*link)(nil)
)
