// Package cgi holds what CGI, FastCGI and SCGI share (RFC 3875): a request as an
// environment of variables, and an answer whose head is a few lines of text. Both
// directions are here.
//
//	asking:    head of a request ──Env.AddFields──▶ variables ──▶ script, FastCGI or SCGI application
//	           Reply ◀──ReplyReader── output ◀──────────────────────────────┘
//	answering: web server ──variables──▶ Env.Head ──▶ protocol.Receiver
//	           output ◀──Exchange (a protocol.Channel) ◀── answer ──┘
//
// The answering side is a Factory whose Conns differ only in their Framing: that of
// FastCGI is in package fastcgi, that of SCGI in package scgi, and that of CGI, which
// is none, is here.
//
// A variable's value never holds CR, LF or NUL, and of the fields of a client only
// those become variables whose names say the same before and after: so X_Token can
// not pass for X-Token, nor Proxy for the variable HTTP_PROXY of this machine.
package cgi
