package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"spindle/reactor/cert"
)

// This file is the directory in which the key of the account, the certificates and their
// keys are kept. There is one below it for each server, so that a certificate of a
// server for trying out is not taken for a good one.

// errBusy tells that another process, or another port, has the directory.
var errBusy = errors.New("acme: another process is obtaining certificates")

// store is the directory for one server. Its methods block.
type store struct{ dir string }

// openStore makes the directory, for this user alone.
func openStore(dir, server string) (*store, error) {
	if dir == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("acme: there is no directory for the certificates, name one by acmedir: %w", err)
		}
		dir = filepath.Join(config, "spindle", "acme")
	}
	s := &store{dir: filepath.Join(dir, serverName(server))}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("acme: the directory for the certificates can not be made: %w", err)
	}
	for _, d := range []string{dir, s.dir} {
		info, err := os.Stat(d)
		if err != nil {
			return nil, fmt.Errorf("acme: the directory for the certificates: %w", err)
		}
		if info.Mode().Perm()&0o022 != 0 {
			return nil, fmt.Errorf("acme: others may write to %s, and could put their certificates there: chmod 700 %s", d, d)
		}
	}
	return s, nil
}

// serverName is the URL of a server as the name of a directory.
func serverName(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return "server"
	}
	name := u.Host + strings.TrimRight(u.Path, "/")
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, name)
}

func (s *store) files(name string) cert.Files {
	base := filepath.Join(s.dir, name)
	return cert.Files{Cert: base + ".pem", Key: base + "-key.pem"}
}

// load is the certificate that is kept for name; nil when there is none, or one that is
// good no more.
func (s *store) load(name string, now time.Time) (*tls.Certificate, error) {
	f := s.files(name)
	if _, err := os.Stat(f.Cert); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c, err := cert.Load(f, now)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("acme: %w", err)
	case err != nil || c.Leaf.VerifyHostname(name) != nil:
		return nil, nil // a new one takes its place
	}
	return c, nil
}

// keep writes a certificate; the key is for this user alone.
func (s *store) keep(name string, c *tls.Certificate) error {
	f := s.files(name)
	return cert.Write(c, f.Cert, f.Key)
}

// lock is for who obtains a certificate. It ends with the process.
func (s *store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, errBusy
		}
		return nil, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return func() { f.Close() }, nil
}

// accountKey is the key of the account, made the first time.
func (s *store) accountKey() (*ecdsa.PrivateKey, error) {
	name := filepath.Join(s.dir, "account-key.pem")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(name)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: this is no key in the form PEM; move it away, and another account is made", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	ec, ok := key.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s: this is no ECDSA key in the form PKCS #8; move it away, and another account is made", name)
	}
	return ec, nil
}

func makeKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(name)
		return nil, err
	}
	return key, nil
}
