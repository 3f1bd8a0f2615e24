//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// This file makes the programs that the tests run, each once for all of them.

// programs are those that are made, in a directory that is there until the last test has
// ended.
var programs struct {
	dir  string
	mu   sync.Mutex
	made map[string]func() (string, error)
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "spindle-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs.dir, programs.made = dir, make(map[string]func() (string, error))
	portsGiven.Store(int64(os.Getpid()) * 101)
	flag.Parse()
	if !given("test.parallel") {
		// Those that are parallel wait for others most of the time: there are more of them
		// at a time than CPUs.
		_ = flag.Set("test.parallel", "4")
	}
	code := m.Run()
	endChromium()
	removeBusy(dir)
	os.Exit(code)
}

// given tells whether a flag is on the command line.
func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// once is where f says that the program of a name is; of many who ask, one has f run.
func once(t *testing.T, name string, f func() (string, error)) string {
	t.Helper()
	programs.mu.Lock()
	made, ok := programs.made[name]
	if !ok {
		made = sync.OnceValues(f)
		programs.made[name] = made
	}
	programs.mu.Unlock()
	program, err := made()
	must(t, err)
	return program
}

// build makes a program of the module.
func build(t *testing.T, pkg string) string {
	t.Helper()
	return buildIn(t, "../..", "./"+pkg)
}

// buildIn makes a program of a module, which is another one or needs another one.
func buildIn(t *testing.T, module, pkg string) string {
	t.Helper()
	return once(t, module+" "+pkg, func() (string, error) {
		program := filepath.Join(programs.dir, path.Base(pkg))
		if out, err := exec.Command("go", "-C", module, "build", "-o", program, pkg).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s of %s: %w\n%s", pkg, module, err, out)
		}
		return program, nil
	})
}

// tool builds a program of bench/acme, if that was not done before, and tells where it is.
func tool(t *testing.T, name string) string {
	t.Helper()
	return once(t, "tool "+name, func() (string, error) {
		where, err := exec.Command("go", "-C", "../acme", "tool", "-n", name).Output()
		return strings.TrimSpace(string(where)), err
	})
}
