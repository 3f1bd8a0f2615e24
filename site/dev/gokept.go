package dev

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file keeps the directories of built programs from growing without end: of each
// package the last few programs stay beside those that run, and of packages that nobody has built for a while
// none. Who uses a directory holds it by a lock, which ends with the process.

const (
	// keptBuilds is how many programs of one package are kept, so that an undo is instant.
	keptBuilds = 8
	// keptUnused is how long what nobody uses is kept.
	keptUnused = 7 * 24 * time.Hour
	// witnessKept is the directory, beside those of packages, that has one for each witness.
	witnessKept = "witness"
	// packageName and witnessName are the bytes of the names of directories, which are written
	// in hexadecimal.
	packageName, witnessName = 8, 12
)

// holdDir makes a directory, if it is not there, and holds it: sweepUnused passes over it
// until the file is closed.
func holdDir(dir string) (*os.File, error) {
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		f, err := os.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was swept just now
		}
		if err != nil {
			return nil, err
		}
		// Where the file system has no locks nobody can sweep either.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH)
		if is, err := f.Stat(); err == nil {
			if there, err := os.Stat(dir); err == nil && os.SameFile(is, there) {
				return f, nil
			}
		}
		_ = f.Close()
	}
}

// pruneLater has a thread remove the oldest programs, and, once, what nobody uses any more.
func (b *goBuilder) pruneLater() {
	sweep, now, spared := !b.swept, b.loop.Now(), maps.Clone(b.runs)
	b.swept = true
	reactor.DeferToThreadPool(b.loop.ThreadPool(), func() (struct{}, error) {
		b.prune(spared)
		if sweep {
			sweepUnused(filepath.Dir(b.cache), now)
		}
		return struct{}{}, nil
	})
}

// runs counts, by key, the processes of programs.
type runs map[string]int

// add has prune spare a program until left is called: its variables are read from its file.
// Loop only.
func (r *runs) add(key string) (left func()) {
	if *r == nil {
		*r = runs{}
	}
	(*r)[key]++
	return func() {
		if (*r)[key]--; (*r)[key] == 0 {
			delete(*r, key)
		}
	}
}

// prune removes the oldest programs but those that are spared, and what processes that were
// killed have left. Blocks: not on the loop.
func (b *goBuilder) prune(spared runs) {
	entries, err := os.ReadDir(b.cache)
	if err != nil {
		return
	}
	var whole, apart []os.DirEntry // a program may be there as both
	for _, e := range entries {
		switch {
		case e.IsDir() || spared[strings.TrimSuffix(e.Name(), apartSuffix)] > 0:
		case orphaned(e.Name(), newProgram):
			_ = os.Remove(filepath.Join(b.cache, e.Name()))
		case strings.HasSuffix(e.Name(), apartSuffix):
			apart = append(apart, e)
		default:
			whole = append(whole, e)
		}
	}
	b.keepNewest(whole)
	b.keepNewest(apart)
}

// keepNewest removes all but the newest of some programs.
func (b *goBuilder) keepNewest(entries []os.DirEntry) {
	age := func(e os.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(x, y os.DirEntry) int { return age(y).Compare(age(x)) })
	for _, e := range entries[min(keptBuilds, len(entries)):] {
		_ = os.Remove(filepath.Join(b.cache, e.Name()))
	}
}

// sweepUnused removes the directories below base that nobody holds, and in which nothing is
// as young as keptUnused. Blocks: not on the loop.
func sweepUnused(base string, now time.Time) {
	const digit = "[0-9a-f]"
	packages, _ := filepath.Glob(filepath.Join(base, strings.Repeat(digit, 2*packageName)))
	witnesses, _ := filepath.Glob(filepath.Join(base, witnessKept, strings.Repeat(digit, 2*witnessName)))
	for _, dir := range append(packages, witnesses...) {
		if now.Sub(lastUse(dir)) < keptUnused {
			continue
		}
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		// It may have been used since it was looked at.
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && now.Sub(lastUse(dir)) >= keptUnused {
			_ = os.RemoveAll(dir)
		}
		_ = f.Close()
	}
}

// lastUse is when something in dir was made, or used: who uses a program or a witness that is
// there already sets its time.
func lastUse(dir string) (last time.Time) {
	entries, _ := os.ReadDir(dir)
	info, err := os.Stat(dir)
	for i := 0; ; i++ {
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		if i == len(entries) {
			return last
		}
		info, err = entries[i].Info()
	}
}
