// Package fastcgi is FastCGI 1.0: the records of both directions, and the answering
// side, by which a web server passes requests on to us.
//
//	web server ──BeginRequest, Params, Stdin──▶ Factory ──▶ protocol.Receiver
//	           ◀──Stdout, EndRequest───────────         ◀── answer
//
// One request at a time is answered on a connection, as nearly all applications do it:
// another one that is begun meanwhile is refused with CantMultiplex, and GetValues says
// so beforehand. The asking side is the resource package fastcgi.
//
// https://fastcgi-archives.github.io/FastCGI_Specification.html
package fastcgi
