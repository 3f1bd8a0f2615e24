//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// This file looks at TLS with the eyes of testssl.sh. It takes longest, so that it is among
// the first of those that run beside one another.

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

// goodCipher is one of TLS 1.2 with forward secrecy and authenticated encryption.
var goodCipher = regexp.MustCompile(`^ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)$`)

// What would cost the grade A: a protocol, cipher, curve, extension or chain that
// testssl.sh does not call good. Its whole run takes several times as long, looks for
// flaws of other libraries, and finds besides that the target sends no HSTS and no fields
// against framing, which are resources here.
func TestTestSSL(t *testing.T) {
	t.Parallel()
	home, port := t.TempDir(), freePort(t)
	output(t, atHome(t, home, build(t, "cmd/spindle"), "cert", "localhost", "127.0.0.1"))
	serving(t, atHome(t, home, build(t, "bench/target"), "-listen", "127.0.0.1:0", "-tls", localAddr(port), "-cert", "localhost.pem", "-key", "localhost-key.pem"), port)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // it is slow, and slower beside others
	defer cancel()
	c := exec.CommandContext(ctx, "testssl", "--color", "0", "--warnings", "off", "--nodns", "min", "-p", "-P", "-S", "-R",
		"--add-ca", filepath.Join(home, ".config/spindle/ca.pem"), "--jsonfile", "found.json", fmt.Sprintf("https://localhost:%d", port))
	c.Dir, c.Env = home, append(os.Environ(), "HOME="+home, "TERM=dumb")
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
		"cert_chain_of_trust": "passed", "secure_renego": "supported", "cipherorder_TLSv1_2": "ECDHE-"} {
		if !strings.Contains(seen[id], want) {
			t.Errorf("%s: %q, want %q", id, seen[id], want)
		}
	}
	// These are all ciphers that the server takes, so that testssl.sh need not look for each
	// kind of weak ones (-s), which takes as long again.
	for _, cipher := range strings.Fields(seen["cipherorder_TLSv1_2"]) {
		if !goodCipher.MatchString(cipher) {
			t.Errorf("%s is offered", cipher)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
