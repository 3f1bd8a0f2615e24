package resource

import (
	"crypto/rand"
	"crypto/tls"
	"iter"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file reads the head of a request. Strings are copies; the twins named Bytes
// are the read buffer itself.

// Method is the method as received: GET, POST, or any other token.
func (r *Request) Method() string { return r.head.Method }

// Version is that of the request.
func (r *Request) Version() protocol.Version { return r.head.Version }

// Target is the request target as received.
func (r *Request) Target() string { return string(r.head.Target) }

// TargetBytes is Target without a copy. Valid until Render returns.
func (r *Request) TargetBytes() []byte { return r.head.Target }

// Head is the head of the request, for functions of package protocol that decide by
// it. It is not to be changed. Valid until Render returns; after NotDoneYet it is a
// copy, which stays.
func (r *Request) Head() *protocol.Head { return r.head }

// Path is the path of the target, still encoded.
func (r *Request) Path() string { return string(r.head.Path) }

// PathBytes is Path without a copy. Valid until Render returns.
func (r *Request) PathBytes() []byte { return r.head.Path }

// Query is what follows the "?", still encoded.
func (r *Request) Query() string { return string(r.head.Query) }

// QueryBytes is Query without a copy; nil when there is no "?". Valid until Render
// returns.
func (r *Request) QueryBytes() []byte { return r.head.Query }

// Field is the first request field of that name, "" when there is none.
func (r *Request) Field(name string) string { return string(r.head.Field(name)) }

// FieldBytes is Field without a copy; nil when there is none. Valid until Render
// returns.
func (r *Request) FieldBytes(name string) []byte { return r.head.Field(name) }

// FieldValues is the values of all request fields of that name, in order.
func (r *Request) FieldValues(name string) []string {
	var values []string
	for v := range r.head.FieldAll(name) {
		values = append(values, string(v))
	}
	return values
}

// Fields is all request fields, in order. Returns a copy.
func (r *Request) Fields() protocol.Fields {
	fields := make(protocol.Fields, len(r.head.Fields))
	for i, f := range r.head.Fields {
		fields[i] = protocol.Field{Name: string(f.Name), Value: string(f.Value)}
	}
	return fields
}

// Cookie is the value of the first cookie of that name that the client sent; ok is
// false when there is none.
func (r *Request) Cookie(name string) (value string, ok bool) {
	v, ok := r.head.Cookie(name)
	return string(v), ok
}

// Cookies goes over the values of the cookies of that name, of which a client sends several
// when other paths or hosts of the domain have set them, too.
func (r *Request) Cookies(name string) iter.Seq[string] {
	return func(yield func(value string) bool) {
		for n, v := range r.head.Cookies() {
			if string(n) == name && !yield(string(v)) {
				return
			}
		}
	}
}

// Peer is the other end of the connection: the client, or a proxy; see ClientAddr.
func (r *Request) Peer() reactor.Addr { return r.ch.Peer() }

// Host is this end of the connection; see Authority for what the client asked for.
func (r *Request) Host() reactor.Addr { return r.ch.Host() }

// TLS is the state of the connection, nil when it is not secure.
func (r *Request) TLS() *tls.ConnectionState { return r.ch.TLS() }

// Loop is where this request lives: timers, threads.
func (r *Request) Loop() reactor.Loop { return r.ch.Loop() }

// Now is the time of the current callback.
func (r *Request) Now() time.Time { return r.ch.Loop().Now() }

// Started is when the head had arrived; the zero time when nobody is told of the
// end of requests (Dispatcher.Finished).
func (r *Request) Started() time.Time { return r.started }

// ID names this request in pages and logs: short, random, made when it is first
// asked for.
func (r *Request) ID() string {
	if r.id == "" {
		if r.d.NewID != nil {
			r.id = r.d.NewID()
		} else {
			r.id = rand.Text()[:10]
		}
	}
	return r.id
}

// ErrorID is the id under which the failure of this request is in the error log (and
// on its page when it is the server's fault), "" when there is none.
func (r *Request) ErrorID() string {
	if r.failed {
		return r.id
	}
	return ""
}
