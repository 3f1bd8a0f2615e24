package cert

import (
	"crypto/tls"
	"errors"
	"strings"
	"sync/atomic"
)

// Set is several certificates, of which each client gets the one for the name that it
// asks for. The zero Set is empty. Any goroutine.
type Set struct {
	now atomic.Pointer[table]
}

// table is one state of a Set. It is not changed.
type table struct {
	all    []*tls.Certificate
	byName map[string][]*tls.Certificate // in lower case; *.example.org too
}

// Replace makes list the certificates. The first is for clients that ask for no name,
// or for one that none of them has.
func (s *Set) Replace(list []*tls.Certificate) {
	t := &table{all: list, byName: make(map[string][]*tls.Certificate)}
	for _, c := range list {
		for _, name := range c.Leaf.DNSNames {
			name = strings.ToLower(name)
			t.byName[name] = append(t.byName[name], c)
		}
	}
	s.now.Store(t)
}

// Certificates is the list. It is not to be changed.
func (s *Set) Certificates() []*tls.Certificate {
	if t := s.now.Load(); t != nil {
		return t.all
	}
	return nil
}

// GetCertificate chooses as tls.Config.GetCertificate does: a certificate with the
// name itself, then one with a wildcard for it, then the first of all. Among those
// for the same name it is the first whose kind of key the client can use.
func (s *Set) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	t := s.now.Load()
	if t == nil || len(t.all) == 0 {
		return nil, errors.New("cert: there is no certificate")
	}
	if len(t.all) == 1 {
		return t.all[0], nil
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if list := t.byName[name]; list != nil {
		return fitting(list, hello), nil
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if list := t.byName["*."+parent]; list != nil {
			return fitting(list, hello), nil
		}
	}
	return fitting(t.all[:1], hello), nil
}

func fitting(list []*tls.Certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	for _, c := range list[:len(list)-1] {
		if hello.SupportsCertificate(c) == nil {
			return c
		}
	}
	if len(list) > 1 && hello.SupportsCertificate(list[len(list)-1]) != nil {
		return list[0]
	}
	return list[len(list)-1]
}
