//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// This file looks at HTTP/2 with the eyes of others: h2spec and h2load.

// target runs bench/target until the test ends. It tells where it listens: for both, for
// both with TLS, for HTTP/2 alone.
func target(t *testing.T) (plain, secure, h2c string) {
	t.Helper()
	c := exec.Command(build(t, "bench/target"), "-listen", "127.0.0.1:0", "-tls", "127.0.0.1:0", "-h2c", "127.0.0.1:0")
	out, err := c.StdoutPipe()
	must(t, err)
	c.Stderr = os.Stderr
	must(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for _, address := range []*string{&plain, &secure, &h2c} {
		if !lines.Scan() {
			t.Fatal("the target does not say where it listens")
		}
		*address = lines.Text()[strings.LastIndex(lines.Text(), " ")+1:]
	}
	return plain, secure, h2c
}

// None of its tests fails, also on a port that speaks HTTP/1.1 too.
func TestH2spec(t *testing.T) {
	t.Parallel()
	program := buildIn(t, "../suites", "github.com/summerwind/h2spec/cmd/h2spec")
	plain, secure, h2c := target(t)
	for _, row := range []struct {
		name, address string
		args          []string
	}{
		{"HTTP2 alone", h2c, nil},
		{"both", plain, nil},
		{"TLS", secure, []string{"-t", "-k"}},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, strict %v", row.name, strict), func(t *testing.T) {
				host, port, _ := strings.Cut(row.address, ":")
				args := append([]string{"-h", host, "-p", port}, row.args...)
				all := 145
				if strict {
					all, args = 146, append(args, "--strict")
				}
				out, _ := exec.CommandContext(patience(t), program, args...).CombinedOutput()
				want := fmt.Sprintf("%d tests, %d passed, 0 skipped, 0 failed", all, all)
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("%s\nwant %s", tail(out), want)
				}
			})
		}
	}
}

// tail is the end of what a program has said.
func tail(out []byte) []byte { return out[max(0, len(out)-3000):] }

// Under load every request is answered well, and with as many bytes of content, whatever
// the protocol.
func TestH2load(t *testing.T) {
	plain, secure, h2c := target(t)
	for path, size := range map[string]int{"/plaintext": 13, "/big": 1 << 20, "/json": 27} {
		n := 4000
		if size > 1000 {
			n = 100
		}
		for name, args := range map[string][]string{
			"HTTP/1.1":        {"-p", "http/1.1", "http://" + plain},
			"prior knowledge": {"-m", "32", "http://" + plain},
			"HTTP/2 alone":    {"-m", "32", "http://" + h2c},
			"small windows":   {"-m", "32", "-w", "14", "-W", "15", "http://" + plain},
			"TLS":             {"-m", "32", "https://" + secure},
			"TLS, HTTP/1.1":   {"--npn-list", "http/1.1", "https://" + secure},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				u, err := url.Parse(args[len(args)-1])
				must(t, err)
				u.Path = path
				all := append([]string{"-n", fmt.Sprint(n), "-c", "4", "-t", "1"}, args[:len(args)-1]...)
				out := output(t, exec.CommandContext(patience(t), "h2load", append(all, u.String())...))
				done := fmt.Sprintf("%d succeeded, 0 failed, 0 errored, 0 timeout", n)
				if data := fmt.Sprintf("(%d) data", n*size); !strings.Contains(out, done) || !strings.Contains(out, data) {
					t.Errorf("want %s and %s:\n%s", done, data, out)
				}
			})
		}
	}
}
