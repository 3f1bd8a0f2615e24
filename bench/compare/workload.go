package main

import (
	"fmt"
	"strings"
)

// kind is how a workload is measured.
type kind int

const (
	cpuPerRequest kind = iota // × the reference
	idleMemory                // bytes for each idle connection
	idleOpen                  // CPU per request with idle connections ÷ without
)

// client is a program that makes load.
type client int

const (
	ownC   client = iota // bench/load
	wrk                  // where it is installed, else bench/load
	h2load               // HTTP/2, and TLS
	ownGo                // bench/goload: TLS handshakes, WebSocket
)

// request is what is asked, again and again.
type request struct {
	method, target string
	fields         [][2]string
	content        []byte
}

// bytes is the request as it is sent.
func (r request) bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", r.method, r.target)
	for _, f := range r.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	if r.content != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.content))
	}
	b.WriteString("\r\n")
	b.Write(r.content)
	return []byte(b.String())
}

// bar is what spindle has to reach: a value of its own, or not to be behind peers.
type bar struct {
	Max         float64  `json:"max,omitempty"`
	Peers       []string `json:"peers,omitempty"`
	NoGoroutine bool     `json:"no_goroutine,omitempty"` // for an idle connection
}

// workload is one line of the comparison.
type workload struct {
	id, title string
	kind      kind
	reference string // the server that others are divided by; "": limit-c
	wire      wire
	client    client
	spin      bool // the client never sleeps
	fresh     bool // a new connection for each request
	conns     int
	depth     int // requests in one write; streams of HTTP/2
	request   request
	answer    []byte            // the content of each answer
	bar       bar               // for spindle
	skip      map[string]string // servers that cannot do it, and why
}

var (
	plaintext = request{method: "GET", target: "/plaintext"}
	noEcho    = map[string]string{"nginx": "cannot answer with the content of a request"}
	noFiles   = map[string]string{"gnet": "has no file server, and would answer from memory"}
)

