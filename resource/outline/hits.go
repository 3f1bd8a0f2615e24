package outline

import "bytes"

// This file counts requests by the node that they are for.

// Hits counts, by the path of the node. The zero value knows no node.
type Hits struct {
	counts map[string]*int
	key    []byte // scratch
}

// Watch has the requests to root and all below it counted.
func (h *Hits) Watch(root Node) {
	if h.counts == nil {
		h.counts = map[string]*int{}
	}
	root.Each(func(n Node) { h.counts[n.Path] = new(int) })
}

// WatchAnew is Watch in place of what was watched before. What was counted and not taken
// stays, where the node is still there.
func (h *Hits) WatchAnew(root Node) {
	was := h.counts
	h.counts = nil
	h.Watch(root)
	for path, n := range was {
		if h.counts[path] != nil {
			h.counts[path] = n
		}
	}
}

// Len is how many nodes there are.
func (h *Hits) Len() int { return len(h.counts) }

// At counts a request at that node.
func (h *Hits) At(path string) {
	if n := h.counts[path]; n != nil {
		*n++
	}
}

// Count counts a request for a path at the node that it is for, as far as the path tells: a
// root that knows of no children answers for all.
func (h *Hits) Count(path []byte) {
	if len(h.counts) == 1 {
		path = nil
	}
	if n := h.counts[string(h.slash(path))]; n != nil && len(path) > 0 && path[len(path)-1] == '/' {
		*n++
		return
	}
	for path = bytes.Trim(path, "/"); ; {
		if n := h.counts[string(path)]; n != nil {
			*n++
			return
		}
		end := bytes.LastIndexByte(path, '/')
		if end < 0 {
			return
		}
		path = path[:end]
		h.key = append(append(h.key[:0], path...), "/*"...)
		if n := h.counts[string(h.key)]; n != nil {
			*n++
			return
		}
	}
}

// slash is path as the node is named that answers for the slash at its end.
func (h *Hits) slash(path []byte) []byte {
	if len(path) == 1 {
		return path
	}
	return bytes.TrimPrefix(path, []byte("/"))
}

// Take is the hits since it was called last.
func (h *Hits) Take() map[string]int {
	taken := map[string]int{}
	for path, n := range h.counts {
		if *n > 0 {
			taken[path] = *n
			*n = 0
		}
	}
	return taken
}
