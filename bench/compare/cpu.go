package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the CPU time, user and system, that all threads of these processes
// have spent.
func cpuTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if len(tasks) == 0 {
			return 0, fmt.Errorf("process %d is gone", pid)
		}
		for _, t := range tasks {
			sum += schedstat(t)
		}
	}
	return sum, nil
}

// schedstat is the first figure of such a file: nanoseconds on a CPU. A thread
// that ends meanwhile counts nothing.
func schedstat(path string) time.Duration {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	ns, _ := strconv.ParseInt(first, 10, 64)
	return time.Duration(ns)
}

// resident is how many bytes of memory these processes have in RAM.
func resident(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		f := strings.Fields(string(b))
		if len(f) < 2 {
			return 0, fmt.Errorf("statm of %d: %q", pid, b)
		}
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		sum += pages * int64(os.Getpagesize())
	}
	return sum, nil
}

// tree is pid and all processes below it.
func tree(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if child, parent, ok := parentOf(path); ok {
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// parentOf reads pid and parent from a /proc/PID/stat: "PID (name) S PARENT …",
// where name may hold anything.
func parentOf(path string) (pid, parent int, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 2 {
		return 0, 0, false
	}
	pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	parent, err2 := strconv.Atoi(f[1])
	return pid, parent, err == nil && err2 == nil
}

// usagePerCPU is the exact time by core that the kernel's CPU accounting has,
// where it is mounted.
const usagePerCPU = "/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu"

// coreBusy is for how long a core has been busy since the machine started, with
// what the hypervisor took from it.
func coreBusy(core int) (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	busy, stolen, err := parseStat(string(b), core)
	if err != nil {
		return 0, err
	}
	if b, err := os.ReadFile(usagePerCPU); err == nil {
		if f := strings.Fields(string(b)); core < len(f) {
			if ns, err := strconv.ParseInt(f[core], 10, 64); err == nil && ns > 0 {
				return time.Duration(ns) + stolen, nil
			}
		}
	}
	return busy + stolen, nil
}

// parseStat finds a core in /proc/stat, which counts in hundredths of a second.
func parseStat(stat string, core int) (busy, stolen time.Duration, err error) {
	name := fmt.Sprintf("cpu%d", core)
	for line := range strings.Lines(stat) {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != name {
			continue
		}
		ticks := func(i int) time.Duration {
			n, _ := strconv.ParseInt(f[i], 10, 64)
			return time.Duration(n) * (time.Second / 100)
		}
		// user nice system idle iowait irq softirq steal
		return ticks(1) + ticks(2) + ticks(3) + ticks(6) + ticks(7), ticks(8), nil
	}
	return 0, 0, fmt.Errorf("/proc/stat has no %s", name)
}
