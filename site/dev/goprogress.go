package dev

import (
	"fmt"
	"strings"
)

// This file tells how far the go command is, for a person who waits for it.

// goProgress is what it has said. Loop only.
type goProgress struct {
	packages int    // that it has compiled
	download string // what it fetches
}

// follow has the progress of a run of the go command known.
func (b *goBuilder) follow(c *command, d *goDeps) {
	b.progress = goProgress{}
	c.line = func(line string) (taken bool) {
		if name, ok := strings.CutPrefix(line, "go: downloading "); ok {
			b.progress.download = name
			return true
		}
		if d == nil || !d.paths[line] && !(OfWitness(line) && !strings.ContainsAny(line, " :")) {
			return false
		}
		b.progress.packages++ // go build -v names each package
		b.progress.download = ""
		return true
	}
}

// String is what a person is told: "" when there is nothing to say.
func (p goProgress) String() string {
	switch {
	case p.download != "":
		return "downloading " + p.download
	case p.packages == 1:
		return "1 package compiled"
	case p.packages > 0:
		return fmt.Sprintf("%d packages compiled", p.packages)
	}
	return ""
}
