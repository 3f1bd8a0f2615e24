package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// leafLife is as long as browsers accept (CA/Browser Forum, Baseline Requirements
// §6.3.2, as of 2020).
const leafLife = 397 * 24 * time.Hour

// backdate is for clients whose clock is behind.
const backdate = time.Hour

// Adhoc makes a certificate for names, which may be IP addresses and wildcards. It has
// signed itself, so a browser asks its user before it goes on; see Authority.
func Adhoc(names []string, now time.Time) (*tls.Certificate, error) {
	template, err := leafTemplate(names, now)
	if err != nil {
		return nil, err
	}
	return make509(template, nil)
}

// MachineNames is what this machine is called from here and from its network: its
// host name, localhost, and its addresses.
func MachineNames() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" && host != "localhost" {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local")
		}
	}
	names = append(names, "127.0.0.1", "::1")
	addrs, _ := net.InterfaceAddrs() // without them it is for the names alone
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && !slices.Contains(names, n.IP.String()) {
			names = append(names, n.IP.String())
		}
	}
	return names
}

// leafTemplate is the certificate of a server.
func leafTemplate(names []string, now time.Time) (*x509.Certificate, error) {
	t := &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"Spindle development certificate"}},
		NotBefore:   now.Add(-backdate),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
			continue
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		t.DNSNames = append(t.DNSNames, strings.ToLower(name))
	}
	if len(names) == 0 {
		return nil, problem("certificate", "it is for no name", "give at least one, such as localhost")
	}
	if len(names[0]) <= 64 { // X.520 allows no more
		t.Subject.CommonName = names[0]
	}
	return t, nil
}

// CheckHostName tells whether an authority could sign a certificate for name that is for
// it alone: a host name with a domain, and no wildcard.
func CheckHostName(name string) error {
	switch {
	case strings.HasPrefix(name, "*"):
		return problem(name, "a wildcard can be proved by an entry in the DNS only, which is not done here", "name the hosts one by one")
	case net.ParseIP(name) != nil:
		return problem(name, "this is an address", "give the name of the host")
	case !strings.Contains(name, ".") && name != "":
		return problem(name, "this is a name without a domain, which no authority signs", "give the whole name, as in www.example.org")
	}
	return checkName(name)
}

// checkName tells whether a certificate can be for name.
func checkName(name string) error {
	rest := strings.TrimPrefix(name, "*.")
	for label := range strings.SplitSeq(rest, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return problem(name, "this is no host name", "write it as in example.org, *.example.org or 192.0.2.1; letters beyond ASCII in Punycode")
		}
	}
	if len(name) > 253 {
		return problem(name[:20]+"…", "this is no host name: it is too long", "253 characters are the most")
	}
	return nil
}

// make509 makes a key and a certificate for it, signed by signer or by itself.
func make509(template *x509.Certificate, signer *tls.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	parent, signKey := template, any(key)
	if signer != nil {
		parent, signKey = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
