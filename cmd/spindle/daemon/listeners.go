package daemon

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// This file finds where a process listens, as Linux tells it in /proc.

// Listeners is the addresses at which the process listens, and the paths of its UNIX sockets; nil
// when that can not be seen. proc is where the system tells it: "/proc".
func Listeners(proc string, pid int) []string {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	held := sockets(dir)
	var list []string
	add := func(text string) {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		eachLine(filepath.Join(dir, "net", table), func(c []string) {
			if len(c) > 9 && c[3] == "0A" && held[c[9]] {
				if a, ok := procAddr(c[1]); ok {
					add(a.String())
				}
			}
		})
	}
	eachLine(filepath.Join(dir, "net", "unix"), func(c []string) {
		if len(c) > 7 && c[3] == "00010000" && held[c[6]] {
			add(c[7])
		}
	})
	return list
}

// sockets is the inodes of the sockets that a process has.
func sockets(dir string) map[string]bool {
	held := map[string]bool{}
	links, _ := filepath.Glob(filepath.Join(dir, "fd", "*")) // the pattern is well formed
	for _, link := range links {
		target, err := os.Readlink(link)
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			held[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return held
}

func eachLine(path string, f func(columns []string)) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f(strings.Fields(lines.Text()))
	}
}

// procAddr reads an address in hexadecimal words of this machine's byte order, with the port
// behind a colon.
func procAddr(text string) (netip.AddrPort, bool) {
	words, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(n)), ok
}

// Connected is how many TCP connections the process has; 0 when that can not be seen, too.
func Connected(proc string, pid int) (n int) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	held := sockets(dir)
	for _, table := range []string{"tcp", "tcp6"} {
		eachLine(filepath.Join(dir, "net", table), func(c []string) {
			if len(c) > 9 && c[3] != "0A" && held[c[9]] {
				n++
			}
		})
	}
	return n
}

// Children is the processes that pid has started; nil when that can not be seen.
func Children(proc string, pid int) (list []int) {
	tasks, _ := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "task", "*", "children")) // the pattern is well formed
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}
