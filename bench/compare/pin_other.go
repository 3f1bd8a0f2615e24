//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

var errNotLinux = errors.New("the comparison needs Linux: it pins to cores and reads /proc")

func startOn(int, *exec.Cmd) error { return errNotLinux }

func pinSelf(int) error { return errNotLinux }

func descriptorLimit() int { return 1024 }
