package cert

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Files is where a certificate is.
type Files struct {
	Cert  string // PEM: the certificate, then those of its issuers
	Key   string // PEM; "" means that it is in Cert
	Chain string // PEM: certificates of issuers that are not in Cert; may be empty
}

// names is the files, each once.
func (f Files) names() []string {
	list := []string{f.Cert}
	for _, name := range []string{f.Key, f.Chain} {
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}

// keyFile is the file with the key.
func (f Files) keyFile() string {
	if f.Key == "" {
		return f.Cert
	}
	return f.Key
}

// Load reads a certificate and its key, and checks that a client could accept them
// now. The error is an *Error. Blocks: not on the loop.
func Load(f Files, now time.Time) (*tls.Certificate, error) {
	c := new(tls.Certificate)
	for _, name := range []string{f.Cert, f.Chain} {
		if name == "" {
			continue
		}
		list, err := readCertificates(name)
		if err != nil {
			return nil, err
		}
		c.Certificate = append(c.Certificate, list...)
	}
	key, err := readKey(f)
	if err != nil {
		return nil, err
	}
	c.PrivateKey = key
	if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
		return nil, problem(f.Cert, "the certificate can not be read: "+parseText(err), "ask for a new one")
	}
	if err := checkFit(f, c); err != nil {
		return nil, err
	}
	if err := checkOrder(f, c); err != nil {
		return nil, err
	}
	return c, checkTime(f.Cert, c.Leaf, now)
}

// LoadPool reads the certificates of authorities. Blocks: not on the loop.
func LoadPool(name string) (*x509.CertPool, error) {
	list, err := readCertificates(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, der := range list {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, problem(name, "a certificate in it can not be read: "+parseText(err), "ask for a new one")
		}
		pool.AddCert(c)
	}
	return pool, nil
}

// readCertificates reads the certificates of a file, as they are on the wire.
func readCertificates(name string) (list [][]byte, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	var others []string
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			list = append(list, block.Bytes)
		} else {
			others = append(others, block.Type)
		}
	}
	if list == nil {
		return nil, noCertificate(name, data, others)
	}
	return list, nil
}

// readKey reads the first private key of a file.
func readKey(f Files) (crypto.Signer, error) {
	name := f.keyFile()
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	var others []string
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, noKey(f, data, others)
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, problem(name, "the key is encrypted, and there is nobody to ask for its password",
				"take the encryption off: openssl pkey -in "+name+" -out plain-key.pem")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseKey(name, block.Bytes)
		}
		others = append(others, block.Type)
	}
}

// parseKey knows the three forms in which keys are written.
func parseKey(name string, der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if rsa, e := x509.ParsePKCS1PrivateKey(der); e == nil {
			key, err = rsa, nil
		} else if ec, e := x509.ParseECPrivateKey(der); e == nil {
			key, err = ec, nil
		}
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, problem(name, "the key can not be read: it is damaged, or of a kind that TLS does not use",
			"use an ECDSA, RSA or Ed25519 key")
	}
	return signer, nil
}

// checkFit finds the certificate of the key: it has to be the first.
func checkFit(f Files, c *tls.Certificate) error {
	public, err := x509.MarshalPKIXPublicKey(c.PrivateKey.(crypto.Signer).Public())
	if err != nil {
		return problem(f.keyFile(), "TLS can not use this key: "+parseText(err), "use an ECDSA, RSA or Ed25519 key")
	}
	for i, der := range c.Certificate {
		x, err := x509.ParseCertificate(der)
		if err != nil || !bytes.Equal(x.RawSubjectPublicKeyInfo, public) {
			continue
		}
		if i > 0 {
			return problem(f.Cert, "the certificate of the server is number "+strconv.Itoa(i+1)+" in it",
				"put it first, then that of its issuer, and so on")
		}
		return nil
	}
	return problem(f.keyFile(), "this key does not belong to the certificate "+f.Cert+" ("+describe(c.Leaf)+")",
		"name the key that the certificate was made for")
}

// checkOrder looks whether each certificate is followed by that of its issuer, if that is
// there at all: clients before TLS 1.3 need it so (RFC 8446 §4.4.2). One that stands for
// another with the same name, in place of it, may stand between.
func checkOrder(f Files, c *tls.Certificate) error {
	var chain []*x509.Certificate
	for _, der := range c.Certificate {
		x, err := x509.ParseCertificate(der)
		if err != nil {
			return nil // whoever wants it will say so
		}
		chain = append(chain, x)
	}
	named := func(list []*x509.Certificate, name []byte) int {
		return slices.IndexFunc(list, func(x *x509.Certificate) bool { return bytes.Equal(x.RawSubject, name) })
	}
	for i := 0; i+2 < len(chain); i++ {
		at, next := chain[i], chain[i+1]
		issuer := named(chain[i+1:], at.RawIssuer)
		if issuer > 0 && named(chain[:i+1], at.RawIssuer) < 0 && named(chain[:i+1], next.RawSubject) < 0 {
			return problem(f.Cert, fmt.Sprintf("the certificates are not in order: that of the issuer of number %d is number %d", i+1, i+2+issuer),
				"put each before that of its issuer")
		}
	}
	return nil
}

func checkTime(name string, leaf *x509.Certificate, now time.Time) error {
	const day = "2 January 2006"
	switch {
	case now.After(leaf.NotAfter):
		return problem(name, "the certificate ("+describe(leaf)+") expired on "+leaf.NotAfter.UTC().Format(day),
			"renew it; what renews it by itself should tell why it did not")
	case now.Before(leaf.NotBefore):
		return problem(name, "the certificate ("+describe(leaf)+") is valid from "+leaf.NotBefore.UTC().Format(day+" 15:04 MST")+" on only",
			"look at the clock of this machine: it says "+now.UTC().Format(day+" 15:04 MST"))
	}
	return nil
}
