package dev

import (
	"bytes"
	"os"
	"strconv"
)

// This file reads what the system knows of a process. Where there is no /proc nothing is
// known.

// processFigures is one process. What is not known is 0.
type processFigures struct {
	Name    string  `json:"name"`
	PID     int     `json:"pid"`
	RSS     int64   `json:"rss"` // bytes
	Threads int64   `json:"threads"`
	CPU     float64 `json:"cpu"`             // of one core, since the last look
	Open    int     `json:"open"`            // descriptors
	State   string  `json:"state,omitempty"` // in words
	ticks   int64   // of CPU, ever
}

// ticksPerSecond is what Linux shows to programs whatever its own clock is (sysconf
// _SC_CLK_TCK).
const ticksPerSecond = 100

// readProcess reads what there is. Blocks.
func readProcess(pid int) (p processFigures) {
	p.PID = pid
	if pid == 0 {
		return p
	}
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return p
	}
	i := bytes.LastIndexByte(text, ')') // the name before it may hold anything
	words := bytes.Fields(text[max(i, 0):])
	n := func(i int) int64 {
		if i >= len(words) {
			return 0
		}
		v, _ := strconv.ParseInt(string(words[i]), 10, 64)
		return v
	}
	p.ticks = n(12) + n(13)
	p.Threads = n(18)
	p.RSS = n(22) * int64(os.Getpagesize())
	if d, err := os.Open(dir + "/fd"); err == nil {
		if list, err := d.Readdirnames(-1); err == nil {
			p.Open = len(list)
		}
		_ = d.Close()
	}
	return p
}
