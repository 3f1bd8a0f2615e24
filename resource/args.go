package resource

import "spindle/protocol"

// This file reads arguments: those of the query, and behind them those of a form in
// the content. One argument is found in place; only the whole set becomes a map.

// Arg is the first value of the argument name, "" when there is none: query first,
// then form.
func (r *Request) Arg(name string) string { return r.ArgOr(name, "") }

// ArgOr is Arg with another value for when there is none.
func (r *Request) ArgOr(name, otherwise string) string {
	if value, ok := protocol.QueryArg(r.head.Query, name); ok {
		return value
	}
	return otherwise
}
