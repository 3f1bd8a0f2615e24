package recordings

import (
	"strings"

	"spindle/site/dev"
)

// Reader is a dev.Recordings.
type Reader struct{}

var _ dev.Recordings = Reader{}

// frameOf is a call; root is the directory of what is developed.
func frameOf(function, file string, line int, root string) dev.TraceFrame {
	return dev.TraceFrame{Function: function, File: file, Line: line, Own: root != "" && strings.HasPrefix(file, strings.TrimSuffix(root, "/")+"/")}
}
