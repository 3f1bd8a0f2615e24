package wsgi

import (
	"maps"
	"slices"
)

// This file is which files an application consists of, as far as its workers have told.

// mostSources bounds the list: an application that makes modules without end does not
// make the server grow.
const mostSources = 1 << 16

// Sources is the files of the modules that the workers have loaded by now, absolute and in
// order: all that a worker has begun with when Start tells of it, and those that came with
// later requests. Those of Python's own library are not among them. When the application
// can not be loaded, the file that is to blame is. Loop only.
func (a *App) Sources() []string {
	return slices.Sorted(maps.Keys(a.sources))
}

// hasRead takes the files that a worker tells of.
func (a *App) hasRead(files []string) {
	if a.sources == nil {
		a.sources = make(map[string]bool, len(files))
	}
	before := len(a.sources)
	for _, f := range files {
		if len(a.sources) < mostSources {
			a.sources[f] = true
		}
	}
	if len(a.sources) > before && a.Grown != nil {
		a.Grown()
	}
}
