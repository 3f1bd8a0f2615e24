package main

import (
	"fmt"
	"strings"
)

// kind is how a workload is measured.
type kind int

const (
	cpuPerRequest kind = iota // × the limit
	idleMemory                // bytes for each idle connection
	idleOpen                  // CPU per request with idle connections ÷ without
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
	Max   float64  `json:"max,omitempty"`
	Peers []string `json:"peers,omitempty"`
}

// workload is one line of the comparison.
type workload struct {
	id, title string
	kind      kind
	wrk       bool // with wrk where it is installed
	spin      bool // the client never sleeps
	fresh     bool // a new connection for each request
	conns     int
	depth     int // requests in one write
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
	hello := []byte("Hello, World!")
	kib := []byte(strings.Repeat("0123456789abcdef", 64))
	browser := plaintext
	browser.fields = browserFields
	closing := plaintext
	closing.fields = [][2]string{{"Connection", "close"}}
	echo := request{method: "POST", target: "/echo", content: kib,
		fields: [][2]string{{"Content-Type", "application/octet-stream"}}}
	return []workload{
		{id: "plaintext", title: "plaintext, 64 keep-alive connections", wrk: true, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.18}},
		{id: "saturated", title: "plaintext, 64 connections, the client spins", spin: true, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.28}},
		{id: "browser", title: "plaintext, browser-like heads of 600 bytes", wrk: true, conns: 64,
			request: browser, answer: hello, bar: bar{Max: 1.30}},
		{id: "pingpong", title: "plaintext, one connection", wrk: true, conns: 1,
			request: plaintext, answer: hello, bar: bar{Max: 1.3}},
		{id: "pipelined", title: "plaintext, 16 requests in one write", conns: 64, depth: 16,
			request: plaintext, answer: hello, bar: bar{Max: 1.6}},
		{id: "newconn", title: "plaintext, a new connection for each request", fresh: true, conns: 64,
			request: closing, answer: hello, bar: bar{Max: 1.2}},
		{id: "static4k", title: "static file of 4 KiB", wrk: true, conns: 64, skip: noFiles,
			request: request{method: "GET", target: "/files/" + smallName}, answer: small, bar: bar{Max: 1.4}},
		{id: "static1m", title: "static file of 1 MiB", conns: 64, skip: noFiles,
			request: request{method: "GET", target: "/files/" + largeName}, answer: large,
			bar: bar{Peers: []string{"net/http", "fasthttp"}}},
		{id: "echo", title: "POST of 1 KiB, echoed", wrk: true, conns: 64, skip: noEcho,
			request: echo, answer: kib, bar: bar{Max: 1.25}},
		{id: "idlemem", title: "memory of an idle keep-alive connection", kind: idleMemory, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 800}},
		{id: "idleopen", title: "plaintext while idle connections are open", kind: idleOpen, spin: true, conns: 64,
			request: plaintext, answer: hello, bar: bar{Max: 1.05}},
	}
}

// measure names what the figure of a kind is.
func (k kind) measure() string {
	switch k {
	case idleMemory:
		return "bytes resident for each"
	case idleOpen:
		return "CPU per request, with ÷ without"
	default:
		return "CPU per request, × the limit"
	}
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
