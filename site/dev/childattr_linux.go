package dev

import "syscall"

// childAttr has a child be the first of a process group, and end when this process does,
// however it ends.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
