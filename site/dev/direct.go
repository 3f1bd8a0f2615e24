package dev

import (
	"net"
	"net/netip"
	"os"
	"strconv"

	"spindle/reactor"
	"spindle/resource"
)

// This file is the direct way (Options.Direct): programs are given the public socket itself,
// and accept at it. This process does so only while none of them answers. From one
// generation to the next the socket stays open, and clients wait in its queue if they have
// to. The next accepts when it is ready; then the one before is told to end, and answers what it
// has accepted.

// accepting has the public port accept, or leave that to the program that answers.
func (s *Supervisor) accepting() {
	p := s.opts.directPort()
	switch {
	case p == nil:
	case s.current != nil:
		p.PauseAccepting()
	default:
		p.ResumeAccepting()
	}
}

func (o *Options) directPort() *reactor.Port {
	if o.Direct == nil {
		return nil
	}
	return o.Direct()
}

// publicSocket is a copy of the socket of a port, and where this process reaches it.
func publicSocket(p *reactor.Port) (f *os.File, addr string, err error) {
	if f, err = p.File(); err != nil {
		return nil, "", err
	}
	ip := p.Addr().IP
	switch {
	case ip == netip.IPv6Unspecified(), ip == netip.IPv4Unspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return f, net.JoinHostPort(ip.String(), strconv.Itoa(int(p.Addr().Port))), nil
}

// leave has a client that this process has accepted at the public port come again, since the
// program accepts there by now.
func (s *Supervisor) leave(r *resource.Request) {
	if p := s.opts.directPort(); p != nil && s.current != nil && r.Host().Port == p.Addr().Port {
		r.SetField("Connection", "close")
	}
}
