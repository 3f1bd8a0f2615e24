package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"spindle/reactor"
)

// This file obtains one certificate. Everything here blocks, and runs on a thread.

const (
	overTLS  = "tls-alpn-01"
	overHTTP = "http-01"
)

// issuer asks one server.
type issuer struct {
	options reactor.ACMEOptions
	server  string
	http    *http.Client
	store   *store
}

func newIssuer(o *reactor.ACMEOptions) (*issuer, error) {
	i := &issuer{options: *o, server: serverURL(o.Server)}
	var err error
	if i.http, err = httpClient(o.Roots); err != nil {
		return nil, err
	}
	if o.Binding != "" {
		if _, err := readBinding(o.Binding); err != nil {
			return nil, fmt.Errorf("acme: %w", err)
		}
	}
	i.store, err = openStore(o.Dir, i.server)
	return i, err
}

// obtain gets a certificate for name. When another process has got one meanwhile it is
// that; held is what we have.
func (i *issuer) obtain(ctx context.Context, name string, held *tls.Certificate) (*tls.Certificate, error) {
	unlock, err := i.store.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	kept, err := i.store.load(name, time.Now())
	if err != nil {
		return nil, err
	}
	if kept != nil && (held == nil || kept.Leaf.NotAfter.After(held.Leaf.NotAfter)) {
		return kept, nil
	}
	defer i.http.CloseIdleConnections()
	c, err := i.client(ctx)
	if err != nil {
		return nil, err
	}
	order, err := i.prove(ctx, c, name)
	if err != nil {
		return nil, err
	}
	got, err := i.finish(ctx, c, order, name)
	if err != nil {
		return nil, err
	}
	return got, i.store.keep(name, got)
}

// prove makes an order and proves that name is ours, in one of the ways. A proof that
// has failed ends an order, so that the next way needs another.
func (i *issuer) prove(ctx context.Context, c *acme.Client, name string) (*acme.Order, error) {
	ways := i.options.Challenges
	if ways == nil {
		if ways = []string{overTLS}; proofs.overHTTP() {
			ways = append(ways, overHTTP)
		}
	}
	var failed []error
	for _, way := range ways {
		order, err := c.AuthorizeOrder(ctx, acme.DomainIDs(name))
		if err != nil {
			return nil, err
		}
		err = i.proveAll(ctx, c, order, way)
		if err == nil {
			return c.WaitOrder(ctx, order.URI)
		}
		var refused *acme.AuthorizationError
		if failed = append(failed, err); !errors.As(err, &refused) && !errors.Is(err, errNotOffered) {
			break
		}
	}
	return nil, errors.Join(failed...)
}

func (i *issuer) proveAll(ctx context.Context, c *acme.Client, order *acme.Order, way string) error {
	for _, url := range order.AuthzURLs {
		a, err := c.GetAuthorization(ctx, url)
		if err != nil {
			return err
		}
		if a.Status == acme.StatusValid { // it was proved lately
			continue
		}
		if err := i.proveOne(ctx, c, a, way); err != nil {
			return explain(err, way)
		}
	}
	return nil
}

var errNotOffered = errors.New("the authority does not offer this challenge")

// proveOne shows the authority what it comes to see, and waits for what it says.
func (i *issuer) proveOne(ctx context.Context, c *acme.Client, a *acme.Authorization, way string) error {
	for _, challenge := range a.Challenges {
		if challenge.Type != way {
			continue
		}
		hide, err := show(c, challenge, a.Identifier.Value)
		if err != nil {
			return err
		}
		defer hide()
		if _, err := c.Accept(ctx, challenge); err != nil {
			return err
		}
		_, err = c.WaitAuthorization(ctx, a.URI)
		return err
	}
	return errNotOffered
}

func show(c *acme.Client, challenge *acme.Challenge, name string) (hide func(), err error) {
	if challenge.Type == overHTTP {
		answer, err := c.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return nil, err
		}
		return proofs.showToken(challenge.Token, answer), nil
	}
	proof, err := c.TLSALPN01ChallengeCert(challenge.Token, name)
	if err != nil {
		return nil, err
	}
	return proofs.showCert(name, &proof), nil
}

// explain says what to look at when an authority was not convinced.
func explain(err error, way string) error {
	var refused *acme.AuthorizationError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", way, err)
	}
	port := "443, and nothing on the way may end TLS"
	if way == overHTTP {
		port = "80"
	}
	return fmt.Errorf("%s: the authority was not convinced (%w); the name has to lead here, to port %s", way, refused, port)
}

// finish has the authority sign a new key.
func (i *issuer) finish(ctx context.Context, c *acme.Client, order *acme.Order, name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := c.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, err
	}
	return accept(chain, key, name, time.Now())
}

// accept looks whether what an authority has sent is what was asked for.
func accept(chain [][]byte, key crypto.Signer, name string, now time.Time) (*tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("the authority has sent what is no certificate: %w", err)
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(key.Public()):
		return nil, errors.New("the authority has sent a certificate for another key")
	case leaf.VerifyHostname(name) != nil:
		return nil, fmt.Errorf("the authority has sent a certificate that is not for %s, but for %.80q", name, strings.Join(leaf.DNSNames, ", "))
	case now.After(leaf.NotAfter):
		return nil, fmt.Errorf("the authority has sent a certificate that has expired (%s); look at the clock", leaf.NotAfter)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}
