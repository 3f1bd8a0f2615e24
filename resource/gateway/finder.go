package gateway

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// Kind is what a path leads to.
type Kind uint8

// The kinds.
const (
	Missing   Kind = iota
	IsScript       // a script, and perhaps a rest of the path behind it
	IsFile         // a file that is no script
	IsDir          // a directory that has no script to answer for it
	NeedSlash      // a directory that was asked for without its slash
	Refused        // something that this user may not look at
)

// Found is what a path leads to.
type Found struct {
	Kind Kind
	// Name is the name of the script or file below the root, with slashes.
	Name string
	// Segments is how many segments of the path lead to it; the rest is its PATH_INFO.
	// An index script is led to by one less than its name has, and has no rest.
	Segments int
	// Mode is that of the file.
	Mode fs.FileMode
}

// Finder finds scripts below a directory. What it has found is good for a second, so
// that the disk is not asked for each request. The fields are set before it is used.
// Loop only.
//
// A name that begins with a dot, or that has a slash, backslash or NUL in a segment, is
// Missing. Links are followed, also out of the directory: who may make one decides what is
// run.
type Finder struct {
	// Root is the directory.
	Root string
	// Index is the scripts that answer for a directory, the first that is there.
	Index []string
	// Script tells whether a regular file is one. It may be called by any goroutine.
	Script func(name string, mode fs.FileMode) bool

	memory map[string]remembered
}

type remembered struct {
	found Found
	until time.Time
}

const (
	goodFor       = time.Second
	maxRemembered = 1024
)

// Find finds what is left of the path of r leads to, and has then go on with it. Return
// what it returns from Pass.
func (f *Finder) Find(r *resource.Request, then func(Found) (resource.Resource, error)) (resource.Resource, error) {
	key, now := string(r.PostpathBytes()), r.Now()
	if m, ok := f.memory[key]; ok && now.Before(m.until) {
		return then(m.found)
	}
	segments := r.Postpath()
	look := reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (Found, error) { return f.look(segments), nil })
	return resource.DeferredChild(reactor.Map(look, func(found Found) (resource.Resource, error) {
		if len(f.memory) >= maxRemembered || f.memory == nil {
			f.memory = make(map[string]remembered)
		}
		f.memory[key] = remembered{found, now.Add(goodFor)}
		return then(found)
	})), nil
}

// look goes down the directory. Blocks: not on the loop.
func (f *Finder) look(segments []string) Found {
	name, mode := "", fs.ModeDir
	for i, segment := range segments {
		if segment == "" && i == len(segments)-1 {
			break
		}
		if !goodName(segment) {
			return Found{}
		}
		name = strings.TrimPrefix(name+"/"+segment, "/")
		info, err := os.Stat(filepath.Join(f.Root, filepath.FromSlash(name)))
		if err != nil {
			return f.fault(err)
		}
		if mode = info.Mode(); mode.IsDir() {
			continue
		}
		return f.file(name, mode, i+1, len(segments))
	}
	if n := len(segments); n == 0 || segments[n-1] != "" {
		return Found{Kind: NeedSlash, Name: name, Segments: n}
	}
	return f.index(name, len(segments))
}

// file is what is found when the path has come to a file.
func (f *Finder) file(name string, mode fs.FileMode, used, all int) Found {
	found := Found{Name: name, Segments: used, Mode: mode}
	switch {
	case !mode.IsRegular():
		return Found{}
	case f.Script(name, mode):
		found.Kind = IsScript
	case used == all:
		found.Kind = IsFile
	}
	return found
}

// index looks for the script that answers for a directory.
func (f *Finder) index(dir string, segments int) Found {
	for _, index := range f.Index {
		name := strings.TrimPrefix(dir+"/"+index, "/")
		info, err := os.Stat(filepath.Join(f.Root, filepath.FromSlash(name)))
		if err == nil && info.Mode().IsRegular() && f.Script(name, info.Mode()) {
			return Found{Kind: IsScript, Name: name, Segments: segments, Mode: info.Mode()}
		}
	}
	return Found{Kind: IsDir, Name: dir, Segments: segments}
}

func (f *Finder) fault(err error) Found {
	if os.IsPermission(err) {
		return Found{Kind: Refused}
	}
	return Found{}
}

func goodName(segment string) bool {
	return segment != "" && segment[0] != '.' && !strings.ContainsAny(segment, "/\\\x00")
}

// ScriptAt is the Script that found is, for r, whose walk has come to the root of the
// finder: it uses up the segments that lead to it.
func (f *Finder) ScriptAt(r *resource.Request, found Found) *Script {
	mount := PathOf(r.Prepath())
	rest := r.Postpath()
	r.Descend(found.Segments)
	s := &Script{
		Name:     strings.TrimSuffix(mount, "/") + "/" + found.Name,
		Filename: filepath.Join(f.Root, filepath.FromSlash(found.Name)),
		Root:     f.Root,
	}
	if left := rest[min(found.Segments, len(rest)):]; len(left) > 0 {
		s.PathInfo = PathOf(left)
	}
	return s
}

// Slash is the resource that sends to the same path with a slash behind it.
type Slash struct{ resource.Leaf }

// Render redirects, relative to the last segment, so that it holds behind a proxy too.
func (Slash) Render(r *resource.Request) ([]byte, error) {
	path := r.PathBytes()
	url := "./" + string(path[bytes.LastIndexByte(path, '/')+1:]) + "/"
	if q := r.QueryBytes(); q != nil {
		url += "?" + string(q)
	}
	r.SetStatus(308)
	return r.Redirect(url)
}
