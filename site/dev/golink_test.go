package dev

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
)

// hasDebugInfo tells whether a debugger finds anything in a program.
func hasDebugInfo(t *testing.T, path string) bool {
	t.Helper()
	return sections(t, path)[".debug_info"] != nil
}

// awaitLinks waits until both links of the last build have ended.
func awaitLinks(t *testing.T, r *reactor.Reactor, b *goBuilder) {
	t.Helper()
	over := make(chan struct{})
	var look func()
	look = func() {
		if b.links == nil || !b.links[len(b.links)-1].over {
			r.CallLater(time.Millisecond, look)
			return
		}
		close(over)
	}
	r.CallFromThread(look)
	wait(t, over, "the links")
}

// linkedApart is a builder that links without debug information, a build after it was seen to
// come to the same.
func linkedApart(t *testing.T, r *reactor.Reactor) (dir string, b *goBuilder) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.NumCPU() == 1 {
		t.Skip("programs are linked once here")
	}
	dir, b = prepared(t, r, shop, "-ldflags=-X main.version=seven")
	b.apart = true
	p, err := edit(t, r, b, dir, "sub/page.txt", "FIRST")
	if err != nil || !p.direct || p.whole != nil || !hasDebugInfo(t, p.path) {
		t.Fatalf("before it is known whether both are the same: %+v, %v", p, err)
	}
	awaitLinks(t, r, b)
	if b.recipe.apart != proved {
		t.Fatal("they are not the same")
	}
	return dir, b
}

func TestDebugInfoApart(t *testing.T) {
	r := loop(t)
	dir, b := linkedApart(t, r)
	p, err := edit(t, r, b, dir, "sub/page.txt", "SECOND")
	if err != nil || !p.direct || p.whole == nil {
		t.Fatal(p, err)
	}
	if out := output(t, p); !strings.Contains(out, "ONE SECOND seven") || !strings.Contains(out, filepath.Join(dir, "main.go")+":12") {
		t.Error(out)
	}
	write(t, dir, "sub/page.txt", "GIVEN UP") // a build that comes to nothing takes nothing from what runs
	on(t, r, func() { b.build().Then(nil, func(error) {}); b.cancel() })
	path, err := result(t, r, func() *reactor.Deferred[string] { return p.whole })
	if err != nil {
		t.Fatal(err)
	}
	if hasDebugInfo(t, p.path) || !hasDebugInfo(t, path) {
		t.Error("the debug information is not where it should be")
	}
	write(t, dir, "sub/page.txt", "SECOND")
	sameAsGo(t, b, &built{path: path})
	if _, err := edit(t, r, b, dir, "sub/page.txt", "FIRST"); err != nil {
		t.Fatal(err)
	}
	if again, err := edit(t, r, b, dir, "sub/page.txt", "SECOND"); err != nil || !again.cached || again.path != path || again.whole != nil {
		t.Errorf("an undo: %+v, %v", again, err)
	}
}

// What the next build makes impossible is said, and nothing half made is left.
func TestDebugInfoGivenUp(t *testing.T) {
	r := loop(t)
	dir, b := linkedApart(t, r)
	p, err := edit(t, r, b, dir, "sub/page.txt", "SECOND")
	if err != nil || p.whole == nil {
		t.Fatal(p, err)
	}
	on(t, r, b.close)
	_, err = result(t, r, func() *reactor.Deferred[string] { return p.whole })
	if err == nil {
		return // it was there sooner
	}
	if err != errNotWhole {
		t.Error(err)
	}
	on(t, r, func() {}) // what has ended is told by now, or removed before
	left, _ := filepath.Glob(filepath.Join(b.cache, "new.*"))
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// While a program runs its debug information is linked, whatever is built meanwhile: the newer one
// may not start.
func TestDebugInfoOfWhatRuns(t *testing.T) {
	r := loop(t)
	dir, b := linkedApart(t, r)
	first, err := edit(t, r, b, dir, "sub/page.txt", "SECOND")
	if err != nil || first.whole == nil {
		t.Fatal(first, err)
	}
	var ended func()
	on(t, r, func() {
		ended = b.started(first.key)
		b.links[0].hold(syscall.SIGSTOP)
	})
	second, err := edit(t, r, b, dir, "sub/page.txt", "THIRD")
	if err != nil || second.whole == nil {
		t.Fatal(second, err)
	}
	on(t, r, func() { b.links[0].hold(syscall.SIGCONT) })
	if path, err := result(t, r, func() *reactor.Deferred[string] { return first.whole }); err != nil || !hasDebugInfo(t, path) {
		t.Error(path, err)
	}
	third, err := edit(t, r, b, dir, "sub/page.txt", "FOURTH")
	if err != nil || third.whole == nil {
		t.Fatal(third, err)
	}
	if _, err := result(t, r, func() *reactor.Deferred[string] { return third.whole }); err != nil {
		t.Error(err)
	}
	on(t, r, func() {
		ended()
		if len(b.links) != 1 || b.links[0].key != third.key {
			t.Errorf("%d programs are remembered", len(b.links))
		}
	})
}

// hold sends a signal to the second link, unless that has ended.
func (l *goLinks) hold(sig syscall.Signal) {
	if !l.second.ended {
		killGroup(l.second.run.child.Pid(), sig)
	}
}

// Programs that differ in what is loaded are not taken for the same.
func TestSameImage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sections are those of ELF")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	changed := func(at uint64) string {
		path := filepath.Join(t.TempDir(), "other")
		text := slices.Clone(other)
		text[at]++
		if err := os.WriteFile(path, text, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if same, err := sameImage(self, self); !same || err != nil {
		t.Error(same, err)
	}
	for _, name := range []string{".text", ".rodata", ".data"} {
		if same, err := sameImage(self, changed(f.Section(name).Offset)); same || err != nil {
			t.Errorf("%s: %v %v", name, same, err)
		}
	}
	if _, err := sameImage(self, os.DevNull); err == nil {
		t.Error("what is no program is taken for one")
	}
	if same, err := sameSections(nil, nil); same || err != nil {
		t.Error("nothing is the same as nothing:", same, err)
	}
}

func TestApartFlags(t *testing.T) {
	for word, want := range map[string]bool{"-s": true, "-w": true, "--w": true, "-s=true": true, "-w=0": true, "-X": false, "-static": false, "s": false, "-buildid=-s": false} {
		if isApartFlag(word) != want {
			t.Errorf("%s: %v", word, !want)
		}
	}
}
