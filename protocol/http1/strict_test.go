package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// The strictness of the server in one table: what is sent on a fresh connection,
// and what becomes of it. A number is the status of the only answer, after which
// the connection ends; "ok" means that the request reached the server and was
// answered 200, and that the connection goes on; "ok close" that it ends then;
// "wait" that nothing is answered yet; "cut" that it is closed without an answer.
//
// Every line is fed whole, byte by byte, and at random cuts.
var strict = []struct{ name, in, want string }{
	// The request line, RFC 9112 §3.
	{"simple", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "ok close"},
	{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "ok"},
	{"HTTP/1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "ok close"},
	{"a later minor version is 1.1", "GET / HTTP/1.7\r\nHost: x\r\n\r\n", "ok"},
	{"a later minor version wants Host", "GET / HTTP/1.7\r\n\r\n", "400"},
	{"HTTP/0.9", "GET /\r\n", "400"},
	{"HTTP/0.9 with a space", "GET / \r\n", "400"},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
	{"HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", "505"},
	{"lower-case version", "GET / http/1.1\r\nHost: x\r\n\r\n", "400"},
	{"two-digit version", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", "400"},
	{"version without minor", "GET / HTTP/1\r\nHost: x\r\n\r\n", "400"},
	{"other protocol", "GET / ICAP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"version and blank", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "400"},
	{"two spaces before the target", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"two spaces before the version", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"tab for space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"tab behind the target", "GET /\tHTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"leading space", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"no method", "/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"method with a colon", "GE:T / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"method with NUL", "GE\x00T / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"unknown method", "M-SEARCH / HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"lower-case method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"method of all token bytes", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"control byte in the target", "GET /\x1b[0m HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"what browsers do not encode", "GET /?q={a|b}^`\"<>\\ HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},

	// Lines, RFC 9112 §2.2.
	{"one empty line in front", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"bare LF in front", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"bare CR in front", "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"only LF", "GET / HTTP/1.1\nHost: x\n\n", "400"},
	{"bare LF is refused at once", "GET / HTTP/1.1\n", "400"},
	{"bare LF behind a field", "GET / HTTP/1.1\r\nHost: x\n\r\n", "400"},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", "400"},
	{"bare CR in the request line", "GET / HTTP/1.1\rX\r\nHost: x\r\n\r\n", "400"},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", "400"},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", "400"},
	{"CR CR LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\r\r\n", "400"},
	{"bare CR in a name", "GET / HTTP/1.1\r\nHost: x\r\nfoo\r\rBar: x\r\n\r\n", "400"},
	{"no end yet", "GET / HTTP/1.1\r\nHost: x\r\n\r", "wait"},
	{"no line yet", "GET / HTTP/1.1", "wait"},
	{"nothing but a CR", "\r", "wait"},
	{"nothing but an empty line", "\r\n", "wait"},

	// Field lines, RFC 9112 §5.
	{"fold", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "400"},
	{"fold with a tab", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", "400"},
	{"fold of nothing", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n \r\n\r\n", "400"},
	{"fold in front", "GET / HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n", "400"},
	{"line without a colon", "GET / HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n", "400"},
	{"line without a name", "GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", "400"},
	{"space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400"},
	{"tab before the colon", "GET / HTTP/1.1\r\nHost: x\r\nA\t: b\r\n\r\n", "400"},
	{"space in a name", "GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", "400"},
	{"NUL in a name", "GET / HTTP/1.1\r\nHost: x\r\nA\x00: c\r\n\r\n", "400"},
	{"UTF-8 in a name", "GET / HTTP/1.1\r\nHost: x\r\n\xc3\xa9: c\r\n\r\n", "400"},
	{"quotes in a name", "GET / HTTP/1.1\r\nHost: x\r\n\"A\": c\r\n\r\n", "400"},
	{"& in a name", "GET / HTTP/1.1\r\nHost: x\r\nA&B: c\r\n\r\n", "ok"},
	{"no space behind the colon", "GET / HTTP/1.1\r\nHost:x\r\n\r\n", "ok"},
	{"blanks around a value", "GET / HTTP/1.1\r\nHost: \t x \t \r\n\r\n", "ok"},
	{"empty value", "GET / HTTP/1.1\r\nX:\r\nHost: x\r\nY: \r\n\r\n", "ok"},
	{"tab in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\tc\r\n\r\n", "ok"},
	{"bytes above ASCII in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \xff\x80\xc3\xa9\r\n\r\n", "ok"},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n", "400"},
	{"NUL deep in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: 0123456789012345678\x00\r\n\r\n", "400"},
	{"VT in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \vb\r\n\r\n", "400"},
	{"FF in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\f\r\n\r\n", "400"},
	{"ESC in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: 01234567\x1b[0m\r\n\r\n", "400"},
	{"DEL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: 0123456\x7f\r\n\r\n", "400"},

	// Host, RFC 9112 §3.2.
	{"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
	{"two equal Hosts", "GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", "400"},
	{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "400"},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "ok"},
	{"empty Host of blanks", "GET / HTTP/1.1\r\nHost: \t\r\n\r\n", "ok"},
	{"Host with port", "GET / HTTP/1.1\r\nHost: x:8080\r\n\r\n", "ok"},
	{"Host with empty port", "GET / HTTP/1.1\r\nHost: x:\r\n\r\n", "ok"},
	{"Host with port 65536", "GET / HTTP/1.1\r\nHost: x:65536\r\n\r\n", "400"},
	{"Host with a port that is none", "GET / HTTP/1.1\r\nHost: x:http\r\n\r\n", "400"},
	{"Host with two ports", "GET / HTTP/1.1\r\nHost: x:80:80\r\n\r\n", "400"},
	{"Host that is a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "400"},
	{"Host with signed port", "GET / HTTP/1.1\r\nHost: x:+80\r\n\r\n", "400"},
	{"Host of three colons", "GET / HTTP/1.1\r\nHost: [:::]\r\n\r\n", "400"},
	{"Host of three groups", "GET / HTTP/1.1\r\nHost: [1:2:3]\r\n\r\n", "400"},
	{"absolute, of nine groups", "GET http://[1:2:3:4:5:6:7:8:9]/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"CONNECT to two gaps", "CONNECT [1::2::3]:80 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"Host with IPv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "ok"},
	{"Host with IPv6 and zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "400"},
	{"Host with IPv6 not closed", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"},
	{"Host with IPv6 and more", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "400"},
	{"Host with IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "400"},
	{"Host with empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", "400"},
	{"Host with user", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", "400"},
	{"Host with path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "400"},
	{"Host with query", "GET / HTTP/1.1\r\nHost: x?y\r\n\r\n", "400"},
	{"Host with space", "GET / HTTP/1.1\r\nHost: x y\r\n\r\n", "400"},
	{"Host list", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", "400"},
	{"Host with UTF-8", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", "400"},
	{"Host with markup", "GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", "400"},
	{"Host with a bad escape", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", "400"},
	{"Host with underscore and escape", "GET / HTTP/1.1\r\nHost: _a%2db.example\r\n\r\n", "ok"},

	// Targets, RFC 9112 §3.2.
	{"absolute form", "GET http://y/a?b HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"absolute form without path", "GET http://y HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"absolute form of https", "GET HTTPS://y:443/ HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"absolute form wants Host", "GET http://y/ HTTP/1.1\r\n\r\n", "400"},
	{"absolute form with user", "GET http://u:p@y/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"absolute form without authority", "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"absolute form of another scheme", "GET ftp://y/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"scheme without slashes", "GET http:a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"relative target", "GET a/b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"authority form for GET", "GET y:80 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"asterisk form for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "ok"},
	{"asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"query without path", "GET ?a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"CONNECT without port", "CONNECT y HTTP/1.1\r\nHost: y\r\n\r\n", "400"},
	{"CONNECT with empty port", "CONNECT y: HTTP/1.1\r\nHost: y\r\n\r\n", "400"},
	{"CONNECT with path", "CONNECT /a HTTP/1.1\r\nHost: y\r\n\r\n", "400"},
	{"CONNECT with content", "CONNECT y:1 HTTP/1.1\r\nHost: y\r\nContent-Length: 1\r\n\r\n", "400"},
	{"CONNECT with chunks", "CONNECT y:1 HTTP/1.1\r\nHost: y\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},

	// Content-Length, RFC 9110 §8.6.
	{"length 0", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "ok"},
	{"length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "ok"},
	{"length with zeros in front", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0003\r\n\r\nabc", "ok"},
	{"length and blanks", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:  3 \t\r\n\r\nabc", "ok"},
	{"length with too little", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabc", "wait"},
	{"length +3", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "400"},
	{"length -3", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", "400"},
	{"length 3, 3", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", "400"},
	{"length 0x3", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", "400"},
	{"length 0_3", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0_3\r\n\r\nabc", "400"},
	{"length 3.0", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3.0\r\n\r\nabc", "400"},
	{"length 3 0", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3 0\r\n\r\nabc", "400"},
	{"empty length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", "400"},
	{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400"},
	{"two equal lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400"},
	{"the largest length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 922337203685477579\r\n\r\n", "wait"},
	{"a giant length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999999999999999999999999\r\n\r\n", "413"},
	{"a length just too large", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n", "413"},

	// Transfer-Encoding, RFC 9112 §6.1.
	{"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "ok"},
	{"Chunked", "POST / HTTP/1.1\r\nHost: x\r\ntransfer-ENCODING:CHUNKED\r\n\r\n0\r\n\r\n", "ok"},
	{"length and chunked", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"chunked and length", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400"},
	{"chunked twice", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"},
	{"chunked in two fields", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"chunked and an empty one", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", "400"},
	{"gzip, chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
	{"gzip and chunked in two fields", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501"},
	{"chunked, gzip", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400"},
	{"gzip", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", "400"},
	{"identity", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400"},
	{"xchunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
	{"chunked with a parameter", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "400"},
	{"chunked in quotes", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "400"},
	{"empty coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", "400"},
	{"chunked behind VT", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "400"},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"coding with space before the colon", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
	{"coding behind an empty value", "POST / HTTP/1.1\r\nHost: x\r\nX:\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "ok"},

	// Chunks, RFC 9112 §7.1.
	{"chunk extension", chunks("3;a=b;c=\"d;\\\"e\" ; f\r\nabc\r\n0;z\r\n\r\n"), "ok"},
	{"chunk sizes in both cases", chunks("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "ok"},
	{"chunk size with zeros in front", chunks("0003\r\nabc\r\n000\r\n\r\n"), "ok"},
	{"chunk size 0x3", chunks("0x3\r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk size +3", chunks("+3\r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk size -3", chunks("-3\r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk size and blank", chunks("3 \r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk size behind blank", chunks(" 3\r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk size g", chunks("g\r\nabc\r\n0\r\n\r\n"), "400"},
	{"no chunk size", chunks("\r\nabc\r\n0\r\n\r\n"), "400"},
	{"only an extension", chunks(";a\r\nabc\r\n0\r\n\r\n"), "400"},
	{"the largest chunk", chunks("7fffffffffffffff\r\nabc"), "wait"},
	{"a giant chunk", chunks("8000000000000000\r\nabc"), "413"},
	{"a chunk that wraps around", chunks("10000000000000003\r\nabc\r\n0\r\n\r\n"), "413"},
	{"chunk line with LF", chunks("3\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk line with CR CR LF", chunks("3\r\r\nabc\r\n0\r\n\r\n"), "400"},
	{"chunk data without CRLF", chunks("3\r\nabc0\r\n\r\n"), "400"},
	{"chunk data with LF", chunks("3\r\nabc\n0\r\n\r\n"), "400"},
	{"chunk data with CR and more", chunks("3\r\nabc\rX0\r\n\r\n"), "400"},
	{"chunk longer than its size", chunks("3\r\nabcd\r\n0\r\n\r\n"), "400"},
	{"extension with LF", chunks("3;a\nb\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension with CR", chunks("3;a\rb\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension with NUL", chunks("3;a\x00\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension without a name", chunks("3;\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension without a value", chunks("3;a=\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension with an open quote", chunks("3;a=\"b\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension with an escape at the end", chunks("3;a=\"b\\\r\nabc\r\n0\r\n\r\n"), "400"},
	{"extension and blank", chunks("3;a \r\nabc\r\n0\r\n\r\n"), "400"},
	{"trailers", chunks("0\r\nX-Sum: 1\r\nY:\r\n\r\n"), "ok"},
	{"trailer with space before the colon", chunks("0\r\nX : 1\r\n\r\n"), "400"},
	{"trailer fold", chunks("0\r\nX: 1\r\n 2\r\n\r\n"), "400"},
	{"trailer with LF", chunks("0\r\nX: 1\n\r\n"), "400"},
	{"trailer with NUL", chunks("0\r\nX: \x00\r\n\r\n"), "400"},
	{"trailer Content-Length", chunks("0\r\nContent-Length: 5\r\n\r\n"), "400"},
	{"trailer Transfer-Encoding", chunks("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"},
	{"trailer Host", chunks("0\r\nhost: y\r\n\r\n"), "400"},
	{"trailer Authorization is dropped", chunks("0\r\nAuthorization: Basic x\r\n\r\n"), "ok"},
	{"no last chunk", chunks("3\r\nabc\r\n"), "wait"},
	{"no end of the trailers", chunks("3\r\nabc\r\n0\r\n"), "wait"},

	// Connection, RFC 9112 §9.3; Expect, RFC 9110 §10.1.1.
	{"close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "ok close"},
	{"keep-alive,close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive,close\r\n\r\n", "ok close"},
	{"close in the second field", "GET / HTTP/1.1\r\nHost: x\r\nConnection: a\r\nConnection: b ,\tCLOSE ,c\r\n\r\n", "ok close"},
	{"closed is not close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: closed, x-close\r\n\r\n", "ok"},
	{"unknown expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: the-impossible\r\n\r\n", "417"},
	{"two expectations", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue, more\r\n\r\n", "417"},
	{"unknown expectation in HTTP/1.0", "GET / HTTP/1.0\r\nExpect: the-impossible\r\n\r\n", "ok close"},

	// What is no HTTP.
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "cut"},
	{"nearly TLS", "\x16\x04", "400"},
	{"one byte of TLS", "\x16", "wait"},
	{"SSH is a method for long", "SSH-2.0-OpenSSH_9.2", "wait"},
	{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", "400"},
	{"NUL", "\x00", "400"},
	{"UTF-8", "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"SOCKS", "\x05\x01\x00", "400"},
}

// chunks is a request with that content in the chunked coding.
func chunks(body string) string {
	return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func TestStrict(t *testing.T) {
	for _, row := range strict {
		for cut, split := range reactortest.Splits() {
			t.Run(row.name+"/"+cut, func(t *testing.T) {
				s := hello()
				c := dial(t, s)
				c.SetSplit(split)
				c.Send(row.in)
				if got := outcome(c, s); got != row.want {
					t.Errorf("%q: got %s, want %s", row.in, got, row.want)
				}
			})
		}
	}
}

// outcome tells in a word, as in the table, what became of a connection.
func outcome(c *protocoltest.Client, s *protocoltest.Server) string {
	answer := c.String()
	n := strings.Count(answer, "HTTP/1.1 ")
	switch {
	case n > 1:
		return fmt.Sprintf("%d answers: %q", n, answer)
	case n == 0 && c.Closed():
		return "cut"
	case n == 0 && !c.WriteClosed():
		return "wait"
	case n == 0:
		return "closed without an answer"
	}
	closed, announced := c.WriteClosed(), strings.Contains(answer, "\r\nConnection: close\r\n")
	status := answer[len("HTTP/1.1 "):][:3]
	switch {
	case closed != announced:
		return fmt.Sprintf("%s: closed %v, announced %v", status, closed, announced)
	case status == "200" && closed:
		return "ok close"
	case status == "200":
		return "ok"
	case !closed:
		return status + " and it goes on"
	case len(s.Refused) == 0 && len(s.Exchanges) == 0:
		return status + " and nobody was told"
	}
	return status
}
