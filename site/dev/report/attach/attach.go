// Package attach puts report.Handler around the handler of every server of net/http in the
// program. spindle dev builds it, and what it imports, into programs that do not do so
// themselves: see witness.go of package dev. Nobody else imports it, since a program with it
// is linked with -checklinkname=0 alone.
package attach

import (
	"log"
	"net"
	"net/http"
	"sync"
	_ "unsafe"

	"spindle/protocol/postmortem"
	"spindle/site/dev/report"
)

// testHookServerServe is a variable of net/http: what it holds is called when a server
// begins to accept.
//
//go:linkname testHookServerServe net/http.testHookServerServe
var testHookServerServe func(*http.Server, net.Listener)

func init() {
	if postmortem.Wanted() {
		testHookServerServe = attach
	}
}

// attached is a handler that reports.
type attached struct{ http.Handler }

var attaching sync.Mutex // a server may accept at several places

// attach has a server report: its Handler is another one from then on, by which a program
// that looks at the field sees that it is developed.
func attach(s *http.Server, _ net.Listener) {
	attaching.Lock()
	defer attaching.Unlock()
	h := s.Handler
	switch h.(type) {
	case attached:
		return
	case nil:
		h = http.DefaultServeMux
	}
	s.Handler = attached{report.Logged(h, func(format string, args ...any) {
		if s.ErrorLog != nil {
			s.ErrorLog.Printf(format, args...)
			return
		}
		log.Printf(format, args...)
	})}
}
