package reactor

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spindle/reactor/cert"
)

func TestParseTLSEndpoint(t *testing.T) {
	pair := []cert.Files{{Cert: "c.pem", Key: "k.pem"}}
	for _, row := range []struct {
		in   string
		kind EndpointKind
		tls  TLSOptions
		text string // what String gives, when it is not in
	}{
		{in: "tls:8443", kind: EndpointTCP},
		{in: "tls6:8443", kind: EndpointTCP6},
		{in: "tls:8443:interface=[::1]", kind: EndpointTCP6, text: "tls6:8443:interface=[::1]"},
		{in: "tls:443:interface=127.0.0.1:backlog=5:reuseport=1:cert=c.pem:key=k.pem", kind: EndpointTCP, tls: TLSOptions{Files: pair}},
		{in: "ssl:443:privateKey=k.pem:certKey=c.pem", kind: EndpointTCP, tls: TLSOptions{Files: pair}, text: "tls:443:cert=c.pem:key=k.pem"},
		{in: "ssl:port=443:privateKey=k.pem:certKey=c.pem:extraCertChain=i.pem", kind: EndpointTCP,
			tls: TLSOptions{Files: []cert.Files{{Cert: "c.pem", Key: "k.pem", Chain: "i.pem"}}}, text: "tls:443:cert=c.pem:key=k.pem:chain=i.pem"},
		{in: "tls:443:cert=a.pem:cert=b.pem:key=b.key:chain=i.pem:cert=c.pem:key=k.pem", kind: EndpointTCP,
			tls: TLSOptions{Files: []cert.Files{{Cert: "a.pem"}, {Cert: "b.pem", Key: "b.key", Chain: "i.pem"}, pair[0]}}},
		{in: "tls:443:cert=c.pem:key=k.pem:clientca=ca.pem:clientauth=optional:alpn=h2,http/1.1:mintls=1.3:keylog=/tmp/k:reload=2.5s", kind: EndpointTCP,
			tls: TLSOptions{Files: pair, ClientCA: "ca.pem", ClientAuthOptional: true, ALPN: []string{"h2", "http/1.1"},
				MinVersion: tls.VersionTLS13, KeyLog: "/tmp/k", ReloadEvery: 2500 * time.Millisecond}},
		{in: "tls:443:clientca=ca.pem:clientauth=required:mintls=1.2", kind: EndpointTCP,
			tls: TLSOptions{ClientCA: "ca.pem", MinVersion: tls.VersionTLS12}, text: "tls:443:clientca=ca.pem:mintls=1.2"},
		{in: "tls:443:acme=example.org,www.example.org", kind: EndpointTCP,
			tls: TLSOptions{ACME: &ACMEOptions{Names: []string{"example.org", "www.example.org"}}}},
		{in: `tls:443:acme=a.test:acmeserver=https\://ca.test\:14000/dir:acmedir=/d:acmeemail=me@a.test:acmeroots=r.pem:acmebinding=b:acmechallenge=http-01:acmeretry=60`,
			kind: EndpointTCP, tls: TLSOptions{ACME: &ACMEOptions{Names: []string{"a.test"}, Server: "https://ca.test:14000/dir", Dir: "/d", Email: "me@a.test",
				Roots: "r.pem", Binding: "b", Challenges: []string{"http-01"}, RetryAfter: time.Minute}}},
		{in: "unix:/s:tls=1", kind: EndpointUNIX},
		{in: "fd:3:cert=c.pem:key=k.pem", kind: EndpointFD, tls: TLSOptions{Files: pair}, text: "fd:3:tls=1:cert=c.pem:key=k.pem"},
		{in: "systemd:name=web:tls=1:cert=c.pem:key=k.pem", kind: EndpointSystemd, tls: TLSOptions{Files: pair}},
	} {
		e, err := ParseEndpoint(row.in)
		if err != nil || e.Kind != row.kind || e.TLS == nil || !reflect.DeepEqual(*e.TLS, row.tls) {
			t.Errorf("%s: %+v, %v", row.in, e, err)
			continue
		}
		if row.text == "" {
			row.text = row.in
		}
		if s := e.String(); s != row.text {
			t.Errorf("%s: String %s", row.in, s)
		}
	}
	for in, want := range map[string]string{
		"tls":                                           "write tls:8443",
		"tls:127.0.0.1":                                 "write tls:8443:interface=127.0.0.1",
		"tls:443:key=k.pem":                             "without its certificate",
		"tls:443:cert=":                                 "cert is empty",
		"tls:443:clientauth=optional":                   "clientca",
		"tls:443:clientca=x:clientauth=maybe":           "neither required nor optional",
		"tls:443:alpn=h2,":                              "no list",
		"tls:443:mintls=1.1":                            "neither 1.2 nor 1.3",
		"tls:443:certificate=x":                         "there are cert, key, chain, clientca, clientauth, alpn, mintls, keylog, reload, acme, acmeserver, acmedir, acmeemail, acmeroots, acmebinding, acmeretry, acmechallenge, ",
		"tls:443:reload=0":                              "is no time",
		"tls:443:acme=*.example.org":                    "a wildcard can be proved",
		"tls:443:acme=192.0.2.1":                        "this is an address",
		"tls:443:acme=localhost":                        "without a domain",
		"tls:443:acme=":                                 "no host name",
		"tls:443:acmedir=/d":                            "name the hosts with acme=example.org",
		"tls:443:acme=a.test:acmechallenge=dns-01":      "there are tls-alpn-01 and http-01",
		`tls:443:acme=a.test:acmeserver=http\://a.test`: "over https only",
		"tcp:443:cert=x":                                `unknown option "cert"`,
		"unix:/s:tls=0:alpn=h2":                         `unknown option "alpn"`,
	} {
		if _, err := ParseEndpoint(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// certFiles writes a certificate for names, and returns how to trust it.
func certFiles(t *testing.T, dir string, names ...string) (cert.Files, *tls.Certificate) {
	t.Helper()
	c, err := cert.Adhoc(names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := cert.Files{Cert: filepath.Join(dir, names[0]+".pem"), Key: filepath.Join(dir, names[0]+"-key.pem")}
	if err := cert.Write(c, f.Cert, f.Key); err != nil {
		t.Fatal(err)
	}
	return f, c
}

func poolOf(list ...*tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range list {
		pool.AddCert(c.Leaf)
	}
	return pool
}

func TestListenTLSEndpointBadFiles(t *testing.T) {
	r := New()
	_, err := r.Listen("tls:0:cert=/nonexistent/c.pem:key=k", newTLSEnd())
	if err == nil || err.Error() != "reactor: TLS: /nonexistent/c.pem: there is no such file; look at the path; a relative one begins where the program was started" {
		t.Error(err)
	}
	if e := r.Run(); e != err {
		t.Errorf("Run: %v", e)
	}
	g := NewGroup(2)
	if _, err := g.Listen("tls:0:clientca=/nonexistent", func(*Reactor) (Factory, error) { return newTLSEnd(), nil }); err == nil {
		t.Error("no error")
	}
	if _, err := New().Listen("tls:0:keylog=/nonexistent/log", newTLSEnd()); err == nil || !strings.Contains(err.Error(), "key log") {
		t.Error(err)
	}
}

// A certificate that changes is taken while connections go on; a bad one is not.
func TestTLSReload(t *testing.T) {
	r, log := New(), new(lockedBuffer)
	r.Logger = slog.New(slog.NewTextHandler(log, nil))
	dir := t.TempDir()
	files, first := certFiles(t, dir, "localhost")
	e := Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1", TLS: &TLSOptions{Files: []cert.Files{files}, ReloadEvery: 5 * time.Millisecond}}
	p, err := r.ListenEndpoint(e, FactoryFunc(func(Addr) Protocol { return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	if !p.Secure() {
		t.Error("the port is not secure")
	}
	c, _ := dialBoth(t, p.Addr().String(), &tls.Config{RootCAs: poolOf(first), ServerName: "localhost"})
	_, second := certFiles(t, dir, "localhost")
	waitLog(t, log, "read again")
	dialBoth(t, p.Addr().String(), &tls.Config{RootCAs: poolOf(second), ServerName: "localhost"})
	if err := os.WriteFile(files.Key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitLog(t, log, "the one before goes on")
	waitLog(t, log, files.Key)
	dialBoth(t, p.Addr().String(), &tls.Config{RootCAs: poolOf(second), ServerName: "localhost"})
	echoes(t, c)
	onLoop(r, p.StopListening)
	onLoop(r, func() {
		if n := r.Pending(); n != 0 {
			t.Errorf("%d calls are left", n)
		}
	})
}

func waitLog(t *testing.T, log *lockedBuffer, want string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), want); {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q:\n%s", want, log.String())
		}
	}
}

// echoes shows that a connection works.
func echoes(t *testing.T, c *tls.Conn) {
	t.Helper()
	if err := pinged(c); err != nil {
		t.Error(err)
	}
}

// pinged is how that goes.
func pinged(c *tls.Conn) error {
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	buf := make([]byte, 4)
	n, err := c.Read(buf)
	if err == nil && string(buf[:n]) != "ping" {
		err = fmt.Errorf("%q comes back", buf[:n])
	}
	return err
}

func TestTLSClientCertificates(t *testing.T) {
	dir := t.TempDir()
	server, trusted := certFiles(t, dir, "localhost")
	authority, err := cert.MakeAuthority(filepath.Join(dir, "ca"), "test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := authority.Issue([]string{"client.test"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	asClient(t, authority, ours)
	strange, err := cert.Adhoc([]string{"stranger.test"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name     string
		optional bool
		show     *tls.Certificate
		want     string // the name seen; "-" for no connection
	}{
		{"required, shown", false, ours, "client.test"},
		{"required, none", false, nil, "-"},
		{"required, a stranger's", false, strange, "-"},
		{"optional, shown", true, ours, "client.test"},
		{"optional, none", true, nil, ""},
		{"optional, a stranger's", true, strange, "-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := New()
			seen := make(chan string, 1)
			p, err := r.ListenEndpoint(Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1",
				TLS: &TLSOptions{Files: []cert.Files{server}, ClientCA: authority.CertFile(), ClientAuthOptional: row.optional}},
				FactoryFunc(func(Addr) Protocol { return &whoIs{seen: seen} }))
			if err != nil {
				t.Fatal(err)
			}
			running(t, r)
			config := &tls.Config{RootCAs: poolOf(trusted), ServerName: "localhost"}
			if row.show != nil { // whatever authorities the server names
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return row.show, nil }
			}
			c, err := tls.Dial("tcp", p.Addr().String(), config)
			if err == nil {
				defer c.Close()
				_, err = c.Read(make([]byte, 1)) // TLS 1.3 tells a client here
			}
			if (err != nil) != (row.want == "-") {
				t.Fatal(err)
			}
			if err == nil {
				if got := <-seen; got != row.want {
					t.Errorf("seen %q", got)
				}
			}
		})
	}
}

// asClient makes c one that clients may show.
func asClient(t *testing.T, a *cert.Authority, c *tls.Certificate) {
	t.Helper()
	signer, err := cert.Load(cert.Files{Cert: a.CertFile(), Key: a.KeyFile()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	template := *c.Leaf
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, &template, signer.Leaf, c.Leaf.PublicKey, signer.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c.Certificate[0] = der
	if c.Leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
}

// whoIs tells whom it is connected with.
type whoIs struct{ seen chan string }

func (w *whoIs) ConnectionMade(t Transport) {
	name := ""
	if list := t.(ConnectionStater).ConnectionState().PeerCertificates; len(list) > 0 {
		name = list[0].DNSNames[0]
	}
	w.seen <- name
	t.Write([]byte("x"))
}
func (*whoIs) DataReceived([]byte)  {}
func (*whoIs) ConnectionLost(error) {}

// A session that was begun at one member of a group is resumed at each, and after the
// certificates were read again.
func TestTLSGroupResumes(t *testing.T) {
	g := NewGroup(3)
	dir := t.TempDir()
	files, trusted := certFiles(t, dir, "localhost")
	ports, err := g.ListenEndpoint(Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1", TLS: &TLSOptions{Files: []cert.Files{files}}},
		func(*Reactor) (Factory, error) { return FactoryFunc(func(Addr) Protocol { return new(chopper) }), nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(ports) != 3 || ports[0].source == nil || ports[1].source != nil || ports[1].tls != ports[0].tls {
		t.Error("the members have not one source")
	}
	done := make(chan error)
	go func() { done <- g.Run() }()
	defer func() {
		g.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	config := &tls.Config{RootCAs: poolOf(trusted), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	for i := range 8 {
		c, _ := dialBoth(t, ports[0].Addr().String(), config)
		echoes(t, c)
		if resumed := c.ConnectionState().DidResume; resumed != (i > 0) {
			t.Errorf("connection %d: resumed: %v", i, resumed)
		}
		c.Close()
	}
}

// An adhoc certificate is for this machine, and what is offered is what is good.
func TestTLSAdhocAndDefaults(t *testing.T) {
	r, log := New(), filepath.Join(t.TempDir(), "keys")
	p, err := r.Listen("tls:0:interface=127.0.0.1:keylog="+QuoteEndpoint(log), FactoryFunc(func(Addr) Protocol { return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	insecure := &tls.Config{InsecureSkipVerify: true}
	c, _ := dialBoth(t, p.Addr().String(), insecure)
	leaf := c.ConnectionState().PeerCertificates[0]
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if keys, err := os.ReadFile(log); err != nil || !strings.Contains(string(keys), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("%q, %v", keys, err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	for name, config := range map[string]*tls.Config{
		"TLS 1.1": {MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
		"CBC":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}},
	} {
		config.InsecureSkipVerify = true
		if c, err := tls.Dial("tcp", p.Addr().String(), config); err == nil {
			c.Close()
			t.Errorf("%s is accepted", name)
		}
	}
}

// Certificates by name over the wire.
func TestTLSServerNames(t *testing.T) {
	r, dir := New(), t.TempDir()
	a, certA := certFiles(t, dir, "a.test")
	b, certB := certFiles(t, dir, "b.test")
	endpoint := "tls:0:interface=127.0.0.1:cert=" + QuoteEndpoint(a.Cert) + ":key=" + QuoteEndpoint(a.Key) + ":cert=" + QuoteEndpoint(b.Cert) + ":key=" + QuoteEndpoint(b.Key)
	p, err := r.Listen(endpoint, FactoryFunc(func(Addr) Protocol { return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	for name, want := range map[string]*tls.Certificate{"a.test": certA, "b.test": certB, "c.test": certA, "": certA} {
		c, _ := dialBoth(t, p.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if !c.ConnectionState().PeerCertificates[0].Equal(want.Leaf) {
			t.Errorf("%q: another certificate", name)
		}
	}
}
