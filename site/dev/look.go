package dev

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file compares the files that are there with those that were known. It runs on a
// thread, and shares nothing with the loop while it does.

// looker is one look.
type looker struct {
	what      Watch
	was       *Watch           // what was watched at the look before, if that was something else
	known     map[string]stamp // of the loop; read only. nil: nothing is known yet
	dirs      map[string]bool  // of the loop; read only
	timesOnly bool             // the content of a file whose time is the same is not read

	found   map[string]stamp
	inside  map[string]bool // directories that are there
	partial bool            // only some paths were looked at
	changes []Change
}

func sumOf(data []byte) (s [8]byte) {
	sum := sha256.Sum256(data)
	copy(s[:], sum[:])
	return s
}

// run looks at paths, at all for nil.
func (l *looker) run(paths []string) {
	l.found = map[string]stamp{}
	l.inside = map[string]bool{}
	if paths == nil || slices.ContainsFunc(paths, l.isDir) {
		l.all()
	} else {
		l.some(paths)
	}
	slices.SortFunc(l.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
}

// isDir tells whether an event of path may mean more than one file.
func (l *looker) isDir(path string) bool {
	if l.dirs[path] {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// all walks over everything that is watched.
func (l *looker) all() {
	for _, tree := range l.what.Trees {
		l.tree(tree)
	}
	for _, dir := range l.what.Dirs {
		l.dir(dir)
	}
	for path := range l.known {
		if _, there := l.found[path]; !there && l.watched(path) {
			l.changes = append(l.changes, Change{Path: path, Removed: true})
		}
	}
}

// some looks at single files; what else is known stays.
func (l *looker) some(paths []string) {
	l.partial = true
	for path, s := range l.known {
		l.found[path] = s
	}
	for dir := range l.dirs {
		l.inside[dir] = true
	}
	for _, path := range paths {
		if !l.watched(path) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if _, was := l.known[path]; was {
				delete(l.found, path)
				l.changes = append(l.changes, Change{Path: path, Removed: true})
			}
			continue
		}
		l.file(path, info)
	}
}

// watched tells whether what is watched includes path.
func (l *looker) watched(path string) bool { return l.what.includes(path) }

// includes tells whether path is one of those to look at.
func (w *Watch) includes(path string) bool {
	for _, dir := range w.Dirs {
		if filepath.Dir(path) == dir {
			return true
		}
	}
	for _, tree := range w.Trees {
		if below(path, tree) {
			return !w.skips(tree, path)
		}
	}
	return false
}

// skips tells whether path, or a directory on the way to it, is of no interest.
func (w *Watch) skips(tree, path string) bool {
	if w.Skip == nil {
		return false
	}
	if w.Skip(path, false) {
		return true
	}
	for dir := filepath.Dir(path); len(dir) > len(tree); dir = filepath.Dir(dir) {
		if w.Skip(dir, true) {
			return true
		}
	}
	return false
}

// tree walks down. Links to directories are followed once each.
func (l *looker) tree(root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is gone, or nobody may look there
		}
		isDir := d.IsDir()
		if path != root && l.what.Skip != nil && l.what.Skip(path, isDir) {
			if isDir {
				return fs.SkipDir
			}
			return nil
		}
		if isDir {
			if l.inside[path] {
				return fs.SkipDir
			}
			l.inside[path] = true
			return nil
		}
		l.entry(path, d)
		return nil
	})
}

// dir looks at the files of one directory.
func (l *looker) dir(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	l.inside[dir] = true
	for _, d := range entries {
		if !d.IsDir() {
			l.entry(filepath.Join(dir, d.Name()), d)
		}
	}
}

// entry looks at a file, or at what a link leads to.
func (l *looker) entry(path string, d fs.DirEntry) {
	if _, seen := l.found[path]; seen {
		return
	}
	info, err := d.Info()
	if d.Type()&fs.ModeSymlink != 0 {
		if info, err = os.Stat(path); err == nil && info.IsDir() {
			l.link(path)
			return
		}
	}
	if err == nil {
		l.file(path, info)
	}
}

// link walks through a link to a directory, if that is not watched already.
func (l *looker) link(path string) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil || below(path, target) {
		return // a ring
	}
	for _, tree := range l.what.Trees {
		if below(target, tree) {
			return
		}
	}
	if !l.inside[target] {
		l.tree(target)
	}
}

// file compares one file with what is known of it.
func (l *looker) file(path string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		return
	}
	was, known := l.known[path]
	if known && l.timesOnly && was.mtime.Equal(info.ModTime()) && was.size == info.Size() {
		l.found[path] = was
		return
	}
	is := stampOf(path, info)
	l.found[path] = is
	if l.known != nil && (known && is.differs(was) || !known && (l.was == nil || l.was.includes(path))) {
		l.changes = append(l.changes, Change{Path: path})
	}
}
