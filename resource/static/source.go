package static

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"time"
)

// This file is where the files come from: what a Dir asks of a directory of the
// machine (disk.go) and of any fs.FS (fsys.go). All of it may wait for a disk.

// source gives the tree of files as it stands now. Any goroutine. Blocks: not on
// the loop.
type source interface {
	// tree is looked at for one job and then dropped.
	tree() (tree, error)
	// fixed tells that nothing in it ever changes.
	fixed() bool
}

// tree is a root with files below it. Names are those of clean, without the
// trailing slash. Any goroutine. Blocks: not on the loop.
type tree interface {
	// stat follows links as far as the policy lets it; what is beyond is
	// fs.ErrNotExist. A device, socket or pipe is errSpecial.
	stat(name string) (info, error)
	// open opens a regular file. The info is that of what was opened.
	open(name string) (file, info, error)
	// list gives at most limit entries of a directory, in any order, and
	// whether there are more. Names that begin with a dot are left out unless
	// dots is true.
	list(name string, limit int, dots bool) (entries []child, more bool, err error)
	// path is what a processor is told: where the file is.
	path(name string) string
}

// file is an open file. An *os.File is one, and is sent by sendfile.
type file = fs.File

// info is what a tree knows of a file without reading it.
type info struct {
	stamp
	isDir bool
}

// stamp changes when a file does. Two equal ones are taken for the same content,
// unless the first was made within racyWindow of the last change.
type stamp struct {
	size     int64
	modified int64 // ns since the epoch; noTime when it is not known
	changed  int64 // the inode's own time in ns, where there is one
	dev, ino uint64
	embedded bool // in the program: it never changes
}

// noTime is the modified of a file that has no time (those of an embed.FS).
const noTime = -1 << 63

// racyWindow is how long after a change another one may leave the same stamp
// behind: the coarsest clock of a file system in use ticks every two seconds.
const racyWindow = 2 * time.Second

// racy tells whether the content may have changed at now, or may still change,
// without another stamp.
func (s stamp) racy(now time.Time) bool {
	return !s.embedded && (s.modified == noTime || s.modified > now.Add(-racyWindow).UnixNano())
}

// olderThan tells whether s was last changed before t was, by more than a tick of
// the clock. Without both times nobody knows.
func (s stamp) olderThan(t stamp) bool {
	return t.modified != noTime && (s.modified == noTime || s.modified < t.modified-int64(racyWindow))
}

// modTime is the zero Time when it is not known.
func (s stamp) modTime() time.Time {
	if s.modified == noTime {
		return time.Time{}
	}
	return time.Unix(0, s.modified)
}

// child is one entry of a directory.
type child struct {
	name string
	info
}

// errSpecial is what a tree says of a device, socket or pipe: they are never
// opened, for a pipe would hold the thread and a device may do anything.
var errSpecial = errors.New("static: not a regular file")

// infoOf is the info of what fi describes; errSpecial when it is neither a
// regular file nor a directory.
func infoOf(fi fs.FileInfo) (info, error) {
	if !fi.Mode().IsRegular() && !fi.IsDir() {
		return info{}, errSpecial
	}
	i := info{isDir: fi.IsDir()}
	i.size, i.modified = fi.Size(), noTime
	if t := fi.ModTime(); !t.IsZero() {
		i.modified = t.UnixNano()
	}
	i.changed, i.dev, i.ino = inode(fi)
	i.embedded = i.modified == noTime && isEmbedded(fi)
	return i, nil
}

// isEmbedded tells whether fi is of an embed.FS, which may stand behind an fs.Sub.
func isEmbedded(fi fs.FileInfo) bool {
	t := reflect.TypeOf(fi)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "embed"
}

// opened finishes an open: f must be a regular file.
func opened(f file) (file, info, error) {
	fi, err := f.Stat()
	if err == nil {
		var i info
		if i, err = infoOf(fi); err == nil && i.isDir {
			err = errSpecial
		}
		if err == nil {
			return f, i, nil
		}
	}
	f.Close()
	return nil, info{}, err
}

// readDir reads at most limit entries of an open directory and tells whether
// there are more. follow looks at what a link leads to.
func readDir(d fs.ReadDirFile, limit int, dots bool, follow func(link string) (info, error)) (entries []child, more bool, err error) {
	for {
		batch, err := d.ReadDir(256)
		for _, e := range batch {
			c, ok := childOf(e, dots, follow)
			if !ok {
				continue
			}
			if len(entries) == limit {
				return entries, true, nil
			}
			entries = append(entries, c)
		}
		if errors.Is(err, io.EOF) {
			return entries, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

// childOf is the entry with what its own info says, or that of what it leads to; ok is
// false for what is hidden, gone meanwhile or special, and for a name that clean
// would not let through.
func childOf(e fs.DirEntry, dots bool, follow func(link string) (info, error)) (c child, ok bool) {
	c.name = e.Name()
	if c.name[0] == '.' && !dots || strings.IndexByte(c.name, '\\') >= 0 {
		return c, false
	}
	var err error
	if e.Type()&fs.ModeSymlink != 0 {
		c.info, err = follow(c.name)
		return c, err == nil
	}
	fi, err := e.Info()
	if err != nil {
		return c, false
	}
	c.info, err = infoOf(fi)
	return c, err == nil
}

var _ file = (*os.File)(nil)
