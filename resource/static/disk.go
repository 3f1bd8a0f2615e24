package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// This file is the source of a directory of the machine. Every name is resolved
// by os.Root, component by component below an open directory, so that neither a
// link nor a rename at the wrong moment leads out of it (FollowAll excepted, which
// asks for just that).

// SymlinkPolicy says which symbolic links are followed. What is not followed is
// not found: 404.
type SymlinkPolicy uint8

// The policies.
const (
	// FollowInside follows relative links that stay below the root. An
	// absolute link counts as leading out, wherever it leads.
	FollowInside SymlinkPolicy = iota
	// FollowAll follows every link, also out of the root: whoever may make a
	// link in the directory decides what is served.
	FollowAll
	// FollowNone follows none.
	FollowNone
)

// disk is a directory, or one file, of the machine.
type disk struct {
	dir    string // absolute
	policy SymlinkPolicy

	mu   sync.Mutex
	open *diskTree // of the last job; nil before the first
}

func newDisk(dir string, policy SymlinkPolicy) *disk {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return &disk{dir: dir, policy: policy}
}

// rootError is a root that is not there, which is no 404: whoever set the path
// wants to read of it in the log.
type rootError struct{ err error }

func (e rootError) Error() string { return fmt.Sprintf("static: root: %v", e.err) }

func (s *disk) fixed() bool { return false }

// tree opens the root again when another directory stands in its place, as after
// a release that is switched by a link or a rename. The old one is closed by the
// garbage collector, when the last job has left it.
func (s *disk) tree() (tree, error) {
	fi, err := os.Stat(s.dir)
	if err != nil {
		return nil, rootMissing(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil && os.SameFile(s.open.fi, fi) {
		return s.open, nil
	}
	t, err := s.openTree(fi)
	if err != nil {
		return nil, rootMissing(err)
	}
	s.open = t
	return t, nil
}

func rootMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return rootError{err}
	}
	return err
}

func (s *disk) openTree(fi fs.FileInfo) (*diskTree, error) {
	t := &diskTree{dir: s.dir, policy: s.policy, fi: fi}
	if !fi.IsDir() {
		t.dir, t.only = filepath.Split(s.dir)
	}
	root, err := os.OpenRoot(t.dir)
	t.root = root
	return t, err
}

// diskTree is an open root. It never changes.
type diskTree struct {
	dir    string
	only   string // the one file that is served, when the root is a file
	policy SymlinkPolicy
	root   *os.Root
	fi     fs.FileInfo // of the root when it was opened
}

// local is name as os.Root and the policy want it.
func (t *diskTree) local(name string) (string, error) {
	switch {
	case t.only != "" && name != "":
		return "", syscall.ENOTDIR
	case t.only != "":
		return t.only, nil
	case name == "":
		return ".", nil
	case t.policy == FollowNone:
		return name, t.refuseLinks(name)
	}
	return name, nil
}

// refuseLinks is fs.ErrNotExist when a component of name is a link. A link that
// is made between this look and the next one is followed, inside the root.
func (t *diskTree) refuseLinks(name string) error {
	for end := 0; end < len(name); {
		if i := strings.IndexByte(name[end+1:], '/'); i >= 0 {
			end += i + 1
		} else {
			end = len(name)
		}
		fi, err := t.root.Lstat(name[:end])
		if err != nil {
			return err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return fs.ErrNotExist
		}
	}
	return nil
}

func (t *diskTree) stat(name string) (info, error) {
	local, err := t.local(name)
	if err != nil {
		return info{}, err
	}
	var fi fs.FileInfo
	if t.policy == FollowAll || t.only != "" {
		fi, err = os.Stat(filepath.Join(t.dir, local))
	} else {
		fi, err = t.root.Stat(local)
	}
	if err != nil {
		return info{}, notOutside(err)
	}
	return infoOf(fi)
}

// open looks before it opens, and opens without waiting all the same, in case
// that a pipe takes the place of the file between the two.
func (t *diskTree) open(name string) (file, info, error) {
	if i, err := t.stat(name); err != nil {
		return nil, i, err
	} else if i.isDir {
		return nil, i, errSpecial
	}
	f, err := t.openFile(name)
	if err != nil {
		return nil, info{}, err
	}
	return opened(f)
}

func (t *diskTree) openFile(name string) (f *os.File, err error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC
	local, err := t.local(name)
	if err != nil {
		return nil, err
	}
	if t.policy == FollowAll || t.only != "" {
		return os.OpenFile(filepath.Join(t.dir, local), flags, 0)
	}
	f, err = t.root.OpenFile(local, flags, 0)
	return f, notOutside(err)
}

func (t *diskTree) list(name string, limit int, dots bool) ([]child, bool, error) {
	d, err := t.openFile(name)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	return readDir(d, limit, dots, func(link string) (info, error) { return t.stat(path.Join(name, link)) })
}

func (t *diskTree) path(name string) string {
	if t.only != "" {
		return filepath.Join(t.dir, t.only)
	}
	return filepath.Join(t.dir, filepath.FromSlash(name))
}

// notOutside makes fs.ErrNotExist of os.Root's refusal to leave the root, which
// has no name to compare with: it is the one error without an errno.
func notOutside(err error) error {
	var p *fs.PathError
	var errno syscall.Errno
	if errors.As(err, &p) && !errors.As(p.Err, &errno) {
		return fmt.Errorf("%w (%v)", fs.ErrNotExist, err)
	}
	return err
}

var (
	_ source = (*disk)(nil)
	_ tree   = (*diskTree)(nil)
)
