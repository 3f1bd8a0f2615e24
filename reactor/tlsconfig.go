package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// This file makes configurations of TLS fit for the loop, and secures connections:
// outgoing ones, and such as have begun without.

// goodSuites are the cipher suites of TLS 1.2 that are offered when the configuration
// names none: those with forward secrecy and authenticated encryption. TLS 1.3 has no
// others.
var goodSuites = [...]uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// loopConfig is a copy of config with what the loop needs, and with our defaults where
// it says nothing.
func loopConfig(config *tls.Config, f Factory) *tls.Config {
	c := config.Clone()
	c.DynamicRecordSizingDisabled = true   // an answer is one record, not five
	c.Renegotiation = tls.RenegotiateNever // it would read while the loop waits
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if c.CipherSuites == nil {
		c.CipherSuites = goodSuites[:]
	}
	if c.WrapSession == nil && c.UnwrapSession == nil { // the keys, which crypto/tls changes daily, stay those of config
		c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
			return config.EncryptTicket(cs, ss)
		}
		c.UnwrapSession = config.DecryptTicket
	}
	if n, ok := f.(ProtocolNamer); ok && c.NextProtos == nil {
		c.NextProtos = n.NextProtos()
	}
	return c
}

// checkServerConfig tells of a configuration that no handshake could succeed with.
func checkServerConfig(c *tls.Config) error {
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return errors.New("reactor: TLS: the configuration has no certificate: set Certificates or GetCertificate")
	}
	for i, cert := range c.Certificates {
		if len(cert.Certificate) == 0 || cert.PrivateKey == nil {
			return fmt.Errorf("reactor: TLS: certificate %d of the configuration is empty or has no key", i)
		}
	}
	return nil
}

// ConnectTLS is ConnectTCP with TLS. The certificate of the server must be valid for
// host, or for config.ServerName where that is set; config may be nil. The Deferred
// gives the protocol after the handshake and its ConnectionMade. Loop only.
func (r *Reactor) ConnectTLS(host string, port int, f Factory, config *tls.Config) *Deferred[Protocol] {
	if config == nil {
		config = new(tls.Config)
	}
	config = loopConfig(config, f)
	if config.ServerName == "" {
		config.ServerName = host
	}
	var conn *secure
	result := NewDeferred[Protocol]()
	dial := r.ConnectTCP(host, port, FactoryFunc(func(Addr) Protocol {
		conn = r.secureConn(f, config, true)
		conn.hand.done = func(p Protocol, err error) {
			if err != nil {
				name := net.JoinHostPort(host, strconv.Itoa(port))
				result.Errback(fmt.Errorf("reactor: connect to %s: %w", name, err))
				return
			}
			result.Callback(p)
		}
		return conn
	}))
	dial.Then(nil, result.Errback)
	result.OnCancel(func() {
		dial.Cancel()
		if conn != nil {
			conn.AbortConnection()
		}
	})
	return result
}

// StartTLS puts TLS under a connection that has begun without it, when the current
// callback has returned and what was written is on its way. unread is what the
// protocol has of the peer's handshake already. When the handshake is complete f
// builds the protocol that goes on, with the secure Transport; the old one is called
// no more. A client verifies that the server's certificate is valid for
// config.ServerName. Loop only.
func StartTLS(t Transport, config *tls.Config, client bool, f Factory, unread []byte) error {
	c, ok := t.(*Conn)
	switch {
	case !ok:
		return fmt.Errorf("reactor: StartTLS: on a %T TLS can not be started", t)
	case f == nil || config == nil:
		return errors.New("reactor: StartTLS: the factory or the configuration is nil")
	case client && config.ServerName == "" && !config.InsecureSkipVerify:
		return errors.New("reactor: StartTLS: the configuration has no ServerName to verify")
	}
	if !client {
		if err := checkServerConfig(config); err != nil {
			return err
		}
	}
	t.Switch(c.r.secureConn(f, loopConfig(config, f), client), unread)
	return nil
}
