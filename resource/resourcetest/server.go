package resourcetest

import (
	"crypto/tls"
	"runtime"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
)

// patience bounds how far the clock is moved for one answer.
const patience = 24 * time.Hour

// Server is a tree with a loop of its own. The fields of its Dispatcher may be
// changed before the first request.
type Server struct {
	resource.Dispatcher
	Loop *reactortest.Loop
	// Peer is where requests come from; Host where they go to.
	Peer, Host reactor.Addr
	// Secure is what Request.TLS tells; nil means a plain connection.
	Secure *tls.ConnectionState
}

// New makes a Server for root. Ids of requests are all "test-id".
func New(root resource.Resource) *Server {
	s := &Server{Loop: reactortest.NewLoop()}
	s.Root = root
	s.NewID = func() string { return "test-id" }
	s.Peer.IP, s.Peer.Port = loopback, 40000
	s.Host.IP, s.Host.Port = loopback, 80
	return s
}

// Get asks root for target and gives back the whole answer.
func Get(root resource.Resource, target string) *Response { return New(root).Get(target) }

// Do is Get for any method, with fields and content; both may be nil.
func Do(root resource.Resource, method, target string, fields protocol.Fields, body []byte) *Response {
	return New(root).Do(method, target, fields, body)
}

// Get asks for target and gives back the whole answer.
func (s *Server) Get(target string) *Response { return s.Do("GET", target, nil, nil) }

// Do is Get for any method, with fields and content; both may be nil.
func (s *Server) Do(method, target string, fields protocol.Fields, body []byte) *Response {
	x := s.Start(method, target, fields, body)
	x.Wait()
	return &x.Response
}

// Start sends a request and runs the loop until it is idle, no longer.
func (s *Server) Start(method, target string, fields protocol.Fields, body []byte) *Exchange {
	h := Head(method, target, fields)
	h.ContentLength = int64(len(body))
	x := s.Open(h)
	if len(body) > 0 {
		x.Send(body)
		x.SendEnd(nil)
	}
	return x
}

// Open sends a head only. When its ContentLength is not 0 the content is sent by
// Send and SendEnd.
func (s *Server) Open(h *protocol.Head) *Exchange {
	x := &Exchange{server: s, left: -1}
	x.Length = -1
	x.ask(h)
	return x
}

// Head is the head of a request as a parser would give it. Without a Host field the
// authority is "example.com".
func Head(method, target string, fields protocol.Fields) *protocol.Head {
	h := &protocol.Head{Method: method, Target: []byte(target), Version: protocol.HTTP11, KeepAlive: true}
	for _, f := range fields {
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(f.Name), Value: []byte(f.Value)})
	}
	if h.Authority = h.Field("Host"); h.Authority == nil {
		h.Authority = []byte("example.com")
	}
	h.ExpectContinue = fields.Get("Expect") == "100-continue"
	h.Upgrade = fields.Has("Upgrade")
	rest := target
	switch {
	case target == "*":
		h.Form, h.Path = protocol.AsteriskForm, []byte("*")
		return h
	case method == "CONNECT":
		h.Form, h.Authority = protocol.AuthorityForm, []byte(target)
		return h
	case strings.Contains(target, "://") && !strings.HasPrefix(target, "/"):
		h.Form = protocol.AbsoluteForm
		scheme, after, _ := strings.Cut(target, "://")
		authority, path, _ := strings.Cut(after, "/")
		h.Scheme, h.Authority, rest = []byte(scheme), []byte(authority), "/"+path
	}
	path, query, has := strings.Cut(rest, "?")
	h.Path = []byte(path)
	if has {
		h.Query = []byte(query)
	}
	return h
}

// follow goes on until done, from timer to timer and from thread to thread. It gives
// up after a day of the clock.
func (s *Server) follow(done func() bool) {
	end := s.Loop.Now().Add(patience)
	pool := s.Loop.ThreadPool()
	for s.Loop.Run(); !done(); s.Loop.Run() {
		next, pending := s.Loop.Next()
		switch {
		case pool.Working()+pool.Waiting() > 0:
			runtime.Gosched()
		case pending && next.After(end):
			return
		case pending:
			s.Loop.Advance(next.Sub(s.Loop.Now()))
		default:
			s.Loop.WaitFor(func() bool { return done() || s.Loop.Pending() > 0 })
		}
	}
}
