package dev

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupPort is a TCP port that a process of the group listens at, 0 when there is none;
// the lowest, when there are several. Blocks: not on the loop.
func groupPort(group int) (port int) {
	open := listening()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil || groupOf(text) != group {
			continue
		}
		links, _ := filepath.Glob(filepath.Dir(stat) + "/fd/*")
		for _, link := range links {
			target, _ := os.Readlink(link)
			if p := open[target]; p != 0 && (port == 0 || p < port) {
				port = p
			}
		}
	}
	return port
}

// groupOf is the process group in the text of /proc/PID/stat: the third word behind the
// name, which stands in parentheses and may hold any byte.
func groupOf(stat []byte) int {
	words := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(words) < 3 {
		return 0
	}
	n, _ := strconv.Atoi(string(words[2]))
	return n
}

// listening is the port of every TCP socket that listens, by the name of its
// descriptor.
func listening() map[string]int {
	open := map[string]int{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) < 10 || words[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(words[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				open[fmt.Sprintf("socket:[%s]", words[9])] = int(port)
			}
		}
	}
	return open
}
