package cert

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// authorityLife is long, since it is trusted by hand on each machine.
const authorityLife = 10 * 365 * 24 * time.Hour

// Authority is one for development: it signs certificates that a browser accepts that
// has been told, once, to trust it. Who has its key can pretend to be any site to
// that browser: it stays with the user who made it.
type Authority struct {
	cert *tls.Certificate
	dir  string
}

// AuthorityDir is where the authority of this user is kept.
func AuthorityDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "spindle"), err
}

// OpenAuthority reads the authority in dir. The error is fs.ErrNotExist when none has
// been made. Blocks.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	a := &Authority{dir: dir}
	if _, err := os.Stat(a.CertFile()); errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c, err := Load(Files{Cert: a.CertFile(), Key: a.KeyFile()}, now)
	if err != nil {
		return nil, err
	}
	if !c.Leaf.IsCA {
		return nil, problem(a.CertFile(), "this is no authority", "move it away, and make a new one with spindle cert --ca")
	}
	a.cert = c
	return a, nil
}

// MakeAuthority makes an authority and keeps it in dir. owner is in its name. Blocks.
func MakeAuthority(dir, owner string, now time.Time) (*Authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Spindle development authority"}, CommonName: "Spindle development authority of " + owner},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	if len(template.Subject.CommonName) > 64 { // X.520 allows no more
		template.Subject.CommonName = "Spindle development authority"
	}
	c, err := make509(template, nil)
	if err != nil {
		return nil, err
	}
	a := &Authority{cert: c, dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return a, write(c.Certificate, c.PrivateKey, a.CertFile(), a.KeyFile())
}

// CertFile is the name of the certificate that is to be trusted.
func (a *Authority) CertFile() string { return filepath.Join(a.dir, "ca.pem") }

// KeyFile is the name of the key that signs.
func (a *Authority) KeyFile() string { return filepath.Join(a.dir, "ca-key.pem") }

// Certificate is the authority's own.
func (a *Authority) Certificate() *x509.Certificate { return a.cert.Leaf }

// Issue makes a certificate for names, which may be IP addresses and wildcards.
func (a *Authority) Issue(names []string, now time.Time) (*tls.Certificate, error) {
	template, err := leafTemplate(names, now)
	if err != nil {
		return nil, err
	}
	if template.NotAfter.After(a.cert.Leaf.NotAfter) {
		template.NotAfter = a.cert.Leaf.NotAfter
	}
	return make509(template, a.cert)
}

// Write keeps a certificate with its key in files; the key is for their owner alone.
// Blocks.
func Write(c *tls.Certificate, certFile, keyFile string) error {
	return write(c.Certificate, c.PrivateKey, certFile, keyFile)
}

func write(chain [][]byte, key any, certFile, keyFile string) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := replaceFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	var text []byte
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return replaceFile(certFile, text, 0o644)
}

// replaceFile puts a new file in the place of the old one, whole or not at all.
func replaceFile(name string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect when all goes well
	_, err = f.Write(data)
	if e := f.Chmod(mode); err == nil {
		err = e
	}
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
