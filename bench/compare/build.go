package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"spindle/reactor/cert"
)

// The files that the servers serve below /files/.
const (
	smallName = "4k.html"
	largeName = "1m.bin"
)

// workspace is a temporary directory with all that a run needs.
type workspace struct {
	dir          string // removed at the end
	root         string // the files that are served
	cert, key    string // of all servers with TLS, P-256
	module       string // where spindle's source is
	small, large []byte // contents of the files in root
}

func newWorkspace() (*workspace, error) {
	module, err := findModule()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "spindle-bench-")
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir, root: filepath.Join(dir, "root"), module: module}
	return w, errors.Join(w.fill(), w.certify())
}

// fill writes the files that are served.
func (w *workspace) fill() error {
	page := strings.Repeat("<p>A line of a page that is served again and again.</p>\n", 80)
	w.small = []byte(page[:4096])
	w.large = make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{1}).Read(w.large)
	return errors.Join(
		os.MkdirAll(w.root, 0o755),
		os.WriteFile(filepath.Join(w.root, smallName), w.small, 0o644),
		os.WriteFile(filepath.Join(w.root, largeName), w.large, 0o644))
}

// certify makes the certificate.
func (w *workspace) certify() error {
	w.cert, w.key = w.path("cert.pem"), w.path("key.pem")
	c, err := cert.Adhoc([]string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	return errors.Join(os.WriteFile(w.cert, chain, 0o644),
		os.WriteFile(w.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

func (w *workspace) remove()                 { os.RemoveAll(w.dir) }
func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

// findModule goes up from the working directory to spindle's go.mod.
func findModule() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module spindle\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run this inside spindle's source")
		}
		dir = filepath.Dir(dir)
	}
}

// build makes the load clients and the limit, without which nothing can be
// measured, and then the servers in Go. What does not build is told by name.
func (w *workspace) build(ctx context.Context) (failed map[string]error, err error) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		return nil, fmt.Errorf("a C compiler is needed for the limit and the load client: %w", err)
	}
	for _, name := range []string{"limit", "load"} {
		sources, _ := filepath.Glob(filepath.Join(w.module, "bench", name, "*.c"))
		if err := run(ctx, w.module, cc, append([]string{"-O2", "-o", w.path(name)}, sources...)...); err != nil {
			return nil, err
		}
	}
	if err := run(ctx, w.module, "go", "build", "-o", w.path("goload"), "./bench/goload"); err != nil {
		return nil, err
	}
	failed = map[string]error{}
	if err := run(ctx, w.module, "go", "build", "-o", w.path("target"), "./bench/target"); err != nil {
		failed["target"] = err
	}
	peers := filepath.Join(w.module, "bench", "peers")
	for _, name := range []string{"nethttp", "fasthttp", "gnetwildcat", "chi", "wsgnet", "wsgws", "wswrite"} {
		if err := run(ctx, peers, "go", "build", "-o", w.path(name), "./"+name); err != nil {
			failed[name] = err
		}
	}
	return failed, ctx.Err()
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// version is that of module in a built binary.
func version(binary, module string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return info.GoVersion
}
