package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// This file is what is measured: the applications, who runs them, and the edits.

//go:embed testdata
var testdata embed.FS

// bench is one run of the whole.
type bench struct {
	dir     string
	rounds  int
	air     string
	spindle string
	mu      sync.Mutex
	runners []*runner
}

// goCommand runs the go command where we are.
func (b *bench) goCommand(args ...string) error {
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// unpack writes an application into a directory of its own.
func (b *bench) unpack(app, name string) (dir string, err error) {
	dir = filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	from := "testdata/" + app
	entries, err := fs.ReadDir(testdata, from)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		text, err := fs.ReadFile(testdata, from+"/"+e.Name())
		if err != nil {
			return "", err
		}
		// A go.mod would make a module of testdata, which is then not embedded.
		name := strings.TrimSuffix(e.Name(), ".txt")
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// airConfig has air build as it does by default, but wait for 50 ms alone.
const airConfig = `[build]
cmd = "go build -o ./tmp/main ."
bin = "./tmp/main"
delay = 50
`

// gin is an application of gin below spindle dev and below air, and bare builds of it.
func (b *bench) gin() error {
	ours, err := b.start("gin", "spindle dev", b.spindle, "dev", "--log", "none", "--listen", "tcp:PORT:interface=127.0.0.1")
	if err != nil {
		return err
	}
	air := filepath.Join(b.dir, "air")
	if err := exec.Command("env", "GOBIN="+b.dir, "go", "install", "github.com/air-verse/air@"+b.air).Run(); err != nil {
		return fmt.Errorf("air %s can not be installed: %w", b.air, err)
	}
	config := filepath.Join(b.dir, "air.toml")
	if err := os.WriteFile(config, []byte(airConfig), 0o644); err != nil {
		return err
	}
	theirs, err := b.start("gin", "air "+b.air, air, "-c", config)
	if err != nil {
		return err
	}
	bare, err := b.unpack("gin", "bare")
	if err != nil {
		return err
	}
	t := newTable("gin: save of a handler", "bare go build", ours.name, theirs.name, ours.name+", undo", theirs.name+", undo")
	for n := range b.rounds + 1 { // the first is for warmth
		t.begin(n > 0)
		if err := t.time("bare go build", func() error { return buildAnew(bare, n) }); err != nil {
			return err
		}
		for _, r := range []*runner{ours, theirs} {
			if err := t.time(r.name, func() error { return r.save("handler.go", b.version(n)) }); err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := t.time(r.name+", undo", func() error { return r.save("handler.go", b.version(n-1)) }); err != nil {
				return err
			}
			if err := t.untimed(r.name, func() error { return r.save("handler.go", b.version(n)) }); err != nil {
				return err
			}
		}
	}
	t.print()
	return nil
}

// version is the text that the nth edit puts in place of VERSION: no cache has seen it. Each is
// longer than the last: Python takes what it has compiled for a file of the same size and
// second.
func (b *bench) version(n int) string {
	return filepath.Base(b.dir) + "." + strings.Repeat("i", n+1) + "."
}

// buildAnew builds after an edit.
func buildAnew(dir string, n int) error {
	if err := edit(dir, "gin", "handler.go", fmt.Sprintf("bare.%d.%d", time.Now().UnixNano(), n)); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", "main", ".")
	build.Dir = dir
	build.SysProcAttr = aSession()
	out, err := build.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// flask is an application of Flask below spindle dev and by itself.
func (b *bench) flask() error {
	ours, err := b.start("flask", "spindle dev", b.spindle, "dev", "app.py", "--python", "python3", "--log", "none", "--listen", "tcp:PORT:interface=127.0.0.1")
	if err != nil {
		return err
	}
	theirs, err := b.start("flask", "flask --debug", "python3", "-m", "flask", "--app", "app", "run", "--debug", "--port", "PORT")
	if err != nil {
		return err
	}
	t := newTable("flask: save of a module", ours.name, theirs.name, ours.name+", undo", theirs.name+", undo")
	for n := range b.rounds + 1 {
		t.begin(n > 0)
		for _, r := range []*runner{ours, theirs} {
			if err := t.time(r.name, func() error { return r.save("app.py", b.version(n)) }); err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := t.time(r.name+", undo", func() error { return r.save("app.py", b.version(n-1)) }); err != nil {
				return err
			}
			if err := t.untimed(r.name, func() error { return r.save("app.py", b.version(n)) }); err != nil {
				return err
			}
		}
	}
	t.print()
	return nil
}

// page is a directory with a style sheet and a page.
func (b *bench) page() error {
	r, err := b.start("page", "spindle dev", b.spindle, "dev", ".", "--log", "none", "--listen", "tcp:PORT:interface=127.0.0.1")
	if err != nil {
		return err
	}
	live, err := r.listen()
	if err != nil {
		return err
	}
	defer live.close()
	t := newTable("page: save of a file, until the page is told", "style.css", "index.html")
	for n := range b.rounds + 1 {
		t.begin(n > 0)
		for _, row := range []struct{ file, event string }{{"style.css", "swap"}, {"index.html", "reload"}} {
			err := t.time(row.file, func() error {
				if err := edit(r.dir, r.app, row.file, b.version(n)); err != nil {
					return err
				}
				return live.await(row.event)
			})
			if err != nil {
				return err
			}
			if text := r.get("/" + row.file); !strings.Contains(text, b.version(n)) {
				return fmt.Errorf("%s was told of, and is old: %s", row.file, text)
			}
		}
	}
	t.print()
	return nil
}
