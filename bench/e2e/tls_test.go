//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// This file looks at TLS with the eyes of Chromium, with and without trust in the authority
// that spindle cert has made.

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
