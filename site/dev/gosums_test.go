package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A file is read again when it may have changed, and only then.
func TestGoSums(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.go", "package a\n")
	gone := filepath.Join(dir, "gone.go")
	d := &goDeps{files: []string{path, gone}, dirs: []string{dir}}
	g := goSums{read: map[string]fileRead{}}
	written := time.Unix(1_000_000_000, 0)
	set := func(at time.Time) {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	look := func(now time.Time) *goState {
		s, err := g.look(d, "salt", now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	set(written)
	first := look(written.Add(time.Hour))
	for _, step := range []struct {
		why     string
		do      func()
		now     time.Time
		changed bool
	}{
		{"nothing", func() {}, written.Add(time.Hour), false},
		{"a time that is the same hides it", func() { write(t, dir, "a.go", "package b\n"); set(written) }, written.Add(time.Hour), false},
		{"an event tells of it", func() { g.forget(path) }, written.Add(time.Second), true},
		{"read within 2 s of its time", func() { write(t, dir, "a.go", "package a\n"); set(written) }, written.Add(time.Hour), false},
		{"its time", func() { write(t, dir, "a.go", "package b\n"); set(written.Add(time.Minute)) }, written.Add(time.Hour), true},
		{"its size", func() { write(t, dir, "a.go", "package bb\n"); set(written.Add(time.Minute)) }, written.Add(time.Hour), true},
		{"it is gone", func() { _ = os.Remove(path) }, written.Add(time.Hour), true},
	} {
		step.do()
		s := look(step.now)
		if changed := slices.Equal(s.changed(first), []string{path}); changed != step.changed || changed == (s.key == first.key) {
			t.Errorf("%s: %v, %s and %s", step.why, s.changed(first), s.key, first.key)
		}
	}
}

// BenchmarkGoSums is the look at a thousand files of which nothing has changed.
func BenchmarkGoSums(b *testing.B) {
	dir := b.TempDir()
	d := &goDeps{dirs: []string{dir}}
	for i := range 1000 {
		path := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(path, []byte(strings.Repeat("package a // and so on\n", 400)), 0o600); err != nil {
			b.Fatal(err)
		}
		d.files = append(d.files, path)
	}
	for _, known := range []bool{true, false} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			g := goSums{read: map[string]fileRead{}}
			now := time.Now().Add(time.Hour)
			for b.Loop() {
				if !known {
					clear(g.read)
				}
				if _, err := g.look(d, "", now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Programs that are run are not kept where somebody else can put them.
func TestCacheDirWithoutAHome(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("TMPDIR", tmp)
	dir, err := cacheDir()
	if err != nil || filepath.Dir(dir) != tmp {
		t.Fatal(dir, err)
	}
	if again, err := cacheDir(); again != dir || err != nil {
		t.Error(again, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := cacheDir(); err == nil {
		t.Error("a directory that others may write to is taken")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := cacheDir(); err == nil {
		t.Error("a symbolic link is taken")
	}
}
