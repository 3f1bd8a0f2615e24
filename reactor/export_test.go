package reactor

import "crypto/tls"

// This file lets the tests outside this package reach what they need of it.

// SecureClient is the protocol of a raw connection that makes it a secure one, and
// has f build the protocol inside.
func (r *Reactor) SecureClient(f Factory, config *tls.Config) Protocol {
	return r.secureConn(f, config, true)
}

// TestCert is testCert.
var TestCert = testCert
