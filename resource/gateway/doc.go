// Package gateway is what the resources cgi, fastcgi and scgi are built of: which script
// a request is for, the environment that it gets, its content on the way there, and the
// answer on the way back.
//
//	Finder ──Script──▶ AddRequest ──cgi.Env──▶ the program
//	request content ──Content──────────────────▶
//	Request ◀──────── Answer ◀── its output ────┘
//
// Content and Answer keep the pace of the slower side: what a client sends is not read
// while the program does not take it, and the program is not read while the client does
// not. Everything here runs on the loop; what looks at a disk does it in a thread.
package gateway
