package static

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// This file finds out what answers for a name, by looking at the tree without
// reading any content. Blocks: not on the loop.

// kind is what answers for a name.
type kind uint8

const (
	kindFile      kind = iota
	kindSlash          // a directory asked for without its slash
	kindListing        // a directory without an index file
	kindProcessor      // a file that a processor answers for
)

// plan is what answers for a name, as the tree stood when it was made. Two equal
// plans (see same) give the same answer.
type plan struct {
	kind kind
	name string // of the file, or of the directory
	path string // where a file is, as the tree says
	// variants is the file and after it its precompressed siblings, those that
	// were there, in order of preference.
	variants []variant
	// segments is how many of the name asked for lead to a processor's file.
	segments int
}

// variant is a file that can stand for a name.
type variant struct {
	coding string // Content-Encoding; "" for the file itself
	name   string
	info
}

// same tells whether p and q find the same files unchanged.
func (p *plan) same(q *plan) bool {
	return p.kind == q.kind && p.name == q.name && slices.Equal(p.variants, q.variants)
}

// asked is a key taken apart: keys are the path after the Dir's own, decoded.
type asked struct {
	name  string // as a tree wants it
	slash bool   // the key ends with one
}

func parseKey(key string) asked {
	name := strings.TrimPrefix(key, "/")
	return asked{name: strings.TrimSuffix(name, "/"), slash: strings.HasSuffix(key, "/")}
}

// plan finds what answers for a.
func (d *Dir) plan(t tree, a asked) (plan, error) {
	i, err := t.stat(a.name)
	switch {
	case err != nil:
		return d.planInner(t, a, err)
	case i.isDir && !a.slash:
		return plan{kind: kindSlash, name: a.name}, nil
	case i.isDir:
		return d.planIndex(t, a)
	case a.slash && a.name != "":
		return d.planInner(t, a, fs.ErrNotExist)
	}
	return d.planFile(t, a.name, i, a.name), nil
}

// planIndex finds the index file of a directory.
func (d *Dir) planIndex(t tree, a asked) (plan, error) {
	for _, index := range d.indexNames() {
		name := path.Join(a.name, index)
		i, err := t.stat(name)
		if err == nil && !i.isDir {
			return d.planFile(t, name, i, a.name), nil
		}
		if err != nil && answerTo(err).Status != 404 {
			return plan{}, err
		}
	}
	if !d.Listing {
		return plan{}, errNoListing
	}
	return plan{kind: kindListing, name: a.name}, nil
}

// planFile is the plan for a file that is there. used is the part of the name
// asked for that led to it.
func (d *Dir) planFile(t tree, name string, i info, used string) plan {
	if d.Processors[extension(name)] != nil {
		return plan{kind: kindProcessor, name: name, path: t.path(name), segments: len(segmentsOf(used))}
	}
	p := plan{name: name, path: t.path(name), variants: []variant{{"", name, i}}}
	for _, ext := range d.Precompressed {
		sibling, err := t.stat(name + ext)
		if err == nil && !sibling.isDir && !sibling.olderThan(i.stamp) {
			p.variants = append(p.variants, variant{codings[ext], name + ext, sibling})
		}
	}
	return p
}

// planInner finds a processor's file on the way to a name that is not there
// itself: /app.cgi/rest/of/path. Without one it is err.
func (d *Dir) planInner(t tree, a asked, err error) (plan, error) {
	if len(d.Processors) == 0 || answerTo(err).Status != 404 {
		return plan{}, err
	}
	for end := range len(a.name) + 1 {
		if end < len(a.name) && a.name[end] != '/' {
			continue
		}
		name := a.name[:end]
		if d.Processors[extension(name)] == nil {
			continue
		}
		if i, err := t.stat(name); err == nil && !i.isDir {
			return d.planFile(t, name, i, name), nil
		}
	}
	return plan{}, err
}

// segmentsOf is the segments of a name; the root has none.
func segmentsOf(name string) []string {
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// codings is the content coding by the extension of a sibling.
var codings = map[string]string{".br": "br", ".zst": "zstd", ".gz": "gzip"}
