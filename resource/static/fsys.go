package static

import (
	"embed"
	"io/fs"
	"path"
	"syscall"
	"unicode/utf8"
)

// This file is the source of an fs.FS: an embed.FS, a zip archive, os.DirFS.
// What the FS itself follows is followed: the policy of links is for disk.go.

type fsys struct{ fs.FS }

func (s fsys) tree() (tree, error) { return s, nil }

func (s fsys) fixed() bool {
	_, ok := s.FS.(embed.FS)
	return ok
}

// local is name as an fs.FS wants it.
func (s fsys) local(name string) (string, error) {
	switch {
	case name == "":
		return ".", nil
	case !utf8.ValidString(name):
		return "", fs.ErrNotExist
	}
	return name, nil
}

func (s fsys) stat(name string) (info, error) {
	local, err := s.local(name)
	if err != nil {
		return info{}, err
	}
	fi, err := fs.Stat(s.FS, local)
	if err != nil {
		return info{}, err
	}
	return infoOf(fi)
}

func (s fsys) open(name string) (file, info, error) {
	if i, err := s.stat(name); err != nil {
		return nil, i, err
	} else if i.isDir {
		return nil, i, errSpecial
	}
	local, _ := s.local(name)
	f, err := s.FS.Open(local)
	if err != nil {
		return nil, info{}, err
	}
	return opened(f)
}

func (s fsys) list(name string, limit int, dots bool) ([]child, bool, error) {
	local, err := s.local(name)
	if err != nil {
		return nil, false, err
	}
	f, err := s.FS.Open(local)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, false, syscall.ENOTDIR
	}
	return readDir(d, limit, dots, func(link string) (info, error) { return s.stat(path.Join(name, link)) })
}

func (s fsys) path(name string) string { return name }

var (
	_ source = fsys{}
	_ tree   = fsys{}
)
