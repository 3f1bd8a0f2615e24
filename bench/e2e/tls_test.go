//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// This file looks at TLS with the eyes of others: testssl.sh, and Chromium with and
// without trust in the authority that spindle cert has made.

// atHome is a command of a user who lives in home.
func atHome(t *testing.T, home, program string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(patience(t), program, args...)
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=")
	c.Dir = home
	return c
}

// output is what c has to say when all goes well.
func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
	return string(out)
}

// serving runs c until the test ends, and waits until it listens at port.
func serving(t *testing.T, c *exec.Cmd, port int) {
	t.Helper()
	log := new(safeBuffer)
	c.Stdout, c.Stderr = log, log
	must(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
		if t.Failed() {
			t.Log(log)
		}
	})
	awaitListener(t, "tcp", localAddr(port))
}

// finding is what testssl.sh says about one thing.
type finding struct{ ID, Severity, Finding string }

// excused is what is not the server's: a certificate for development, the resource tree,
// and the life of tickets, which crypto/tls tells (their keys change daily).
var excused = map[string]string{
	"engine_problem":     "of testssl.sh itself",
	"cert_revocation":    "an authority for development has no list",
	"DNS_CAArecord":      "of the name's owner",
	"TLS_session_ticket": "valid for a week",
}

// What would cost the grade A: a protocol, cipher, curve, extension or chain that
// testssl.sh does not call good. Its whole run takes several times as long, looks for
// flaws of other libraries, and finds besides that the target sends no HSTS and no fields
// against framing, which are resources here.
func TestTestSSL(t *testing.T) {
	t.Parallel()
	home, port := t.TempDir(), freePort(t)
	output(t, atHome(t, home, build(t, "cmd/spindle"), "cert", "localhost", "127.0.0.1"))
	serving(t, atHome(t, home, build(t, "bench/target"), "-listen", "127.0.0.1:0", "-tls", localAddr(port), "-cert", "localhost.pem", "-key", "localhost-key.pem"), port)
	c := atHome(t, home, "testssl", "--color", "0", "--warnings", "off", "-p", "-s", "-P", "-S", "-R",
		"--add-ca", filepath.Join(home, ".config/spindle/ca.pem"), "--jsonfile", "found.json", fmt.Sprintf("https://localhost:%d", port))
	c.Env = append(c.Env, "TERM=dumb")
	out, _ := c.CombinedOutput() // its exit code counts what it has found
	text, err := os.ReadFile(filepath.Join(home, "found.json"))
	must(t, err)
	var list []finding
	must(t, json.Unmarshal(text, &list))
	seen := make(map[string]string)
	for _, f := range list {
		if seen[f.ID] = f.Finding; f.Severity != "OK" && f.Severity != "INFO" && excused[f.ID] == "" {
			t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
	for id, want := range map[string]string{"TLS1_1": "not offered", "TLS1_2": "offered", "TLS1_3": "offered", "ALPN_HTTP2": "h2",
		"cert_chain_of_trust": "passed", "secure_renego": "supported", "cipherlist_AVERAGE": "not offered"} {
		if !strings.Contains(seen[id], want) {
			t.Errorf("%s: %q, want %q", id, seen[id], want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// trustLines are the commands by which spindle cert says that Chromium is told to trust
// the authority.
func trustLines(t *testing.T, said string) string {
	t.Helper()
	_, rest, ok := strings.Cut(said, "libnss3-tools)\n")
	lines := strings.SplitN(rest, "\n", 3)
	if !ok || len(lines) < 3 || !strings.Contains(lines[1], "certutil") {
		t.Fatalf("no word of Chromium:\n%s", said)
	}
	return lines[0] + " && " + lines[1]
}

// A browser warns of the certificate until its user has done what spindle cert says. Then
// it opens the page, and by HTTP/2.
func TestChromiumTrusts(t *testing.T) {
	t.Parallel()
	home, port, spindle := t.TempDir(), freePort(t), build(t, "cmd/spindle")
	said := output(t, atHome(t, home, spindle, "cert", "--ca"))
	must(t, os.Mkdir(filepath.Join(home, "pages"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, "pages", "index.html"), []byte(`<!doctype html><title>t</title><h1>Hello over TLS</h1><p id=p>
<script>p.textContent = "by " + performance.getEntriesByType("navigation")[0].nextHopProtocol + (isSecureContext ? ", secure" : "")</script>`), 0o644))
	serving(t, atHome(t, home, spindle, "web", "--quiet", "--path", "pages", "--listen", fmt.Sprintf("tls:%d:interface=127.0.0.1", port)), port)
	look := func() string {
		profile := chromiumProfile(t)
		args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + profile, "--virtual-time-budget=3000"}
		url := fmt.Sprintf("https://localhost:%d/", port)
		c := atHome(t, home, "chromium", append(args, "--dump-dom", url)...)
		out, _ := c.CombinedOutput() // it fails where it would show its warning to a person
		return string(out)
	}
	if page := look(); strings.Contains(page, "Hello over TLS") || !strings.Contains(page, "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("without trust:\n%.3000s", page)
	}
	output(t, atHome(t, home, "sh", "-c", trustLines(t, said)))
	if page := look(); !strings.Contains(page, "by h2, secure") || strings.Contains(page, "ERR_CERT") {
		t.Errorf("with trust:\n%.3000s", page)
	}
}
