//go:build !linux

package inspect

import "os"

func copyMemory(int) (*os.File, [][2]uint64, error) { return nil, nil, errElsewhere }
