package dev

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// This file knows what is in the files that a program is built from, and reads only those
// that may have changed.

// goState is the files of a program as they were at one moment. It is not changed.
type goState struct {
	key   string            // names the program that they make; "" when it is not known which files there are
	sums  map[string]fileID // of each file; one that is gone has none
	names string            // of what is beside them, by directory
}

// fileID stands for what is in a file.
type fileID [16]byte

// goSums keeps what was read. Any goroutine.
type goSums struct {
	mu   sync.Mutex
	read map[string]fileRead
}

// fileRead is a file as it was read.
type fileRead struct {
	size  int64
	mtime time.Time
	inode uint64
	fresh bool // it was written so shortly before that its time may not tell of the next change
	id    fileID
}

// settledFile is the age from which on the time of a file tells of every change.
const settledFile = 2 * time.Second

// forget has a file read again, whatever its time says.
func (g *goSums) forget(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.read, path)
}

// look gives the files as they are now; d may be nil. salt is what beside the files decides
// what is built. Blocks: not on the loop.
func (g *goSums) look(d *goDeps, salt string, now time.Time) (*goState, error) {
	s := &goState{sums: map[string]fileID{}}
	if d == nil {
		return s, nil
	}
	h := sha256.New()
	fmt.Fprintln(h, salt)
	for _, path := range d.files {
		id, err := g.idOf(path, now)
		if err != nil {
			if os.IsNotExist(err) || os.IsPermission(err) {
				continue // go build will say what that means
			}
			return nil, err
		}
		s.sums[path] = id
		fmt.Fprintf(h, "file %s %x\n", path, id)
	}
	names := sha256.New()
	for _, dir := range d.dirs {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if isGoSource(e.Name()) || e.Name() == "default.pgo" {
				fmt.Fprintln(names, "name", dir, e.Name())
			}
		}
	}
	s.names = string(names.Sum(nil))
	io.WriteString(h, s.names)
	s.key = hex.EncodeToString(h.Sum(nil)[:12])
	return s, nil
}

// idOf reads a file, unless it is as it was.
func (g *goSums) idOf(path string, now time.Time) (fileID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileID{}, err
	}
	is := fileRead{size: info.Size(), mtime: info.ModTime(), fresh: now.Sub(info.ModTime()) < settledFile}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		is.inode = uint64(st.Ino)
	}
	g.mu.Lock()
	was, known := g.read[path]
	g.mu.Unlock()
	if known && !was.fresh && was.size == is.size && was.inode == is.inode && was.mtime.Equal(is.mtime) {
		return was.id, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fileID{}, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fileID{}, err
	}
	copy(is.id[:], h.Sum(nil))
	g.mu.Lock()
	g.read[path] = is
	g.mu.Unlock()
	return is.id, nil
}

// changed is the files in which there is something else than at was, and those that came or
// went.
func (s *goState) changed(was *goState) (paths []string) {
	for path, id := range s.sums {
		if before, there := was.sums[path]; !there || before != id {
			paths = append(paths, path)
		}
	}
	for path := range was.sums {
		if _, there := s.sums[path]; !there {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
