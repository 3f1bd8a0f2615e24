package reactor

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"spindle/reactor/cert"
)

// This file is the part of an endpoint that is about TLS.

// TLSOptions says how the connections of an endpoint are secured.
type TLSOptions struct {
	// Files are the certificates; a client gets the one for the name that it asks
	// for (SNI), the first when there is none for it. They are read again when
	// they change. Without Files, Certificates and ACME an adhoc one is made for
	// localhost and for the names and addresses of this machine, which nobody
	// trusts.
	Files []cert.Files
	// Certificates are such as are not in files. They come behind those of Files,
	// and have no place in an endpoint string. Each has its Leaf.
	Certificates []*tls.Certificate
	// ACME has certificates obtained from an authority, and renewed; nil for none. The
	// program has to import spindle/reactor/acme. They come behind the others.
	ACME *ACMEOptions
	// ClientCA is the file of the authorities whose certificates clients have to
	// show; "" asks for none. See Request.TLS for what they have shown.
	ClientCA string
	// ClientAuthOptional lets clients in that show no certificate.
	ClientAuthOptional bool
	// ALPN are the protocols, the best first; nil means those of the factory.
	ALPN []string
	// MinVersion is the lowest version, such as tls.VersionTLS13; 0 means 1.2.
	MinVersion uint16
	// KeyLog is a file to which the keys of all connections are appended, for
	// programs that decrypt what they have recorded; "" for none.
	KeyLog string
	// ReloadEvery is how often the files are looked at; 0 means 10 s, negative
	// means never.
	ReloadEvery time.Duration
}

// The keys of certificates, which may be given several times, and how Twisted
// spells them.
var certKeys = map[string]string{
	"cert": "cert", "certkey": "cert",
	"key": "key", "privatekey": "key",
	"chain": "chain", "extracertchain": "chain",
}

var tlsVersions = [...]struct {
	name    string
	version uint16
}{{"1.2", tls.VersionTLS12}, {"1.3", tls.VersionTLS13}}

// parseTLS reads what is about TLS.
func (e *Endpoint) parseTLS(a *endpointArgs) {
	o := &TLSOptions{Files: a.certificates()}
	o.ClientCA, _ = a.option("clientca")
	switch text, given := a.option("clientauth"); {
	case !given || text == "required":
	case text != "optional":
		a.fail("%s is neither required nor optional", quoted("clientauth", text))
	default:
		o.ClientAuthOptional = true
	}
	if o.ClientAuthOptional && o.ClientCA == "" {
		a.fail("clientauth is about the certificates of clients: name their authority with clientca")
	}
	if text, given := a.option("alpn"); given {
		o.ALPN = strings.Split(text, ",")
		if slices.ContainsFunc(o.ALPN, func(p string) bool { return p == "" || len(p) > 255 }) {
			a.fail("%s is no list such as h2,http/1.1", quoted("alpn", text))
		}
	}
	o.MinVersion = a.tlsVersion()
	o.KeyLog, _ = a.option("keylog")
	o.ReloadEvery = a.duration("reload")
	o.ACME = a.parseACME()
	e.TLS = o
}

// certificates takes the options that name certificates and keys, in their order: a
// second cert begins the next certificate, as a second key does.
func (a *endpointArgs) certificates() (list []cert.Files) {
	var at cert.Files
	add := func() {
		switch {
		case at == cert.Files{}:
		case at.Cert == "":
			a.fail("a key or chain is given without its certificate: cert=fullchain.pem:key=key.pem")
		default:
			list = append(list, at)
		}
		at = cert.Files{}
	}
	a.known = append(a.known, "cert", "key", "chain")
	a.parts = slices.DeleteFunc(a.parts, func(p endpointPart) bool {
		kind := certKeys[p.key]
		if !p.keyed || kind == "" {
			return false
		}
		if p.value == "" {
			a.fail("%s is empty: it is the name of a file", clip(p.key))
		}
		field := map[string]*string{"cert": &at.Cert, "key": &at.Key, "chain": &at.Chain}[kind]
		if *field != "" {
			add()
		}
		*field = p.value
		return true
	})
	add()
	return list
}

func (a *endpointArgs) tlsVersion() uint16 {
	text, given := a.option("mintls")
	if !given {
		return 0
	}
	for _, v := range tlsVersions {
		if text == v.name {
			return v.version
		}
	}
	a.fail("%s is neither 1.2 nor 1.3", quoted("mintls", text))
	return 0
}

// append writes the options.
func (o *TLSOptions) append(b []byte) []byte {
	for _, f := range o.Files {
		b = appendOption(b, "cert", QuoteEndpoint(f.Cert))
		b = appendOption(b, "key", QuoteEndpoint(f.Key))
		b = appendOption(b, "chain", QuoteEndpoint(f.Chain))
	}
	b = appendOption(b, "clientca", QuoteEndpoint(o.ClientCA))
	if o.ClientAuthOptional {
		b = appendOption(b, "clientauth", "optional")
	}
	b = appendOption(b, "alpn", QuoteEndpoint(strings.Join(o.ALPN, ",")))
	for _, v := range tlsVersions {
		if o.MinVersion == v.version {
			b = appendOption(b, "mintls", v.name)
		}
	}
	b = appendOption(b, "keylog", QuoteEndpoint(o.KeyLog))
	if o.ReloadEvery > 0 {
		b = appendOption(b, "reload", durationText(o.ReloadEvery))
	}
	return o.ACME.append(b)
}

// parseTLSFlag reads the option that has other types than tls secured.
func (e *Endpoint) parseTLSFlag(a *endpointArgs) {
	if secured := a.flag("tls", false); secured || slices.ContainsFunc(a.parts, func(p endpointPart) bool { return certKeys[p.key] != "" }) {
		e.parseTLS(a)
	}
}

// kindText is tls, where e is of TCP and secured, else the kind itself.
func (e Endpoint) kindText() string {
	switch {
	case e.TLS == nil:
	case e.Kind == EndpointTCP:
		return "tls"
	case e.Kind == EndpointTCP6:
		return "tls6"
	}
	return string(e.Kind)
}
