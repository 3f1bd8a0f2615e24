//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/acme"
	"spindle/reactor/cert"
	"spindle/resource"
	"spindle/site"
)

// This file has certificates obtained from Pebble, the authority for tests of those who
// make Let's Encrypt (bench/acme). Every host is 127.0.0.1 to it, by a DNS server that
// comes with it, and it looks for proofs at the ports of the test.

// pebble is one authority.
type pebble struct {
	dir      string
	url      string // of its directory
	roots    string // file that vouches for its server
	admin    string // URL of what tells its own certificates
	dns      string // address of the DNS server
	dnsAdmin string // URL of what changes its answers
	httpPort int    // where it looks for proofs
	tlsPort  int
	life     int // of its certificates, in seconds
	binding  bool
	client   *http.Client
	anew     func() // starts it; again after stop
	stop     func()
}

// newPebble makes an authority that is yet to be started.
func newPebble(t *testing.T, change func(p *pebble)) *pebble {
	t.Helper()
	p := &pebble{dir: t.TempDir(), life: 90 * 24 * 3600, httpPort: freePort(t), tlsPort: freePort(t)}
	if change != nil {
		change(p)
	}
	a, err := cert.MakeAuthority(p.dir, "pebble", time.Now())
	must(t, err)
	own, err := a.Issue([]string{"localhost", "127.0.0.1"}, time.Now())
	must(t, err)
	must(t, cert.Write(own, filepath.Join(p.dir, "own.pem"), filepath.Join(p.dir, "own-key.pem")))
	p.roots = a.CertFile()
	pool, err := cert.LoadPool(p.roots)
	must(t, err)
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	listen, manage := localAddr(freePort(t)), localAddr(freePort(t))
	p.dns = localAddr(freePort(t))
	dnsAdmin := localAddr(freePort(t))
	p.url, p.admin, p.dnsAdmin = "https://"+listen+"/dir", "https://"+manage, "http://"+dnsAdmin
	p.configure(t, listen, manage)
	dns := exec.Command(tool(t, "pebble-challtestsrv"), "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "",
		"-dnsserver", p.dns, "-management", dnsAdmin, "-defaultIPv6", "")
	p.process(t, dns)
	p.anew = func() {
		c := exec.Command(tool(t, "pebble"), "-config", filepath.Join(p.dir, "config.json"), "-dnsserver", p.dns)
		c.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=20")
		p.stop = p.process(t, c)
		p.await(t, p.url)
	}
	return p
}

// process starts a program, which ends with the test or with stop.
func (p *pebble) process(t *testing.T, c *exec.Cmd) (stop func()) {
	t.Helper()
	log := new(safeBuffer)
	c.Stdout, c.Stderr = log, log
	must(t, c.Start())
	stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", c.Path, log)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (p *pebble) configure(t *testing.T, listen, manage string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage,
		"certificate": filepath.Join(p.dir, "own.pem"), "privateKey": filepath.Join(p.dir, "own-key.pem"),
		"httpPort": p.httpPort, "tlsPort": p.tlsPort, "keyAlgorithm": "ecdsa",
		"externalAccountBindingRequired": p.binding,
		"externalAccountMACKeys":         map[string]string{"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"},
		"retryAfter":                     map[string]int{"authz": 1, "order": 1},
		"profiles":                       map[string]any{"default": map[string]any{"description": "of the test", "validityPeriod": p.life}},
	}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(p.dir, "config.json"), text, 0o600))
}

// await waits until url answers.
func (p *pebble) await(t *testing.T, url string) (body []byte) {
	t.Helper()
	await(t, 20*time.Second, func() error {
		res, err := p.client.Get(url)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err = io.ReadAll(res.Body)
		return err
	})
	return body
}

// trusted is the pool of its root, which it makes anew at each start.
func (p *pebble) trusted(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(p.await(t, p.admin+"/roots/0")) {
		t.Fatal("no root")
	}
	return pool
}

// tellDNS changes what the DNS server answers.
func (p *pebble) tellDNS(t *testing.T, path, body string) {
	t.Helper()
	p.await(t, p.dnsAdmin+"/dns-request-history")
	res, err := p.client.Post(p.dnsAdmin+path, "application/json", strings.NewReader(body))
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != 200 {
		t.Fatal(path, res.Status)
	}
}

