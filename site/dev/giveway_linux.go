package dev

import "syscall"

// waysLower is by how much the priority of what can wait is lower: beside a build it has
// about a tenth of the processor then.
const waysLower = 10

// giveWay has the command, and all that it starts, run when nothing else wants to, such as
// the build that the same save asks for.
func (c *command) giveWay() {
	const lowest, zero = 19, 20 // the system tells of 20 less the priority
	now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, c.child.Pid(), min(zero-now+waysLower, lowest))
}
