package reactortest

import (
	"fmt"
	"strings"

	"spindle/reactor"
)

// recorder is a protocol that writes down what it is told.
type recorder struct {
	t    reactor.Transport
	log  []string
	data []byte
	on   func(event string) // called in each callback, when set
}

func (r *recorder) note(format string, a ...any) {
	event := fmt.Sprintf(format, a...)
	r.log = append(r.log, event)
	if r.on != nil {
		r.on(event)
	}
}

func (r *recorder) ConnectionMade(t reactor.Transport) { r.t = t; r.note("made") }
func (r *recorder) DataReceived(data []byte) {
	r.data = append(r.data, data...)
	r.note("data %s", data)
}
func (r *recorder) ConnectionLost(reason error) { r.note("lost %v", reason) }
func (r *recorder) take() string {
	s := strings.Join(r.log, "; ")
	r.log = nil
	return s
}

// halfRecorder also takes half-closes.
type halfRecorder struct{ recorder }

func (r *halfRecorder) ReadConnectionLost()  { r.note("read lost") }
func (r *halfRecorder) WriteConnectionLost() { r.note("write lost") }

// pushRecorder is a producer that writes down what it is told.
type pushRecorder struct{ *recorder }

func (p pushRecorder) PauseProducing()  { p.note("pause") }
func (p pushRecorder) ResumeProducing() { p.note("resume") }
func (p pushRecorder) StopProducing()   { p.note("stop") }

// pullRecorder writes a piece when it is asked, some times.
type pullRecorder struct {
	*recorder
	left int
}

func (p *pullRecorder) ResumeProducing() {
	p.note("resume")
	p.t.Write([]byte("piece"))
	if p.left--; p.left == 0 {
		p.t.UnregisterProducer()
	}
}
func (p *pullRecorder) StopProducing() { p.note("stop") }
