//go:build e2e

package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// This file looks at what is in a program that serves one page and does not call
// site.Serve.

const plainProgram = `package main

import (
	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

type hello struct{ resource.Leaf }

func (hello) RenderGET(r *resource.Request) ([]byte, error) { return []byte("Hello\n"), nil }

func main() {
	reactor.ListenTCP(8080, site.New(hello{}))
	reactor.Run()
}
`

// mostBytes is how much of a package may be in it: what its variables need to be made.
var mostBytes = map[string]uint64{
	"spindle/site/dev":                 1 << 10,
	"spindle/resource/proxy":           1 << 10,
	"spindle/protocol/agent":           0,
	"github.com/fsnotify/fsnotify":     256,
	"github.com/sabhiram/go-gitignore": 0,
	"github.com/klauspost/compress":    0,
	"github.com/andybalholm/brotli":    0,
	"github.com/gobwas/ws":             0,
	"github.com/alecthomas/chroma":     0,
	"github.com/spf13/cobra":           0,
	"github.com/go-delve/delve":        0,
	"spindle/protocol/websocket":       0,
}

func TestNothingUnusedIsLinked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it reads ELF")
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(plainProgram), 0o644))
	name := filepath.Join(dir, "plain")
	if out, err := exec.Command("go", "build", "-o", name, filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(name)
	must(t, err)
	defer f.Close()
	symbols, err := f.Symbols()
	must(t, err)
	sizes := map[string]uint64{}
	whole := uint64(0)
	for _, s := range symbols {
		whole += s.Size
		for path := range mostBytes {
			if strings.HasPrefix(s.Name, path+".") || strings.HasPrefix(s.Name, path+"/") {
				sizes[path] += s.Size
			}
		}
	}
	for path, most := range mostBytes {
		if sizes[path] > most {
			t.Errorf("%d bytes of %s are linked, at most %d may be", sizes[path], path, most)
		}
	}
	t.Logf("%d bytes of symbols; %v", whole, sizes)
}
