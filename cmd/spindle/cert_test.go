package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// home gives the program a configuration of its own.
func home(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	return dir
}

func TestCert(t *testing.T) {
	dir := home(t)
	code, out, errs := capture(t, "cert", "--dir", dir, "*.Example.test", "::1")
	for _, want := range []string{"Made an authority: ", "update-ca-certificates", "certutil -d sql:$HOME/.pki/nssdb -A -t C,,",
		"Made a certificate for *.Example.test, ::1", "spindle web --listen tls:8443:cert=" + dir + "/_wildcard.example.test.pem:key="} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", code, want, out, errs)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "_wildcard.example.test-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error("the key:", err)
	}
	code, again, _ := capture(t, "cert", "--dir", dir, "localhost")
	if code != 0 || strings.Contains(again, "Made an authority") || strings.Contains(again, "To trust it") {
		t.Errorf("the second time: %d, %s", code, again)
	}
	code, shown, _ := capture(t, "cert", "--ca")
	if code != 0 || !strings.Contains(shown, "ca-key.pem\nvalid until") || !strings.Contains(shown, "To trust it") {
		t.Errorf("--ca: %d, %s", code, shown)
	}
}

func TestCertRefused(t *testing.T) {
	dir := home(t)
	for _, row := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "for which names?"},
		{[]string{"not a name"}, exitUsage, "not a name: this is no host name"},
		{[]string{"--dir", filepath.Join(dir, "missing"), "x"}, exitFailed, "no such file or directory"},
	} {
		code, _, errs := capture(t, append([]string{"cert"}, row.args...)...)
		if code != row.code || !strings.Contains(errs, row.want) {
			t.Errorf("%q: exit code %d, %s", row.args, code, errs)
		}
	}
	ca := filepath.Join(dir, ".config", "spindle", "ca.pem")
	if err := os.WriteFile(ca, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"cert", "x"}, {"web", "--listen", "tls:0:interface=127.0.0.1"}} {
		if code, _, errs := capture(t, args...); code != exitFailed || !strings.Contains(errs, ca+": it is no certificate") {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	code, _, errs := capture(t, "web", "--listen", "tls:0:cert=/nonexistent")
	if code != exitFailed || !strings.Contains(errs, "--listen tls:0:cert=/nonexistent: /nonexistent: there is no such file; look at the path") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// With an authority spindle web needs no more words, and who trusts it gets no warning.
func TestWebTLS(t *testing.T) {
	dir := home(t)
	c := startChild(t, "spindle", "web", "--listen", "tls:0:interface=127.0.0.1")
	url := c.wait(`https://127\.0\.0\.1:\d+/`)
	c.wait("browsers warn of it")
	if _, err := http.Get(url); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an adhoc certificate is trusted: %v", err)
	}
	c.signal(os.Interrupt)
	c.end()
	if code, _, errs := capture(t, "cert", "--ca"); code != 0 {
		t.Fatal(errs)
	}
	c = startChild(t, "spindle", "web", "--listen", "tls:0:interface=127.0.0.1", "--loops", "2")
	url = c.wait(`https://127\.0\.0\.1:\d+/`)
	text, err := os.ReadFile(filepath.Join(dir, ".config", "spindle", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	for _, u := range []string{url, strings.Replace(url, "127.0.0.1", "localhost", 1)} {
		r, err := (&http.Client{Transport: transport}).Get(u)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != 200 || !strings.Contains(string(body), "Spindle") {
			t.Errorf("%s: %s", u, r.Status)
		}
	}
	if strings.Contains(c.said(), "browsers warn") {
		t.Error("it warns of a certificate that is trusted")
	}
	r, err := http.Get(strings.Replace(url, "https", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.Body.Close(); r.StatusCode != 400 || !strings.Contains(string(body), "https://") {
		t.Errorf("plain HTTP: %s, %q", r.Status, body)
	}
	c.wait("plain HTTP came to a TLS port")
	c.signal(os.Interrupt)
	c.end()
}

// TLS on a plain port is told of in the log.
func TestWebPlainPortTLS(t *testing.T) {
	c := startChild(t, "spindle", "web", "--listen", "tcp:0:interface=127.0.0.1")
	url := c.wait(`http://127\.0\.0\.1:\d+/`)
	if _, err := http.Get(strings.Replace(url, "http", "https", 1)); err == nil {
		t.Error("TLS on a plain port")
	}
	c.wait("a TLS handshake came to a port without TLS; did the client mean http://")
	c.signal(os.Interrupt)
	c.end()
}
