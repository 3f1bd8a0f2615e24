package reactor

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"spindle/reactor/cert"
)

// This file makes the configuration of a port from the options of its endpoint, and
// keeps its certificates fresh.

const reloadEvery = 10 * time.Second

// tlsSource is what the options have become: certificates, and the configuration that
// the ports of a group have in common, so that a session can be resumed at each.
type tlsSource struct {
	options  TLSOptions
	store    *cert.Store // nil without files
	obtainer Obtainer    // nil when none are obtained
	set      *cert.Set
	config   *tls.Config
	mu       sync.Mutex // for replace
}

// openTLS reads what the options name. Blocks: not on a loop that serves.
func openTLS(o *TLSOptions, f Factory, now time.Time) (*tlsSource, error) {
	s := &tlsSource{options: *o}
	if err := s.openCertificates(now); err != nil {
		return nil, fmt.Errorf("reactor: TLS: %w", err)
	}
	s.config = &tls.Config{GetCertificate: s.set.GetCertificate, MinVersion: o.MinVersion, NextProtos: o.ALPN}
	if o.ClientCA != "" {
		s.askClients()
	}
	if s.obtainer != nil {
		s.showProofs()
	}
	if o.KeyLog != "" {
		log, err := os.OpenFile(o.KeyLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("reactor: TLS: key log: %w", err)
		}
		s.config.KeyLogWriter = log // as long as there are connections
	}
	s.config = loopConfig(s.config, f)
	return s, nil
}

func (s *tlsSource) openCertificates(now time.Time) (err error) {
	o := &s.options
	if len(o.Files) > 0 || o.ClientCA != "" {
		if s.store, err = cert.Open(o.Files, o.ClientCA, now); err != nil {
			return err
		}
	}
	if err = s.openObtainer(now); err != nil {
		return err
	}
	if s.store != nil && len(o.Certificates) == 0 && s.obtainer == nil && len(o.Files) > 0 {
		s.set = &s.store.Set
		return nil
	}
	if len(o.Files)+len(o.Certificates) == 0 && s.obtainer == nil {
		adhoc, err := cert.Adhoc(cert.MachineNames(), now)
		if err != nil {
			return err
		}
		s.options.Certificates = []*tls.Certificate{adhoc}
	}
	s.set = new(cert.Set)
	s.replace()
	return nil
}

// fromFiles is a copy of the list of those that come from files.
func (s *tlsSource) fromFiles() []*tls.Certificate {
	if s.store == nil {
		return nil
	}
	return append([]*tls.Certificate(nil), s.store.Set.Certificates()...)
}

// askClients has clients show a certificate of the authorities, which may change.
func (s *tlsSource) askClients() {
	c := s.config
	c.ClientCAs = s.store.ClientCAs()
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if s.options.ClientAuthOptional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	first := c.ClientCAs
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if now := s.store.ClientCAs(); now != first {
			return s.trusting(now), nil
		}
		return nil, nil
	}
}

// trusting is the configuration with other authorities.
func (s *tlsSource) trusting(pool *x509.CertPool) *tls.Config {
	c := s.config.Clone()
	c.GetConfigForClient, c.ClientCAs = nil, pool
	return c
}

// reload looks at the files. Blocks: not on the loop.
func (s *tlsSource) reload(now time.Time) (changed bool, err error) {
	changed, err = s.store.Reload(now)
	if changed && s.set != &s.store.Set && len(s.options.Files) > 0 {
		s.replace()
	}
	return changed, err
}

// watch has the files looked at as long as the port listens.
func (p *Port) watch(s *tlsSource) {
	every := s.options.ReloadEvery
	if every == 0 {
		every = reloadEvery
	}
	if s.store == nil || every < 0 {
		return
	}
	var call *DelayedCall
	call = p.r.timers.CallLater(every, func() {
		p.r.threads.CallInThread(func() {
			changed, err := s.reload(time.Now())
			p.r.CallFromThread(func() {
				p.tellReload(changed, err)
				if p.reload == call && p.listening { // else it was stopped meanwhile
					p.watch(s)
				}
			})
		})
	})
	p.reload = call
}

func (p *Port) tellReload(changed bool, err error) {
	log := p.r.logger()
	switch {
	case err != nil:
		log.Error("reactor: TLS: the new certificate is not taken; the one before goes on", "port", p.Addr().String(), "err", err)
	case changed:
		log.Info("reactor: TLS: the certificates were read again", "port", p.Addr().String())
	}
}

// listenTLS makes a port with a source that others may share; the first of them
// watches the files.
func (r *Reactor) listenTLS(e Endpoint, f Factory, s *tlsSource, first bool) (*Port, error) {
	p := &Port{r: r, factory: f, endpoint: e, tls: s.config}
	if first {
		p.source = s
	}
	if err := p.start(e); err != nil {
		return nil, r.fail(err)
	}
	if s.options.KeyLog != "" && first {
		r.logger().Warn("reactor: TLS: the keys of all connections are written to a file: who reads it can read them",
			"port", p.Addr().String(), "file", s.options.KeyLog)
	}
	return p, nil
}
