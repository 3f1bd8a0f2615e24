//go:build !linux

package dev

import "syscall"

// giveWay has the command, and all that it starts, run when nothing else wants to.
func (c *command) giveWay() {
	const low = 10
	_ = syscall.Setpriority(syscall.PRIO_PGRP, c.child.Pid(), low)
}
