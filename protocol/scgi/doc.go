// Package scgi is SCGI: a request is a netstring of variables, the first of them
// CONTENT_LENGTH, and the content; the answer is that of a CGI script, and ends with the
// connection.
//
//	web server ──"70:CONTENT_LENGTH\0…,"content──▶ Factory ──▶ protocol.Receiver
//	           ◀──Status, fields, content──────────         ◀── answer
//
// This package is the head and the answering side; the asking side is the resource
// package scgi.
//
// https://python.ca/scgi/protocol.txt
package scgi
