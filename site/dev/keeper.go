package dev

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// This file holds that no program outlives the one that runs it, however that ends. A
// small process, the keeper, is told of every process group by a pipe; when the pipe is
// closed, which the system does whatever happened, it ends those that are left.

// keeperVariable makes a process of ours a keeper; see KeepIfAsked.
const keeperVariable = "SPINDLE_DEV_KEEPER"

// keeper is the pipe to the keeper of this process.
var keeper struct {
	mu   sync.Mutex
	pipe io.WriteCloser
}

// StartKeeper starts the keeper: the program of this process, once more. Any goroutine.
func StartKeeper() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.Env = append(inherited(), keeperVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	keeper.mu.Lock()
	keeper.pipe = pipe
	keeper.mu.Unlock()
	go cmd.Wait()
	return nil
}

// Keep has a process group ended when this process ends. Any goroutine.
func Keep(group int) { tellKeeper("+", group) }

// Unkeep takes that back, when its first process has ended. Any goroutine.
func Unkeep(group int) { tellKeeper("-", group) }

func tellKeeper(what string, group int) {
	keeper.mu.Lock()
	defer keeper.mu.Unlock()
	if keeper.pipe != nil {
		fmt.Fprintf(keeper.pipe, "%s%d\n", what, group)
	}
}

// KeepIfAsked is the work of a keeper, when this process was started as one: it does not
// return then. A program that calls StartKeeper calls it first of all.
func KeepIfAsked() {
	if os.Getenv(keeperVariable) == "" {
		return
	}
	for _, fd := range []*os.File{os.Stdout, os.Stderr} {
		_ = fd.Close() // who reads them must not wait for this process
	}
	for group := range keptUntilEnd(os.Stdin) {
		killGroup(group, sigKill)
	}
	os.Exit(0)
}

// keptUntilEnd reads what a keeper is told, and returns the groups that are left when
// the pipe is closed.
func keptUntilEnd(r io.Reader) map[int]bool {
	groups := map[int]bool{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		text := lines.Text()
		group, err := strconv.Atoi(strings.TrimLeft(text, "+-"))
		switch {
		case err != nil:
		case text[0] == '+':
			groups[group] = true
		default:
			delete(groups, group)
		}
	}
	return groups
}
