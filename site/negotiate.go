package site

import (
	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/http2"
	"spindle/protocol/nethttp"
	"spindle/reactor"
)

// This file chooses between HTTP/1 and HTTP/2 for each connection: by ALPN (RFC
// 7301) where there is TLS, else by the first bytes. A client that knows beforehand
// that there is HTTP/2 begins with its preface (RFC 9113 §3.3), which HTTP/1 takes
// for a request that it would refuse: it is looked for there only, so that other
// requests pay nothing.

// nextProtos is what is offered by ALPN, the most wanted first. A client that names
// HTTP/1.0 alone, as curl can, would fail the handshake without it.
var nextProtos = []string{"h2", "http/1.1", "http/1.0"}

// startProtocols makes the factories of both.
func (s *Site) startProtocols() {
	h1 := s.settings()
	if !s.NoHTTP2 {
		h1.Preface = s.BuildHTTP2
	}
	s.http1 = http1.NewFactory(s, h1)
	s.http2 = http2.NewFactory(s, s.settings2())
	s.hosted.factory = nethttp.NewFactory(s.loop, s, &nethttp.Settings{ServerName: s.ServerName, Logger: s.ErrorLog})
}

// settings2 is the limits as HTTP/2 takes them.
func (s *Site) settings2() *http2.Settings {
	return &http2.Settings{
		ServerName:          s.ServerName,
		ExtendedConnect:     true,
		MaxRequestLineBytes: s.MaxRequestLineBytes,
		MaxFieldBytes:       s.MaxFieldBytes,
		MaxFields:           s.MaxFields,
		MaxQueuedBytes:      s.MaxQueuedBytes,
		MaxStreams:          s.MaxStreams,
		Full:                s.full,
		FirstByteTimeout:    s.HeadTimeout,
		HeadTimeout:         s.HeadTimeout,
		IdleTimeout:         s.IdleTimeout,
		BodyTimeout:         s.BodyTimeout,
		MinBodyRate:         s.MinBodyRate,
		WriteTimeout:        s.WriteTimeout,
		Logger:              s.ErrorLog,
	}
}

// NextProtos is what is offered by ALPN. See reactor.NegotiatedFactory.
func (s *Site) NextProtos() []string {
	if s.NoHTTP2 {
		return nextProtos[1:]
	}
	return nextProtos
}

// BuildNegotiated makes the protocol that the handshake of a secure connection
// agreed upon. See reactor.NegotiatedFactory.
func (s *Site) BuildNegotiated(peer reactor.Addr, alpn string) reactor.Protocol {
	if alpn == "h2" && !s.NoHTTP2 {
		return s.http2.BuildProtocol(peer)
	}
	return s.http1.BuildProtocol(peer)
}

// BuildHTTP2 makes the protocol of a connection that is known to speak HTTP/2.
func (s *Site) BuildHTTP2(peer reactor.Addr) reactor.Protocol { return s.http2.BuildProtocol(peer) }

// upgradable is the Receiver of a request that may ask for HTTP/2. Once it is known that
// it does not, it is a Request like others.
type upgradable struct {
	protocol.Receiver
	site *Site
	c    *http1.Channel
}

// HeadReceived finds out.
func (u *upgradable) HeadReceived(h *protocol.Head) {
	if u.site.http2.Upgrade(u.c, h) {
		return
	}
	u.Receiver = u.site.newRequest(u.c)
	u.Receiver.HeadReceived(h)
}

// full tells whether a new connection is one too many, after making room for it
// where that is possible.
func (s *Site) full() bool {
	return s.room > 0 && s.Connections().Open >= s.room && !s.ShedIdle()
}

var _ reactor.NegotiatedFactory = (*Site)(nil)
