package acme

import (
	"crypto/tls"
	"strings"
	"sync"
)

// This file has what authorities come to see: for the whole process, since they may come
// to another port, or another loop, than the one that a certificate is for.

// proofTable is what is shown while an attempt is under way.
type proofTable struct {
	mu       sync.Mutex
	tokens   map[string]string           // HTTP-01: what is answered for a token
	certs    map[string]*tls.Certificate // TLS-ALPN-01: by name
	answered bool                        // somebody has asked for Answer
}

var proofs = proofTable{tokens: make(map[string]string), certs: make(map[string]*tls.Certificate)}

// Answer is for resource.HTTP01: the resource calls what it returns. From then on
// HTTP-01 is tried where TLS-ALPN-01 does not succeed. Any goroutine, both.
func Answer() func(token string) (answer string, ok bool) {
	proofs.mu.Lock()
	defer proofs.mu.Unlock()
	proofs.answered = true
	return proofs.forToken
}

func (t *proofTable) forToken(token string) (answer string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	answer, ok = t.tokens[token]
	return answer, ok
}

func (t *proofTable) forName(name string) *tls.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.certs[strings.ToLower(name)]
}

// overHTTP tells whether HTTP-01 is answered.
func (t *proofTable) overHTTP() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered
}

// showToken and showCert show a proof until hide is called.
func (t *proofTable) showToken(token, answer string) (hide func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens[token] = answer
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.tokens, token)
	}
}

func (t *proofTable) showCert(name string, c *tls.Certificate) (hide func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.certs[name] = c
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.certs[name] == c {
			delete(t.certs, name)
		}
	}
}
