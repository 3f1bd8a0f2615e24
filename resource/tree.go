package resource

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// Tree is an inner node: its children are put in by name. The zero value is empty
// and ready. A type that embeds it may have a Child method of its own, which is
// asked for what was not put in. A Tree alone does not answer for itself: embed it
// and add RenderGET, or put a child in under "" for the path that ends in a slash
// (the path without the slash is then redirected there).
type Tree struct {
	children map[string]Resource
}

// PutChild makes r the child for the path segment name, in place of the one before.
// It returns t, so that calls can be chained. A name with a slash, a nil resource:
// panic. Before the site listens, or on the loop.
func (t *Tree) PutChild(name string, r Resource) *Tree {
	if strings.Contains(name, "/") {
		panic("resource: PutChild: a name is one path segment, without a slash: " + name)
	}
	if r == nil {
		panic("resource: PutChild: nil resource for " + name)
	}
	if t.children == nil {
		t.children = make(map[string]Resource)
	}
	t.children[name] = r
	return t
}

// RemoveChild takes the child of that name out. Before the site listens, or on the
// loop.
func (t *Tree) RemoveChild(name string) { delete(t.children, name) }

// Children goes over the children that were put in, in the order of their names.
// Those that a Child method makes are not among them.
func (t *Tree) Children() iter.Seq2[string, Resource] {
	return func(yield func(string, Resource) bool) {
		for _, name := range slices.Sorted(maps.Keys(t.children)) {
			if !yield(name, t.children[name]) {
				return
			}
		}
	}
}

// Child is the child that was put in under that name.
func (t *Tree) Child(name string, _ *Request) Resource { return t.children[name] }

// staticChild is Child for a segment that is not a string yet. The walk finds it
// also in a type that embeds a Tree and has a Child of its own.
func (t *Tree) staticChild(segment []byte) Resource { return t.children[string(segment)] }

// brancher is what embeds a Tree.
type brancher interface{ staticChild(segment []byte) Resource }

var (
	_ Resource = (*Tree)(nil)
	_ brancher = (*Tree)(nil)
)
