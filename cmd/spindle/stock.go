package main

import "spindle/resource/static"

// This file makes the trees that the command serves. It is the one place that
// knows every kind of resource.

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
