package cert

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Store is certificates in files, and the authorities of clients if there are any. It
// reads them again when they have changed. Any goroutine, but Reload blocks.
type Store struct {
	// Set has the certificates.
	Set Set

	files    []Files
	clientCA string
	clients  atomic.Pointer[x509.CertPool]

	mu     sync.Mutex // for what Reload knows
	stamps map[string]fs.FileInfo
	failed string // the error of the last reading; "" when it was good
	told   string // the last one that was told
}

// Open reads the certificates, and the authorities of clients unless clientCA is
// empty. The error is an *Error. Blocks: not on a loop that runs.
func Open(files []Files, clientCA string, now time.Time) (*Store, error) {
	s := &Store{files: files, clientCA: clientCA}
	s.stamps = s.look()
	return s, s.read(now)
}

// ClientCAs is the authorities of clients; nil when there are none.
func (s *Store) ClientCAs() *x509.CertPool { return s.clients.Load() }

// read reads all files, and takes what they hold if all of them can be used.
func (s *Store) read(now time.Time) error {
	list := make([]*tls.Certificate, 0, len(s.files))
	for _, f := range s.files {
		c, err := Load(f, now)
		if err != nil {
			return err
		}
		list = append(list, c)
	}
	if s.clientCA != "" {
		pool, err := LoadPool(s.clientCA)
		if err != nil {
			return err
		}
		s.clients.Store(pool)
	}
	s.Set.Replace(list)
	return nil
}

// Reload looks whether the files have changed, and reads them again if they have, or
// if they could not be used the last time. When they can not be used the certificates
// stay as they are, and err says why: the second time that it is the same reason, since
// files are written one after the other, and once for each reason. Blocks: not on the
// loop.
func (s *Store) Reload(now time.Time) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stamps := s.look()
	if s.failed == "" && same(stamps, s.stamps) {
		return false, nil
	}
	s.stamps = stamps
	if err := s.read(now); err != nil {
		text := err.Error()
		tell := text == s.failed && text != s.told
		if s.failed = text; !tell {
			return false, nil
		}
		s.told = text
		return false, err
	}
	s.failed, s.told = "", ""
	return true, nil
}

// look finds out what the files are at this moment.
func (s *Store) look() map[string]fs.FileInfo {
	stamps := make(map[string]fs.FileInfo)
	add := func(name string) {
		if info, err := os.Stat(name); err == nil {
			stamps[name] = info
		}
	}
	for _, f := range s.files {
		for _, name := range f.names() {
			add(name)
		}
	}
	if s.clientCA != "" {
		add(s.clientCA)
	}
	return stamps
}

func same(a, b map[string]fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok || x.Size() != y.Size() || !x.ModTime().Equal(y.ModTime()) || !os.SameFile(x, y) {
			return false
		}
	}
	return true
}
