package resourcetest

import (
	"crypto/tls"
	"errors"
	"io"
	"os"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the protocol.Channel of an Exchange: it writes down what a client
// would see.

// Respond answers whole. See protocol.Channel.
func (x *Exchange) Respond(status int, fields protocol.Fields, body []byte) {
	if x.over() {
		return
	}
	x.WriteHead(status, fields, int64(len(body)))
	x.WriteShared(body)
	x.Finish(nil)
}

// WriteHead starts an answer. See protocol.Channel.
func (x *Exchange) WriteHead(status int, fields protocol.Fields, length int64) {
	if x.over() || x.Status != 0 {
		return
	}
	if err := fields.Check(); err != nil {
		panic("resourcetest: fields that must not be sent: " + err.Error())
	}
	x.Status, x.Length, x.left = status, length, length
	x.Fields = append(protocol.Fields(nil), fields...)
}

// WriteInformational keeps the fields of a 1xx answer. See protocol.Channel.
func (x *Exchange) WriteInformational(status int, fields protocol.Fields) {
	if !x.over() && x.Status == 0 {
		x.Hints = append(x.Hints, append(protocol.Fields(nil), fields...))
	}
}

// Continue notes that the content is wanted. See protocol.Channel.
func (x *Exchange) Continue() { x.Response.Continue = x.head.ExpectContinue }

// Write takes content. See protocol.Channel.
func (x *Exchange) Write(data []byte) {
	if x.over() || x.Status == 0 {
		return
	}
	x.wrote()
	if x.left >= 0 {
		data = data[:min(int64(len(data)), x.left)]
		x.left -= int64(len(data))
	}
	if x.head.Method != "HEAD" && !protocol.NoContent(x.Status) {
		x.Body = append(x.Body, data...)
	}
}

// WriteShared is Write. See protocol.Channel.
func (x *Exchange) WriteShared(data []byte) { x.Write(data) }

// SendFile reads the file and writes it. See protocol.Channel.
func (x *Exchange) SendFile(f *os.File, off, n int64, done func(err error)) {
	if x.over() {
		return
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, off); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		x.Abort(err)
		return
	}
	x.Write(data)
	if done != nil {
		x.server.Loop.CallLater(0, func() {
			if !x.lost {
				done(nil)
			}
		})
	}
}

// Finish ends the answer. See protocol.Channel.
func (x *Exchange) Finish(trailers protocol.Fields) {
	if x.over() {
		return
	}
	x.Trailers = append(protocol.Fields(nil), trailers...)
	x.Done = true
}

// Abort cuts the answer. See protocol.Channel.
func (x *Exchange) Abort(err error) {
	if x.over() {
		return
	}
	x.Aborted = err
	x.stopProducer()
}

// PauseBody holds the content of the request back. See protocol.Channel.
func (x *Exchange) PauseBody() { x.Paused = true }

// ResumeBody lets it come again, from the next turn on. See protocol.Channel.
func (x *Exchange) ResumeBody() {
	x.Paused = false
	x.server.Loop.CallLater(0, x.release)
}

// release gives what was held.
func (x *Exchange) release() {
	for len(x.held) > 0 && !x.Paused && !x.over() {
		f := x.held[0]
		x.held = x.held[1:]
		f()
	}
}

// RegisterProducer asks p for content as long as the client reads. See
// reactor.Consumer.
func (x *Exchange) RegisterProducer(p reactor.Producer) {
	if x.producer != nil {
		panic("resourcetest: a second producer")
	}
	x.producer, x.asked = p, false
	if x.over() {
		x.server.Loop.CallLater(0, x.stopProducer)
		return
	}
	if _, push := p.(reactor.PushProducer); !push {
		x.server.Loop.CallLater(0, x.pull)
	}
}

// pull asks a pull producer for a piece; when it has written, it is asked again.
func (x *Exchange) pull() {
	if x.producer != nil && !x.asked && !x.slow && !x.over() {
		x.asked = true
		x.producer.ResumeProducing()
	}
}

// wrote has a pull producer asked again, in the next turn.
func (x *Exchange) wrote() {
	if x.asked {
		x.asked = false
		x.server.Loop.CallLater(0, x.pull)
	}
}

// UnregisterProducer forgets it. See reactor.Consumer.
func (x *Exchange) UnregisterProducer() { x.producer = nil }

func (x *Exchange) stopProducer() {
	if p := x.producer; p != nil {
		x.producer = nil
		x.server.Loop.CallLater(0, p.StopProducing)
	}
}

// Switch gives the connection away. See protocol.Channel.
func (x *Exchange) Switch(p reactor.Protocol) { x.Switched = p }

// Hijack gives the connection away. See protocol.Hijacker.
func (x *Exchange) Hijack(p reactor.Protocol) bool {
	if x.over() {
		return false
	}
	x.stopProducer()
	x.Switched, x.Hijacked = p, true
	return true
}

// HeadSent tells whether there is a status. See protocol.Channel.
func (x *Exchange) HeadSent() bool { return x.Status != 0 }

// Buffered is what a client that does not read has not got. See protocol.Channel.
func (x *Exchange) Buffered() int { return 0 }

// Peer is Server.Peer.
func (x *Exchange) Peer() reactor.Addr { return x.server.Peer }

// Host is Server.Host.
func (x *Exchange) Host() reactor.Addr { return x.server.Host }

// Loop is Server.Loop.
func (x *Exchange) Loop() reactor.Loop { return x.server.Loop }

// TLS is Server.Secure.
func (x *Exchange) TLS() *tls.ConnectionState { return x.server.Secure }

var (
	_ protocol.Channel  = (*Exchange)(nil)
	_ protocol.Hijacker = (*Exchange)(nil)
)