// browserFields make the head 600 bytes long, as that of a browser is.
var browserFields = [][2]string{
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"},
	{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
	{"Accept-Language", "en-GB,en;q=0.9,de;q=0.7"},
	{"Accept-Encoding", "gzip, deflate, br, zstd"},
	{"Referer", "http://localhost/articles/2026/event-loops.html"},
	{"Cookie", "session=4d9f1c0a7be84f6fb2c3a5d16e7f8091; theme=dark; tz=+1"},
	{"Upgrade-Insecure-Requests", "1"},
	{"Sec-Fetch-Dest", "document"},
	{"Sec-Fetch-Mode", "navigate"},
	{"Sec-Fetch-Site", "same-origin"},
	{"Connection", "keep-alive"},
}

// workloads are all, in the order in which they run.
func workloads(small, large []byte) []workload {
	all := append(inClear(small, large), append(secured(small, large), sockets()...)...)
	for i := range all {
		if w := &all[i]; w.reference == "" {
			w.reference = limitName
		}
	}
	return all
}

// secured is TLS 1.3, and HTTP/2 with and without it.
func secured(small, large []byte) []workload {
	hello := []byte("Hello, World!")
	file4k := request{method: "GET", target: "/files/" + smallName}
	file1m := request{method: "GET", target: "/files/" + largeName}
	closing := plaintext
	closing.fields = [][2]string{{"Connection", "close"}}
	return []workload{
		{id: "h2c", title: "HTTP/2 in the clear, plaintext, 16 connections × 32 streams", client: h2load, wire: h2c,
			reference: "net/http", conns: 16, depth: 32, request: plaintext, answer: hello, bar: bar{Max: .12}},
		{id: "h2tls4k", title: "HTTP/2 over TLS, file of 4 KiB, 16 connections × 32 streams", client: h2load, wire: h2,
			reference: "net/http", conns: 16, depth: 32, request: file4k, answer: small, bar: bar{Max: .14}},
		{id: "h2tls1m", title: "HTTP/2 over TLS, file of 1 MiB, 16 connections × 4 streams", client: h2load, wire: h2,
			reference: "net/http", conns: 16, depth: 4, request: file1m, answer: large, bar: bar{Max: 1}},
		{id: "tls4k", title: "TLS 1.3, file of 4 KiB, 64 keep-alive connections", client: h2load, wire: https,
			reference: "net/http", conns: 64, request: file4k, answer: small, bar: bar{Max: .35}},
		{id: "tls1m", title: "TLS 1.3, file of 1 MiB", client: h2load, wire: https,
			reference: "net/http", conns: 16, request: file1m, answer: large, bar: bar{Max: 1}},
		{id: "handshake", title: "TLS 1.3, a full handshake (P-256) for each request", client: ownGo, wire: https,
			reference: "net/http", fresh: true, conns: 16, request: closing, answer: hello, bar: bar{Max: .95}},
		{id: "tlsidle", title: "memory of an idle keep-alive connection with TLS", kind: idleMemory, client: ownGo, wire: https,
			request: plaintext, answer: hello, bar: bar{Max: 8 << 10, NoGoroutine: true}},
	}
}

// sockets is WebSocket.
func sockets() []workload {
	message := []byte(strings.Repeat("x", 125))
	return []workload{
		{id: "wsecho", title: "WebSocket, echo of 125 bytes, 64 connections", client: ownGo, wire: socketEcho,
			reference: "gobwas/ws", conns: 64, request: request{target: "/ws", content: message}, answer: message,
			bar: bar{Peers: []string{"gobwas/ws", "gws"}}},
		{id: "wsall", title: "WebSocket, a message to 10,000 connections, for each", client: ownGo, wire: socketAll,
			reference: "write(2)", conns: idleCount(), request: request{target: "/all", content: message}, answer: message,
			bar: bar{Max: 1.3}},
		{id: "wsidle", title: "memory of an idle WebSocket connection", kind: idleMemory, client: ownGo, wire: socketEcho,
			request: request{target: "/ws", content: message}, answer: message, bar: bar{Max: 1536}},
	}
}

// inClear is HTTP/1.1 in the clear.
func inClear(small, large []byte) []workload {
	hello := []byte("Hello, World!")
	kib := []byte(strings.Repeat("0123456789abcdef", 64))
	browser := plaintext
	browser.fields = browserFields
	closing := plaintext
	closing.fields = [][2]string{{"Connection", "close"}}
	echo := request{method: "POST", target: "/echo", content: kib,
		fields: [][2]string{{"Content-Type", "application/octet-stream"}}}
	return []workload{
		{id: "plaintext", title: "plaintext, 64 keep-alive connections", wire: plain, client: wrk, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.18}},
		{id: "saturated", title: "plaintext, 64 connections, the client spins", wire: plain, spin: true, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.28}},
		{id: "browser", title: "plaintext, browser-like heads of 600 bytes", wire: plain, client: wrk, conns: 64,
			request: browser, answer: hello, bar: bar{Max: 1.30}},
		{id: "pingpong", title: "plaintext, one connection", wire: plain, client: wrk, conns: 1,
			request: plaintext, answer: hello, bar: bar{Max: 1.3}},
		{id: "pipelined", title: "plaintext, 16 requests in one write", wire: plain, conns: 64, depth: 16,
			request: plaintext, answer: hello, bar: bar{Max: 1.6}},
		{id: "newconn", title: "plaintext, a new connection for each request", wire: plain, fresh: true, conns: 64,
			request: closing, answer: hello, bar: bar{Max: 1.2}},
		{id: "static4k", title: "static file of 4 KiB", wire: plain, client: wrk, conns: 64, skip: noFiles,
			request: request{method: "GET", target: "/files/" + smallName}, answer: small, bar: bar{Max: 1.4}},
		{id: "static1m", title: "static file of 1 MiB", wire: plain, conns: 64, skip: noFiles,
			request: request{method: "GET", target: "/files/" + largeName}, answer: large,
			bar: bar{Peers: []string{"net/http", "fasthttp"}}},
		{id: "echo", title: "POST of 1 KiB, echoed", wire: plain, client: wrk, conns: 64, skip: noEcho,
			request: echo, answer: kib, bar: bar{Max: 1.25}},
		{id: "idlemem", title: "memory of an idle keep-alive connection", wire: plain, kind: idleMemory, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 800}},
		{id: "idleopen", title: "plaintext while idle connections are open", wire: plain, kind: idleOpen, spin: true, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.05}},
	}
}

// measure names what the figure of a workload is.
func (w *workload) measure() string {
	switch {
	case w.kind == idleMemory:
		return "bytes resident for each"
	case w.kind == idleOpen:
		return "CPU per request, with ÷ without"
	case w.wire.socket():
		return "CPU per message, × " + w.reference
	default:
		return "CPU per request, × " + w.reference
	}
}

// references are the servers that those of all are divided by.
func references(all []workload) map[string]bool {
	names := map[string]bool{}
	for _, w := range all {
		if w.kind == cpuPerRequest {
			names[w.reference] = true
		}
	}
	return names
}

// choose gives back those workloads whose id is named in only, separated by
// commas; all for "".
func choose(all []workload, only string) ([]workload, error) {
	if only == "" {
		return all, nil
	}
	var chosen []workload
	for _, name := range strings.Split(only, ",") {
		found := false
		for _, w := range all {
			if w.id == strings.TrimSpace(name) {
				chosen, found = append(chosen, w), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no workload %q; there are %s", name, strings.Join(ids(all), ", "))
		}
	}
	return chosen, nil
}

func ids(all []workload) []string {
	var s []string
	for _, w := range all {
		s = append(s, w.id)
	}
	return s
}
