package resource

import (
	"errors"
	"strconv"

	"spindle/protocol"
)

// This file holds the errors that a resource returns and a Request gives back.
// How an error becomes a page is in fail.go and page.go.

// NotDoneYet is what Render returns when the answer comes later.
//
//lint:ignore ST1012 it is an outcome, as io.EOF is, and the word that Twisted has for it
var NotDoneYet = errors.New("resource: not done yet")

// ErrOver is what Write returns after the exchange has ended: it was finished, aborted,
// or the client is gone.
var ErrOver = errors.New("resource: the exchange is over")

// Error is an answer that is an error page. Err, if any, goes to the log, not to
// the client; Detail goes to the page.
type Error struct {
	Status int
	Detail string // for the client, one sentence; "" for the stock one
	Err    error  // for the log
	Fields []ErrorField
}

// ErrorField is a field that goes with an error page (WWW-Authenticate, Allow).
type ErrorField struct{ Name, Value string }

// Common errors, ready to be returned.
var (
	ErrNotFound  = &Error{Status: 404}
	ErrForbidden = &Error{Status: 403}
)

// Error is "resource: 404 Not Found", with Detail and Err if there are any.
func (e *Error) Error() string {
	s := "resource: " + strconv.Itoa(e.Status) + " " + protocol.StatusText(e.Status)
	if e.Status < 400 || e.Status > 599 {
		s = "resource: an Error with status " + strconv.Itoa(e.Status) + ", which is none from 400 to 599"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

// isOurs tells whether it is the server's fault, which is logged and has an id on its
// page: not 501, which is about the client's method.
func (e *Error) isOurs() bool { return e.Status >= 500 && e.Status != 501 }

// asError is what err says of the answer: an *Error in it, what a protocol
// says, or 500.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Status >= 400 && e.Status <= 599 {
		return e
	}
	var p *protocol.Error
	if errors.As(err, &p) && p.Status >= 400 {
		return &Error{Status: p.Status, Detail: p.Reason}
	}
	return &Error{Status: 500, Err: err}
}
