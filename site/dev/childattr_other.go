//go:build !linux

package dev

import "syscall"

// childAttr has a child be the first of a process group. That it ends with this process
// is the keeper's affair.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
