package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"spindle/reactor/cert"
)

// This file is about certificates that are obtained over the network while a port
// listens. How that is done is in reactor/acme; a program that does not import it does
// not link it.

// ACMEOptions says which certificates are obtained from an authority that speaks ACME
// (RFC 8555), such as Let's Encrypt. Who names a server and goes on agrees to its terms
// of service.
type ACMEOptions struct {
	// Names are the host names, each of which gets a certificate of its own. None
	// may be a wildcard or an address.
	Names []string
	// Server is the URL of the authority's directory; "" means Let's Encrypt.
	// "letsencrypt-staging" is its server for trying out. In place of an URL there
	// may stand its part behind "https://".
	Server string
	// Dir is where the key of the account, the certificates and their keys are
	// kept, for this user alone; "" means spindle/acme in the configuration of
	// the user.
	Dir string
	// Email is where the authority may write to; "" for nowhere.
	Email string
	// Challenges are the ways to prove that the names are ours, the best first:
	// "tls-alpn-01" (RFC 8737), for which the authority comes to port 443, and
	// "http-01" (RFC 8555 §8.3), for which it comes to port 80 and a
	// resource.HTTP01 answers. nil means the first, then the second if there is
	// such a resource.
	Challenges []string
	// Roots is a file with the certificates of those who vouch for the server, when
	// the system does not know them; "" when it does.
	Roots string
	// Binding is a file with two words, the identifier and the key in base64url
	// that an authority gives to its customers (external account binding, RFC
	// 8555 §7.3.4); "" for one that asks for none.
	Binding string
	// RetryAfter is how long to wait after the authority has refused; the wait
	// grows with each time that follows. 0 means 5 minutes.
	RetryAfter time.Duration
}

// acmeALPN is what an authority offers that comes to see a proof, and nobody else. What
// it came for is over with the handshake (RFC 8737 §3).
const acmeALPN = "acme-tls/1"

// Obtainer gets certificates, and new ones before they expire.
type Obtainer interface {
	// Certificates is those that there are at this moment; there may be none. Any
	// goroutine.
	Certificates() []*tls.Certificate
	// Start begins, when the port listens. changed is to be called after
	// Certificates has. Loop only.
	Start(l Loop, log *slog.Logger, changed func())
	// Stop ends it, when the port listens no more; Start may follow. Loop only.
	Stop()
	// Proof is the certificate for the authority that comes by ALPN to see one for
	// name; nil when there is none. Any goroutine.
	Proof(name string) *tls.Certificate
}

var newObtainer func(o *ACMEOptions, now time.Time) (Obtainer, error)

// RegisterObtainer is called by package acme when a program imports it. open may block.
func RegisterObtainer(open func(o *ACMEOptions, now time.Time) (Obtainer, error)) { newObtainer = open }

// openObtainer makes what the options ask for. Blocks.
func (s *tlsSource) openObtainer(now time.Time) (err error) {
	o := s.options.ACME
	switch {
	case o == nil:
		return nil
	case newObtainer == nil:
		return errors.New(`this program can not obtain certificates: it has to import _ "spindle/reactor/acme"`)
	}
	s.obtainer, err = newObtainer(o, now)
	return err
}

// showProofs has authorities see what they come for.
func (s *tlsSource) showProofs() {
	others := s.config.GetConfigForClient
	s.config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmeALPN {
			return s.proving(hello.ServerName)
		}
		if others == nil {
			return nil, nil
		}
		return others(hello)
	}
}

func (s *tlsSource) proving(name string) (*tls.Config, error) {
	proof := s.obtainer.Proof(name)
	if proof == nil {
		return nil, fmt.Errorf("reactor: TLS: an authority asks for a proof for %q, and there is none", clip(name))
	}
	return &tls.Config{
		Certificates: []tls.Certificate{*proof}, NextProtos: []string{acmeALPN},
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
	}, nil
}

// obtain begins, as long as the port listens.
func (p *Port) obtain(s *tlsSource) {
	if s.obtainer != nil {
		s.obtainer.Start(p.r, p.r.logger(), s.replace)
	}
}

// parseACME reads what is about certificates that are obtained; nil for none.
func (a *endpointArgs) parseACME() *ACMEOptions {
	names, given := a.option("acme")
	o := &ACMEOptions{Names: strings.Split(names, ",")}
	first := len(a.known)
	o.Server, _ = a.option("acmeserver")
	o.Dir, _ = a.option("acmedir")
	o.Email, _ = a.option("acmeemail")
	o.Roots, _ = a.option("acmeroots")
	o.Binding, _ = a.option("acmebinding")
	o.RetryAfter = a.duration("acmeretry")
	if text, given := a.option("acmechallenge"); given {
		o.Challenges = strings.Split(text, ",")
	}
	if given {
		if err := o.Check(); err != nil {
			a.fail("%s", err)
		}
		return o
	}
	if (o.Server+o.Dir+o.Email+o.Roots+o.Binding) != "" || o.Challenges != nil || o.RetryAfter != 0 {
		a.fail("%s are about certificates that are obtained: name the hosts with acme=example.org", strings.Join(a.known[first:], ", "))
	}
	return nil
}

// Check tells what is wrong with the options without asking anybody.
func (o *ACMEOptions) Check() error {
	if len(o.Names) == 0 {
		return errors.New("acme: no host is named")
	}
	for _, name := range o.Names {
		if err := cert.CheckHostName(name); err != nil {
			return fmt.Errorf("acme: %w", err)
		}
	}
	for _, c := range o.Challenges {
		if c != "tls-alpn-01" && c != "http-01" {
			return fmt.Errorf("acmechallenge=%s: there are tls-alpn-01 and http-01", clip(c))
		}
	}
	if strings.HasPrefix(o.Server, "http:") {
		return fmt.Errorf("acmeserver=%s: an authority is asked over https only", clip(o.Server))
	}
	return nil
}

// append writes the options.
func (o *ACMEOptions) append(b []byte) []byte {
	if o == nil {
		return b
	}
	for _, option := range [...]struct{ key, value string }{
		{"acme", strings.Join(o.Names, ",")}, {"acmeserver", o.Server}, {"acmedir", o.Dir}, {"acmeemail", o.Email},
		{"acmeroots", o.Roots}, {"acmebinding", o.Binding}, {"acmechallenge", strings.Join(o.Challenges, ",")},
	} {
		b = appendOption(b, option.key, QuoteEndpoint(option.value))
	}
	if o.RetryAfter > 0 {
		b = appendOption(b, "acmeretry", durationText(o.RetryAfter))
	}
	return b
}

// certificates is all of them in their order: those of files, those that the program has
// given, those that were obtained.
func (s *tlsSource) certificates() []*tls.Certificate {
	list := slices.Concat(s.fromFiles(), s.options.Certificates)
	if s.obtainer != nil {
		list = append(list, s.obtainer.Certificates()...)
	}
	return list
}

// replace puts them in force. Any goroutine.
func (s *tlsSource) replace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.Replace(s.certificates())
}
