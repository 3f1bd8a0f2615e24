//go:build spindle_dev

package probe

import (
	"os"
	"runtime/coverage"
)

// This file tells which statements have run, of a program that was built with -cover.

// covered has what is counted written to a directory, for go tool covdata.
func covered(dir string) (any, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return nil, err
	}
	return nil, coverage.WriteCountersDir(dir)
}

// uncover counts anew.
func uncover(string) (any, error) { return nil, coverage.ClearCounters() }
