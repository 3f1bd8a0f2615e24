package site

import (
	"spindle/protocol/probe"
	"spindle/reactor"
)

// This file lets the development server look into a Site. A program that nobody supervises
// does none of it.

// startProbe begins it, for a Site on l.
func (s *Site) startProbe(reactor.Loop) { probe.Start("spindle") }
