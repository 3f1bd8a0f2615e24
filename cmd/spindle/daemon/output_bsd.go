//go:build darwin || freebsd || netbsd || openbsd

package daemon

import "golang.org/x/sys/unix"

// duplicate has to lead to what from leads to. Children of this process inherit it.
func duplicate(from, to int) error { return unix.Dup2(from, to) }
