package main

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// This file finds the process that holds a port, as /proc tells it on Linux.

const procDir = "/proc"

// holder is who listens on a port, as far as it can be seen.
type holder struct {
	port    int
	pid     int    // 0 when it can not be seen
	command string // its command line
	user    string // of the socket; "" when nothing is known
}

// String is a noun for a sentence.
func (h holder) String() string {
	switch {
	case h.pid != 0:
		return fmt.Sprintf("process %d: %s", h.pid, h.command)
	case h.user != "":
		return fmt.Sprintf("a process of user %s ('sudo ss -ltnp sport = :%d' names it)", h.user, h.port)
	case runtime.GOOS == "linux":
		return fmt.Sprintf("another process ('sudo ss -ltnp sport = :%d' may name it)", h.port)
	}
	return fmt.Sprintf("another process ('lsof -nP -iTCP:%d -sTCP:LISTEN' names it)", h.port)
}

// findHolder looks in proc for who listens on the port.
func findHolder(proc string, port int) holder {
	h := holder{port: port}
	sockets := map[string]bool{} // "socket:[inode]" of the listeners
	for _, table := range []string{"tcp", "tcp6"} {
		for _, l := range listeners(filepath.Join(proc, "net", table), port) {
			sockets["socket:["+l.inode+"]"] = true
			h.user = userName(l.uid)
		}
	}
	if len(sockets) == 0 {
		return h
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*")) // the pattern is well formed
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && sockets[target] {
			dir := filepath.Dir(filepath.Dir(link))
			h.pid, _ = strconv.Atoi(filepath.Base(dir))
			h.command = commandLine(dir)
			return h
		}
	}
	return h
}

// listener is one line of /proc/net/tcp.
type listener struct{ inode, uid string }

// listeners reads a table: sl, local_address, rem_address, st, queues, timer,
// retransmits, uid, timeout, inode; numbers in hexadecimal, 0A is LISTEN.
func listeners(table string, port int) (found []listener) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	want := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if c := strings.Fields(lines.Text()); len(c) > 9 && strings.HasSuffix(c[1], want) && c[3] == "0A" {
			found = append(found, listener{inode: c[9], uid: c[7]})
		}
	}
	return found
}

// maxCommand is how much of a command line is shown.
const maxCommand = 100

// commandLine is that of the process, on one line; its name when it has none.
func commandLine(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(text) == 0 {
		text, _ = os.ReadFile(filepath.Join(dir, "comm")) // "" then
	}
	s := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(text), "?")))
	if len(s) > maxCommand {
		s = s[:maxCommand] + "…"
	}
	return s
}

func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}