// options is what a server needs to obtain certificates from it.
func (p *pebble) options(names ...string) *reactor.ACMEOptions {
	return &reactor.ACMEOptions{Names: names, Server: p.url, Dir: filepath.Join(p.dir, "kept"), Roots: p.roots,
		Email: "me@example.test", RetryAfter: 300 * time.Millisecond}
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *safeBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// await waits for a line of the log that has all of parts.
func (b *safeBuffer) await(t *testing.T, parts ...string) {
	t.Helper()
	await(t, 30*time.Second, func() error {
		for line := range strings.Lines(b.String()) {
			found := true
			for _, p := range parts {
				found = found && strings.Contains(line, p)
			}
			if found {
				return nil
			}
		}
		return fmt.Errorf("the log does not say %q:\n%s", parts, b)
	})
}

// certified serves "hello" with certificates by o, and a port 80 beside it.
func (p *pebble) certified(t *testing.T, o *reactor.ACMEOptions) *safeBuffer {
	t.Helper()
	r, log := reactor.New(), new(safeBuffer)
	r.Logger = slog.New(slog.NewTextHandler(log, nil))
	hello := resource.NewData([]byte("hello"), "text/plain")
	secure := reactor.Endpoint{Kind: reactor.EndpointTCP, Port: p.tlsPort, Interface: "127.0.0.1", TLS: &reactor.TLSOptions{ACME: o}}
	_, err := r.ListenEndpoint(secure, site.New(hello))
	must(t, err)
	plain := reactor.Endpoint{Kind: reactor.EndpointTCP, Port: p.httpPort, Interface: "127.0.0.1"}
	_, err = r.ListenEndpoint(plain, site.New(&resource.HTTP01{Answer: acme.Answer(), Inner: &resource.SecureRedirect{Port: p.tlsPort}}))
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return log
}

// visit makes a handshake as a client that trusts pool.
func (p *pebble) visit(pool *x509.CertPool, name string, protos ...string) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", localAddr(p.tlsPort), &tls.Config{RootCAs: pool, ServerName: name, NextProtos: protos})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// Two names, each with a certificate of its own, by each of the challenges. All that is
// kept is for its owner alone.
func TestACMEChallenges(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"tls-alpn-01", "http-01"} {
		t.Run(way, func(t *testing.T) {
			p := newPebble(t, nil)
			p.anew()
			o := p.options("a.test.example", "B.test.example")
			o.Challenges = []string{way}
			log := p.certified(t, o)
			pool := p.trusted(t)
			for _, name := range []string{"a.test.example", "b.test.example"} {
				log.await(t, "there is a new certificate", name)
				if leaf, err := p.visit(pool, name, "h2"); err != nil || len(leaf.DNSNames) != 1 {
					t.Error(err)
				}
			}
			if _, err := p.visit(pool, "a.test.example", "acme-tls/1"); err == nil {
				t.Error("a proof is shown though nobody is to be convinced")
			}
			must(t, filepath.WalkDir(o.Dir, func(path string, d fs.DirEntry, err error) error {
				must(t, err)
				info, err := d.Info()
				must(t, err)
				public := strings.HasSuffix(path, "example.pem")
				if mode := info.Mode().Perm(); !public && mode&0o077 != 0 {
					t.Errorf("%s: %o", path, mode)
				}
				return nil
			}))
		})
	}
}

// A certificate that lives for seconds is renewed, and no client notices: neither one
// that stays nor those who come.
func TestACMERenewal(t *testing.T) {
	t.Parallel()
	p := newPebble(t, func(p *pebble) { p.life = 9 })
	p.anew()
	log := p.certified(t, p.options("renewed.example"))
	pool := p.trusted(t)
	log.await(t, "there is a new certificate")
	stays := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "renewed.example"}, ForceAttemptHTTP2: true}}
	defer stays.CloseIdleConnections()
	serials := make(map[string]bool)
	for deadline := time.Now().Add(25 * time.Second); len(serials) < 3; time.Sleep(20 * time.Millisecond) {
		leaf, err := p.visit(pool, "renewed.example")
		if err != nil {
			t.Fatalf("after %d certificates: %v\n%s", len(serials), err, log)
		}
		serials[leaf.SerialNumber.String()] = true
		res, err := stays.Get("https://" + localAddr(p.tlsPort) + "/")
		must(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if time.Now().After(deadline) {
			t.Fatalf("%d certificates only\n%s", len(serials), log)
		}
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Error(log)
	}
}

