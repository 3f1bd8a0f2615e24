package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
)

// This file is clients that hold their connections before and after what they do, so
// that the server's meters are read in between. Such a client says "ready"; what
// happens then is told on its input.

// held is one.
type held struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err tail
}

// hold starts it, and waits until it is ready.
func (c *clients) hold(cmd *exec.Cmd, err error) (*held, error) {
	if err != nil {
		return nil, err
	}
	h := &held{cmd: cmd}
	cmd.Stderr = &h.err
	if h.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewReader(out)
	if err := startOn(c.core, cmd); err != nil {
		return nil, err
	}
	if line, err := h.out.ReadString('\n'); err != nil || line != "ready\n" {
		_, _ = h.end()
		return nil, fmt.Errorf("load client: %s", h.err.String())
	}
	return h, nil
}

// work has it do what it is for.
func (h *held) work() (load, error) {
	if _, err := io.WriteString(h.in, "go\n"); err != nil {
		return load{}, err
	}
	line, err := h.out.ReadBytes('\n')
	if err != nil {
		return load{}, fmt.Errorf("load client: %s", h.err.String())
	}
	return parseLoad(line, nil)
}

// end ends it, and gives back what it says last.
func (h *held) end() ([]byte, error) {
	h.in.Close()
	line, _ := h.out.ReadBytes('\n')
	err := h.cmd.Wait()
	if err != nil {
		err = errors.Join(err, errors.New(h.err.String()))
	}
	return line, err
}

// work is what bench/goload calls it.
func (wl *workload) work() string {
	switch {
	case wl.kind == idleMemory && wl.wire.socket():
		return "idle-websocket"
	case wl.kind == idleMemory:
		return "idle-tls"
	case wl.wire == socketEcho:
		return "echo"
	case wl.wire == socketAll:
		return "broadcast"
	}
	return "handshake"
}

// goCommand is our client in Go (bench/goload).
func (c *clients) goCommand(ctx context.Context, wl *workload, addr, work string, seconds float64) (*exec.Cmd, error) {
	args := []string{"-to", addr, "-work", work, "-conns", strconv.Itoa(wl.conns),
		"-seconds", strconv.FormatFloat(seconds, 'f', -1, 64)}
	if wl.wire.socket() {
		args = append(args, "-path", wl.request.target, "-size", strconv.Itoa(len(wl.answer)))
	} else {
		file, err := c.requestFile(wl)
		if err != nil {
			return nil, err
		}
		args = append(args, "-request", file, "-length", strconv.Itoa(len(wl.answer)))
	}
	cmd := exec.CommandContext(ctx, c.w.path("goload"), args...)
	cmd.Env = oneCore()
	return cmd, nil
}
