package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"spindle/reactor"
	"spindle/reactor/cert"
)

// This file says what to do when the system refuses a port.

// explain makes of an error of a Listen one that names the cause and the mend.
func explain(err error, text string) error {
	var file *cert.Error
	if errors.As(err, &file) {
		return fmt.Errorf("--listen %s: %w", text, file)
	}
	var refused *reactor.ListenError
	if !errors.As(err, &refused) {
		return fmt.Errorf("--listen %s: %s", text, withoutPackage(err))
	}
	e := refused.Endpoint
	switch tcp := isTCP(e); {
	case tcp && errors.Is(err, unix.EADDRINUSE):
		return errors.New(portInUse(e, findHolder(procDir, e.Port)))
	case tcp && errors.Is(err, unix.EACCES):
		return errors.New(privileged(e))
	case tcp && errors.Is(err, unix.EADDRNOTAVAIL):
		return errors.New(noSuchAddress(e, machineAddrs()))
	case e.Kind == reactor.EndpointUNIX && errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("another process listens at %s: stop it, or choose another path", e.Path)
	case e.Kind == reactor.EndpointUNIX && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--listen %s: there is no directory %s", text, filepath.Dir(e.Path))
	}
	return fmt.Errorf("--listen %s: %w", text, refused.Err)
}

// refusedPort says why e can not be listened at, for whoever has only tried.
func refusedPort(e reactor.Endpoint, err error) string {
	return explain(&reactor.ListenError{Endpoint: e, Err: err}, e.String()).Error()
}

func portInUse(e reactor.Endpoint, h holder) string {
	var b strings.Builder
	if h.pid == os.Getpid() {
		return fmt.Sprintf("port %d is given twice: leave one --listen out", e.Port)
	}
	fmt.Fprintf(&b, "port %d is in use by %s.", e.Port, h)
	if next, ok := nextFree(e); ok {
		fmt.Fprintf(&b, "\nStop that, or take the next port that is free: --listen %s", next)
	}
	return b.String()
}

// nextFree is e with the first port above that can be listened on.
func nextFree(e reactor.Endpoint) (next reactor.Endpoint, ok bool) {
	next = e
	for next.Port = e.Port + 1; next.Port <= min(e.Port+100, 65535); next.Port++ {
		if tryPort(next) == nil {
			return next, true
		}
	}
	return next, false
}

func isTCP(e reactor.Endpoint) bool {
	return e.Kind == reactor.EndpointTCP || e.Kind == reactor.EndpointTCP6
}

// tryPort listens for a moment.
func tryPort(e reactor.Endpoint) error {
	l, err := net.Listen("tcp", net.JoinHostPort(e.Interface, strconv.Itoa(e.Port)))
	if err != nil {
		return err
	}
	return l.Close()
}

func privileged(e reactor.Endpoint) string {
	high := e
	if high.Port += 8000; e.Port == 80 || e.Port == 443 {
		high.Port = map[int]int{80: 8080, 443: 8443}[e.Port]
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return fmt.Sprintf(`port %d needs a right that this user does not have. One of these helps:
  --listen %s
  sudo setcap cap_net_bind_service=+ep %s
  a systemd socket on that port, and --listen systemd:index=0`, e.Port, high, program)
}

func noSuchAddress(e reactor.Endpoint, machine []netip.Addr) string {
	have := []string{"127.0.0.1"}
	for _, a := range machine {
		have = append(have, a.String())
	}
	return fmt.Sprintf("%s is no address of this machine; it has %s. Without interface= it listens at all of them",
		e.Interface, strings.Join(have, ", "))
}
