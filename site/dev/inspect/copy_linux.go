package inspect

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// This file copies the memory of a process into a file in memory. That of this process
// does not grow by it.

// mostCopied is how much of a process is copied; of a larger one there is no copy.
const mostCopied = 256 << 20

const (
	pageBytes  = 4 << 10
	pieceBytes = 256 << 10 // copied at once: what fits into the cache of a core
)

var errTooLarge = fmt.Errorf("the program uses more than %d MB of memory, too much for a copy", mostCopied>>20)

// copyMemory copies what is resident of the writable memory of a process, run by run.
func copyMemory(pid int) (memory *os.File, runs [][2]uint64, err error) {
	if runs, err = residentRuns(pid); err != nil {
		return nil, nil, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, nil, err
	}
	defer mem.Close()
	fd, err := unix.MemfdCreate("moment", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	memory = os.NewFile(uintptr(fd), "moment")
	if runs, err = copyRuns(memory, mem, runs); err != nil {
		_ = memory.Close()
		return nil, nil, err
	}
	return memory, runs, nil
}

// copyRuns copies runs, and gives those that could be: what was given back meanwhile is
// left out.
func copyRuns(to, from *os.File, runs [][2]uint64) (copied [][2]uint64, err error) {
	piece := make([]byte, pieceBytes)
	for _, r := range runs {
		done := uint64(0)
		for done < r[1] {
			n, _ := from.ReadAt(piece[:min(r[1]-done, pieceBytes)], int64(r[0]+done))
			if n == 0 {
				break
			}
			if _, err := to.Write(piece[:n]); err != nil {
				return nil, err
			}
			done += uint64(n)
		}
		if done > 0 {
			copied = append(copied, [2]uint64{r[0], done})
		}
	}
	if len(copied) == 0 {
		return nil, errors.New("the memory of the program can not be read")
	}
	return copied, nil
}

// residentRuns is the runs of pages, address and bytes, that a process has written to.
func residentRuns(pid int) (runs [][2]uint64, err error) {
	regions, err := writable(pid)
	if err != nil {
		return nil, err
	}
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return nil, err
	}
	defer pages.Close()
	total := uint64(0)
	for _, r := range regions {
		for _, run := range resident(pages, r) {
			if total += run[1]; total > mostCopied {
				return nil, errTooLarge
			}
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// writable is the regions that the process may write: [from, to).
func writable(pid int) (list [][2]uint64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || !strings.HasPrefix(words[1], "rw") || strings.HasPrefix(words[len(words)-1], "/dev/") {
			continue
		}
		from, to, _ := strings.Cut(words[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			list = append(list, [2]uint64{a, b})
		}
	}
	return list, nil
}

// resident is the runs of pages of a region that hold something. Untouched ones are zero.
func resident(pages *os.File, r [2]uint64) (runs [][2]uint64) {
	const present, swapped = 1 << 63, 1 << 62
	entries := make([]byte, (r[1]-r[0])/pageBytes*8)
	n, _ := pages.ReadAt(entries, int64(r[0]/pageBytes*8))
	for i := 0; i+8 <= n; i += 8 {
		if binary.LittleEndian.Uint64(entries[i:])&(present|swapped) == 0 {
			continue
		}
		at := r[0] + uint64(i/8)*pageBytes
		if k := len(runs) - 1; k >= 0 && runs[k][0]+runs[k][1] == at {
			runs[k][1] += pageBytes
		} else {
			runs = append(runs, [2]uint64{at, pageBytes})
		}
	}
	return runs
}
