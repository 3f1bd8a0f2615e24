package main

import (
	"spindle/resource"
	"spindle/resource/static"
	"spindle/site"
)

// This file makes the trees that the command serves. It is the one place that
// knows every kind of resource.

// tree is the root for one loop, and the panel that its start page needs, if it
// has one.
func (s *server) tree(m *member) (resource.Resource, *panel) {
	if s.config.Path != "" {
		return directory(s.config), nil
	}
	p := newPanel(m.loop, func() site.Snapshot { return m.site.Stats() })
	return newStart(p), p
}

// directory serves files as a developer wants them: compressed where that is
// prepared, and asked for anew each time, so that a change shows at once.
func directory(c *webConfig) *static.Dir {
	d := static.New(c.Path)
	d.Index = c.Index
	d.Listing = c.Listing
	d.DefaultType = c.MimeType
	d.Precompressed = []string{".br", ".zst", ".gz"}
	d.MaxAge = -1
	return d
}

// sources is the program itself, as files.
func sources() *static.Dir {
	d := static.FS(sourceFiles)
	d.Listing = true
	d.Types = map[string]string{".go": "text/plain; charset=utf-8"}
	return d
}
