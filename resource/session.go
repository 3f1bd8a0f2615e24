package resource

import (
	"context"
	"iter"
)

// This file holds what goes with a Request from one piece of code to the next: values, of
// which the session of the client is one.

// SetValue keeps value with the exchange, under key: for code further down the tree
// (Value), and for whoever is given Context, where it is found in the usual way. key has a
// type of its own, so that it is nobody else's. Loop only.
func (r *Request) SetValue(key, value any) {
	r.ctx = context.WithValue(r.Context(), key, value)
}

// Value is what SetValue has kept under key; nil when nothing was. Loop only.
func (r *Request) Value(key any) any {
	if r.ctx == nil {
		return nil
	}
	return r.ctx.Value(key)
}

// Session is what is known of a client from request to request. Package session has one.
type Session interface {
	// ID names the session; who knows it has the session.
	ID() string
	// Values is what the session holds, as text, for the page of a panic.
	Values() iter.Seq2[string, string]
}

type sessionKey struct{}

// SetSession is for who keeps sessions: s is the client's. Loop only.
func (r *Request) SetSession(s Session) { r.SetValue(sessionKey{}, s) }

// Session is the session of the client, as far as somebody has asked for it in the course of
// this request; nil otherwise. It makes none: session.Sessions.Of does. Loop only.
func (r *Request) Session() Session {
	s, _ := r.Value(sessionKey{}).(Session)
	return s
}
