package locals

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"spindle/site/dev/inspect"
)

// This file is the memory of a process, of which there is a copy.

// memory is a copy of what a process may write, and what it may not from its file. It
// implements proc.MemoryReadWriter.
type memory struct {
	spans []span // sorted, not adjacent
	file  []span // of the program's file, which is mapped
}

// span is a piece of memory.
type span struct {
	addr uint64
	data []byte
}

func (s *span) end() uint64 { return s.addr + uint64(len(s.data)) }

var errReadOnly = errors.New("the moment is over: nothing can be changed in it")

// memoryOf is a copy that the development server has made.
func memoryOf(c inspect.Memory) *memory {
	m := new(memory)
	rest := c.Data
	for _, r := range c.Runs {
		if r[1] > uint64(len(rest)) {
			break
		}
		m.spans = append(m.spans, span{r[0], rest[:r[1]]})
		rest = rest[r[1]:]
	}
	return m
}

// mapFile is what is in a file, of which what is read takes memory that the program itself
// uses, too.
func mapFile(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
}

// fileSpans is what the program's file, which text is the content of, puts into memory and
// nobody writes: code and constants.
func fileSpans(f *elf.File, text []byte) (list []span) {
	size := uint64(len(text))
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_W == 0 && p.Off <= size && p.Filesz <= size-p.Off {
			list = append(list, span{p.Vaddr, text[p.Off : p.Off+p.Filesz]})
		}
	}
	slices.SortFunc(list, func(a, b span) int {
		if a.addr < b.addr {
			return -1
		}
		return 1
	})
	return list
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
