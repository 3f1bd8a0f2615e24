package resource

import (
	"bytes"
	"fmt"

	"spindle/protocol"
)

// This file finds the resource of a request: one step down the tree for each
// segment of the path. It works on the bytes of the head; only a segment that a
// dynamic Child is asked for becomes a string.

// walk goes down from res until the path or the tree ends. r.used counts the bytes
// of the path that are behind. A nil resource without an error means that the walk
// waits for a deferred child.
func (r *Request) walk(res Resource) (Resource, error) {
	for res != nil {
		if r.d.Debug {
			r.note(res)
		}
		if r.watched != nil {
			r.watched.step(res, r.path()[:r.used])
		}
		if t, ok := res.(*Tree); ok { // the usual node, without any optional interface
			child, err := r.stepTree(t)
			if err != nil {
				return nil, err
			}
			if child != nil {
				res = child
				continue
			}
		}
		if p, ok := res.(Passer); ok {
			if d, ok := res.(*deferredChild); ok {
				d.wait(r)
				return nil, nil
			}
			next, err := p.Pass(r)
			if err != nil {
				return nil, err
			}
			res = next
			continue
		}
		if l, ok := res.(Leafer); ok && l.IsLeaf() {
			return res, r.checkRest()
		}
		path := r.path()
		if r.used >= len(path) {
			return r.atEnd(res)
		}
		next, itself, err := r.step(res, path)
		if err != nil {
			return nil, err
		}
		if itself {
			return res, nil
		}
		res = next
	}
	return nil, ErrNotFound
}

// step is the child of res for the next segment of path, which it uses up; nil
// when there is none. itself tells that res answers an empty last segment.
func (r *Request) step(res Resource, path []byte) (child Resource, itself bool, err error) {
	end, plain := protocol.SegmentEnd(path, r.used+1)
	segment := path[r.used+1 : end]
	if !plain {
		if segment, end, err = encodedSegment(path, r.used); err != nil {
			return nil, false, err
		}
	}
	r.used = end
	if b, ok := res.(brancher); ok {
		child = b.staticChild(segment)
	}
	if child == nil {
		child = res.Child(string(segment), r)
	}
	itself = child == nil && len(segment) == 0 && end == len(path) && renders(res)
	return child, itself, nil
}

// stepTree is step for a plain Tree. It uses nothing up when the tree has no such
// child.
func (r *Request) stepTree(t *Tree) (child Resource, err error) {
	path := r.path()
	if r.used >= len(path) {
		return nil, nil
	}
	end, plain := protocol.SegmentEnd(path, r.used+1)
	segment := path[r.used+1 : end]
	if !plain {
		if segment, end, err = encodedSegment(path, r.used); err != nil {
			return nil, err
		}
	}
	if child = t.children[string(segment)]; child != nil {
		r.used = end
	}
	return child, nil
}

// atEnd is what answers when the path ends at res: res itself, or for a node that
// has something to say only below its slash, a redirect to there.
func (r *Request) atEnd(res Resource) (Resource, error) {
	if renders(res) {
		return res, nil
	}
	if b, ok := res.(brancher); ok && b.staticChild(nil) != nil {
		return slashRedirect{}, nil
	}
	return nil, ErrNotFound
}

// path is the path to walk: never empty, it begins with a slash.
func (r *Request) path() []byte {
	if p := r.head.Path; len(p) > 0 && p[0] == '/' {
		return p
	}
	return rootPath
}

var rootPath = []byte("/") // never written to

// encodedSegment is the segment of path that follows the slash at from, decoded, and where it
// ends.
func encodedSegment(path []byte, from int) (segment []byte, end int, err error) {
	segment, end = nextSegment(path, from)
	segment, err = decodeSegment(segment)
	return segment, end, err
}

// nextSegment is the segment of path that follows the slash at from, and where it
// ends.
func nextSegment(path []byte, from int) (segment []byte, end int) {
	rest := path[from+1:]
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		return rest[:i], from + 1 + i
	}
	return rest, len(path)
}

// decodeSegment undoes percent encoding, once. It copies only what is encoded.
func decodeSegment(segment []byte) ([]byte, error) {
	decoded, err := protocol.UnescapeSegment(nil, segment)
	if err != nil {
		return nil, &Error{Status: 400, Detail: "The path of this address can not be decoded."}
	}
	return decoded, nil
}

// checkRest refuses what a leaf could not decode.
func (r *Request) checkRest() error {
	if r.used >= len(r.head.Path) {
		return nil
	}
	return checkSegments(r.path(), r.used)
}

func checkSegments(path []byte, from int) error {
	if bytes.IndexByte(path[from:], '%') < 0 {
		return nil
	}
	for at := from; at < len(path); {
		segment, end := nextSegment(path, at)
		if _, err := decodeSegment(segment); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// segments decodes the segments of a piece of a path.
func segments(path []byte) []string {
	var list []string
	for at := 0; at < len(path); {
		segment, end := nextSegment(path, at)
		if decoded, err := protocol.UnescapeSegment(nil, segment); err == nil {
			segment = decoded
		}
		list = append(list, string(segment))
		at = end
	}
	return list
}

// Prepath is the segments of the path that the walk has used up, decoded once each.
// Returns a copy.
func (r *Request) Prepath() []string { return segments(r.path()[:r.used]) }

// Postpath is the segments that are left, decoded once each: empty but for a Leaf.
// Returns a copy. A segment may hold any byte but NUL, a slash (%2F) too.
func (r *Request) Postpath() []string { return segments(r.path()[r.used:]) }

// PostpathBytes is what is left of the path, still encoded, from its slash on.
// Valid until Render returns.
func (r *Request) PostpathBytes() []byte { return r.path()[r.used:] }

// Descend uses up n more segments of the path, as if the walk had gone down them: for
// a Pass or Child that finds its resource further down, such as a script that the
// rest of the path is for.
func (r *Request) Descend(n int) {
	for path := r.path(); n > 0 && r.used < len(path); n-- {
		_, r.used = nextSegment(path, r.used)
	}
}

// Rebase forgets the segments that were used up: what is left is the whole path from now
// on, for Prepath and for URLs made of it.
func (r *Request) Rebase() {
	if !r.isOver() {
		r.head.Path = r.path()[r.used:]
		r.used = 0
	}
}

// Rewrite puts rest, a path still encoded that begins with a slash, in the place of what is
// left of the path, and query in that of the query; a nil one is none. It is for a Pass or
// Child: the walk goes on along rest. Target stays what the client sent. A path that can
// not be decoded is an error.
func (r *Request) Rewrite(rest string, query []byte) error {
	if r.isOver() {
		return ErrOver
	}
	if len(rest) == 0 || rest[0] != '/' {
		return fmt.Errorf("resource: Rewrite: %s does not begin with a slash", protocol.Quote(rest))
	}
	r.head.Path = append(bytes.Clone(r.path()[:r.used]), rest...)
	r.head.Query = query
	return r.checkRest()
}

// isAsterisk tells whether the request is for the server as a whole.
func (r *Request) isAsterisk() bool { return r.head.Form == protocol.AsteriskForm }
