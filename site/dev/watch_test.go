package dev

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"spindle/reactor"
)

// watching watches dir, and gives what changes.
func watching(t *testing.T, dir string, poll bool) (*reactor.Reactor, *Watcher, <-chan []Change) {
	t.Helper()
	r := loop(t)
	changes := make(chan []Change, 100)
	ready := make(chan struct{})
	var w *Watcher
	on(t, r, func() {
		w = NewWatcher(r, poll, func(list []Change) { changes <- list }, func(err error) { t.Log(err) })
		w.Set(Watch{Trees: []string{dir}, Skip: skipper(dir, nil)})
		w.WhenReady(func() { close(ready) })
	})
	wait(t, ready, "the first look")
	t.Cleanup(func() { on(t, r, w.Close) })
	return r, w, changes
}

// expect waits until path is told of.
func expect(t *testing.T, changes <-chan []Change, path string, removed bool) {
	t.Helper()
	for {
		for _, c := range wait(t, changes, "the change of "+path) {
			if c == (Change{Path: path, Removed: removed}) {
				return
			}
		}
	}
}

func TestWatcherTellsOfContent(t *testing.T) {
	for _, poll := range []bool{false, true} {
		dir := t.TempDir()
		a := write(t, dir, "a.go", "one")
		write(t, dir, "node_modules/x.js", "one")
		write(t, dir, ".gitignore", "made/\n*.gen\n")
		made := write(t, dir, "made/x.css", "one")
		_, _, changes := watching(t, dir, poll)

		write(t, dir, "a.go", "two")
		expect(t, changes, a, false)

		b := write(t, dir, "new/deep/b.css", "x")
		expect(t, changes, b, false)

		tmp := write(t, dir, "c.tmp", "atomic") // as editors save
		if err := os.Rename(tmp, a); err != nil {
			t.Fatal(err)
		}
		expect(t, changes, a, false)

		// None of these is a change: the next that is told of is the last.
		now := time.Unix(1<<31, 0)
		if err := os.Chtimes(a, now, now); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "node_modules/x.js", "two")
		write(t, dir, "made/x.css", "two")
		write(t, dir, "y.gen", "two")
		write(t, dir, ".a.go.swp", "two")
		_ = made
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
		for _, c := range wait(t, changes, "the removal") {
			if c != (Change{Path: b, Removed: true}) {
				t.Errorf("polling %v: %+v is told of", poll, c)
			}
		}
	}
}

func TestWatcherFollowsLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	target := write(t, outside, "style.css", "one")
	if err := os.Symlink(outside, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "ring")); err != nil {
		t.Fatal(err)
	}
	_, _, changes := watching(t, dir, false)
	write(t, outside, "style.css", "two")
	expect(t, changes, target, false)
}

func TestWatcherWhatIsNewlyWatchedHasNotChanged(t *testing.T) {
	dir, more := t.TempDir(), t.TempDir()
	a := write(t, dir, "a.go", "one")
	write(t, more, "b.go", "one")
	r, w, changes := watching(t, dir, false)
	ready := make(chan struct{})
	on(t, r, func() {
		w.Set(Watch{Trees: []string{dir, more}})
		w.WhenReady(func() { close(ready) })
	})
	wait(t, ready, "the look")
	write(t, dir, "a.go", "two")
	if list := wait(t, changes, "the change"); len(list) != 1 || list[0].Path != a {
		t.Errorf("%+v", list)
	}
	b := write(t, more, "b.go", "two")
	expect(t, changes, b, false)
}

func TestSkipper(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".gitignore", "build/\n*.gen\n!keep.gen\n/only-here.txt\n")
	skip := skipper(dir, []string{filepath.Join(dir, ".hidden.go")})
	for _, row := range []struct {
		path string
		dir  bool
		want bool
	}{
		{"a.go", false, false}, {"build", true, true}, {"x/build", true, true}, {"a.gen", false, true}, {"keep.gen", false, false},
		{"only-here.txt", false, true}, {"x/only-here.txt", false, false}, {".git", true, true}, {"node_modules", true, true},
		{".env", false, false}, {".env.local", false, false}, {".hidden", false, true}, {".hidden.go", false, false},
		{"a.go~", false, true}, {"#a.go#", false, true}, {"4913", false, true}, {"x.test", false, true}, {"__pycache__", true, true},
	} {
		if got := skip(filepath.Join(dir, row.path), row.dir); got != row.want {
			t.Errorf("%s: %v", row.path, got)
		}
	}
}

// What a look has found is told, also when what is watched is set anew meanwhile and
// everything is looked at once more.
func TestWatcherTellsOfARepeatedLook(t *testing.T) {
	for _, poll := range []bool{false, true} {
		dir := t.TempDir()
		a := write(t, dir, "a.py", "one")
		r, w, changes := watching(t, dir, poll)
		on(t, r, func() {
			write(t, dir, "a.py", "two")
			what := w.what
			w.Set(what)
			w.Set(what)
		})
		expect(t, changes, a, false)
	}
}
