package probe

import "embed"

// Source is this package as it is written: spindle dev builds it into programs that know
// nothing of Spindle.
//
//go:embed *.go
var Source embed.FS
