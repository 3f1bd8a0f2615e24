package locals

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// This file copies the memory of a process.

// mostCopied is how much of a process is copied; of a larger one there is no copy.
const mostCopied = 128 << 20

const pageBytes = 4 << 10

// memory is a copy of what a process may write, and what it may not from its file. It
// implements proc.MemoryReadWriter.
type memory struct {
	spans []span // sorted, not adjacent
	file  []span // of the program's file
}

// span is a piece of memory.
type span struct {
	addr uint64
	data []byte
}

func (s *span) end() uint64 { return s.addr + uint64(len(s.data)) }

var (
	errTooLarge = fmt.Errorf("the program uses more than %d MB of memory, too much for a copy", mostCopied>>20)
	errReadOnly = errors.New("the moment is over: nothing can be changed in it")
)

// copyMemory copies what is resident of the writable memory of a process.
func copyMemory(pid int) (*memory, error) {
	regions, err := writable(pid)
	if err != nil {
		return nil, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return nil, err
	}
	defer pages.Close()
	m := new(memory)
	total := 0
	for _, r := range regions {
		for _, run := range resident(pages, r) {
			if total += int(run[1] - run[0]); total > mostCopied {
				return nil, errTooLarge
			}
			data := make([]byte, run[1]-run[0])
			if n, err := mem.ReadAt(data, int64(run[0])); n > 0 {
				m.spans = append(m.spans, span{run[0], data[:n]})
			} else if err != nil {
				continue // it was given back meanwhile
			}
		}
	}
	if len(m.spans) == 0 {
		return nil, errors.New("the memory of the program can not be read")
	}
	return m, nil
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

// resident is the runs of pages of r that hold something. Untouched ones are zero.
func resident(pages *os.File, r [2]uint64) (runs [][2]uint64) {
	const present, swapped = 1 << 63, 1 << 62
	entries := make([]byte, (r[1]-r[0])/pageBytes*8)
	n, _ := pages.ReadAt(entries, int64(r[0]/pageBytes*8))
	for i := 0; i+8 <= n; i += 8 {
		if binary.LittleEndian.Uint64(entries[i:])&(present|swapped) == 0 {
			continue
		}
		at := r[0] + uint64(i/8)*pageBytes
		if k := len(runs) - 1; k >= 0 && runs[k][1] == at {
			runs[k][1] = at + pageBytes
		} else {
			runs = append(runs, [2]uint64{at, at + pageBytes})
		}
	}
	return runs
}

// fileSpans is what the program's file puts into memory and nobody writes: code and
// constants.
func fileSpans(path string) (list []span, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W != 0 || p.Filesz > mostCopied {
			continue
		}
		data := make([]byte, p.Filesz)
		if _, err := p.ReadAt(data, 0); err != nil {
			return nil, err
		}
		list = append(list, span{p.Vaddr, data})
	}
	slices.SortFunc(list, func(a, b span) int {
		if a.addr < b.addr {
			return -1
		}
		return 1
	})
	return list, nil
}

// ReadMemory reads from the copy. What lies between two copied pages was never touched; it
// is an error, as reading past the end of anything is.
func (m *memory) ReadMemory(buf []byte, addr uint64) (int, error) {
	for _, list := range [][]span{m.spans, m.file} {
		i, _ := slices.BinarySearchFunc(list, addr, func(s span, a uint64) int {
			if s.end() <= a {
				return -1
			}
			return 1
		})
		if i < len(list) && list[i].addr <= addr {
			n := copy(buf, list[i].data[addr-list[i].addr:])
			if n == len(buf) {
				return n, nil
			}
			return n, fmt.Errorf("memory at %#x was not in use", addr+uint64(n))
		}
	}
	return 0, fmt.Errorf("memory at %#x was not in use", addr)
}

// WriteMemory refuses.
func (m *memory) WriteMemory(uint64, []byte) (int, error) { return 0, errReadOnly }