// An authority that finds the name elsewhere refuses; the log says why, and what comes
// is tried again. A name that can be proved does not wait for one that can not.
func TestACMERefused(t *testing.T) {
	t.Parallel()
	p := newPebble(t, nil)
	p.anew()
	p.tellDNS(t, "/add-a", `{"host":"astray.example","addresses":["127.0.0.2"]}`)
	log := p.certified(t, p.options("astray.example", "right.example"))
	pool := p.trusted(t)
	log.await(t, "ERROR", "there is no certificate yet", "astray.example", "tls-alpn-01: the authority was not convinced", "port 443", "http-01", "port 80")
	log.await(t, "there is a new certificate", "right.example")
	if leaf, err := p.visit(pool, "astray.example"); err == nil {
		t.Errorf("a certificate for %v", leaf.DNSNames)
	}
	p.tellDNS(t, "/clear-a", `{"host":"astray.example"}`)
	log.await(t, "there is a new certificate", "astray.example")
	if _, err := p.visit(pool, "astray.example"); err != nil {
		t.Error(err)
	}
}

// A server that is down when the program starts is asked again until it is there; one that
// has forgotten the account gets another, and one that is down when a certificate is due
// leaves the old one in force.
func TestACMEServerDown(t *testing.T) {
	t.Parallel()
	p := newPebble(t, func(p *pebble) { p.life = 9 })
	log := p.certified(t, p.options("late.example"))
	log.await(t, "ERROR", "there is no certificate yet", "connection refused")
	if _, err := p.visit(nil, "late.example"); err == nil {
		t.Error("a handshake without a certificate")
	}
	p.anew()
	log.await(t, "there is a new certificate", "late.example")
	first, err := p.visit(p.trusted(t), "late.example")
	must(t, err)
	p.stop()
	log.await(t, "WARN", "the one before goes on", "connection refused")
	p.anew()
	await(t, 20*time.Second, func() error {
		if now, err := p.visit(p.trusted(t), "late.example"); err != nil || now.Equal(first) {
			return fmt.Errorf("no other certificate, %v: %s", err, log)
		}
		return nil
	})
}

// An authority that gives certificates to its customers only has to know who asks.
func TestACMEBinding(t *testing.T) {
	t.Parallel()
	p := newPebble(t, func(p *pebble) { p.binding = true })
	p.anew()
	stranger := p.options("bound.example")
	customer := p.options("bound.example")
	customer.Binding = filepath.Join(p.dir, "binding")
	must(t, os.WriteFile(customer.Binding, []byte("kid-1 zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n"), 0o600))
	t.Run("stranger", func(t *testing.T) { p.certified(t, stranger).await(t, "ERROR", "externalAccountRequired") })
	t.Run("customer", func(t *testing.T) { p.certified(t, customer).await(t, "there is a new certificate") })
}

// spindle web, from the command line to the browser's lock.
func TestACMECommand(t *testing.T) {
	t.Parallel()
	p := newPebble(t, nil)
	p.anew()
	program := build(t, "cmd/spindle")
	root := filepath.Join(p.dir, "root.pem")
	must(t, os.WriteFile(root, p.await(t, p.admin+"/roots/0"), 0o600))
	run := func(want, loops string) {
		log := new(safeBuffer)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := exec.CommandContext(ctx, program, "web", "--quiet", "--https-only", "--loops", loops,
			"--listen", fmt.Sprintf("tls:%d:interface=127.0.0.1", p.tlsPort), "--listen", fmt.Sprintf("tcp:%d:interface=127.0.0.1", p.httpPort),
			"--acme", "web.example", "--acme-server", p.url, "--acme-roots", p.roots, "--acme-dir", filepath.Join(p.dir, "kept"))
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
		c.Stdout, c.Stderr = log, log
		must(t, c.Start())
		defer func() { cancel(); _ = c.Wait() }()
		log.await(t, want, "web.example")
		out, err := exec.Command("curl", "-sSL", "--cacert", root, "-w", "%{http_version} %{url_effective} %{num_redirects}", "-o", "/dev/null",
			"--resolve", fmt.Sprintf("web.example:%d:127.0.0.1", p.tlsPort), "--resolve", fmt.Sprintf("web.example:%d:127.0.0.1", p.httpPort),
			fmt.Sprintf("http://web.example:%d/", p.httpPort)).CombinedOutput()
		if wantOut := fmt.Sprintf("2 https://web.example:%d/ 1", p.tlsPort); err != nil || string(out) != wantOut {
			t.Errorf("%q, %v, want %q\n%s", out, err, wantOut, log)
		}
		t.Log(log)
	}
	run("there is a new certificate", "1")
	run("a certificate is kept", "2")
}
