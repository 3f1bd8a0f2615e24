package dev

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"spindle/reactor"
)

// This file knows which statements of a program have run, of one that was built with -cover:
// the program writes what it has counted, and go tool covdata makes text of it.

// fileCover is one file.
type fileCover struct {
	Name   string `json:"name"` // as a person calls it
	Path   string `json:"path"`
	Ran    int    `json:"ran"` // statements
	All    int    `json:"all"`
	blocks []coverBlock
}

// coverBlock is some statements that run one after the other.
type coverBlock struct {
	first, last int // lines
	statements  int
	ran         bool
}

// share is how much of n statements has run, in percent.
func share(ran, all int) int {
	if all == 0 {
		return 100
	}
	return 100 * ran / all
}

// parseCoverage reads the text of go tool covdata: a line for each block, as in
// example.org/shop/cart.go:12.34,15.2 3 1. dirs are the directories of packages; those that
// are in none are not this program's own.
func parseCoverage(text []byte, dirs map[string]string, root string) []*fileCover {
	files := map[string]*fileCover{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, block, ok := parseBlock(lines.Text())
		dir, own := dirs[path.Dir(name)]
		if !ok || !own {
			continue
		}
		f := files[name]
		if f == nil {
			f = &fileCover{Path: filepath.Join(dir, path.Base(name))}
			f.Name = relativeTo(root, f.Path)
			files[name] = f
		}
		f.blocks = append(f.blocks, block)
		if f.All += block.statements; block.ran {
			f.Ran += block.statements
		}
	}
	list := make([]*fileCover, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *fileCover) int { return strings.Compare(a.Name, b.Name) })
	return list
}

var coverLine = pattern{text: `^(.+):(\d+)\.\d+,(\d+)\.\d+ (\d+) (\d+)$`}

func parseBlock(line string) (name string, b coverBlock, ok bool) {
	m := coverLine.get().FindStringSubmatch(line)
	if m == nil {
		return "", b, false
	}
	n := func(i int) int {
		v, _ := strconv.Atoi(m[i]) // digits; one that is too large is no line of a file
		return v
	}
	return m[1], coverBlock{first: n(2), last: n(3), statements: n(4), ran: m[5] != "0"}, true
}

// class is how a line is shown: what has run, what has not, or some of it; "" where there is
// no statement.
func (f *fileCover) class(line int) string {
	ran, idle := false, false
	for _, b := range f.blocks {
		if b.first <= line && line <= b.last {
			ran, idle = ran || b.ran, idle || !b.ran
		}
	}
	switch {
	case ran && idle:
		return "partly"
	case ran:
		return "ran"
	case idle:
		return "idle"
	}
	return ""
}

var errNoCover = errors.New("programs are not built to be counted: spindle dev --cover does that, for Go")

// coverage asks the program that answers. Loop only.
func (s *Supervisor) coverage() *reactor.Deferred[[]*fileCover] {
	t, isGo := s.target.(*goTarget)
	if !s.opts.Cover || !isGo {
		return reactor.Failed[[]*fileCover](errNoCover)
	}
	dir, err := os.MkdirTemp(s.base, "cover-")
	if err != nil {
		return reactor.Failed[[]*fileCover](err)
	}
	dirs, root, file := map[string]string{}, t.root(), filepath.Join(dir, "text")
	if d := t.builder.deps; d != nil {
		dirs = d.homes
	}
	written := reactor.Chain(s.Ask("coverage", dir), func(raw jsonText) *reactor.Deferred[*command] {
		run, err := runCommand(s.loop, root, s.env(), "go", "tool", "covdata", "textfmt", "-i="+dir, "-o="+file)
		if err != nil {
			return reactor.Failed[*command](err)
		}
		return run.result
	})
	list := reactor.Chain(written, func(run *command) *reactor.Deferred[[]*fileCover] {
		return reactor.DeferToThreadPool(s.loop.ThreadPool(), func() ([]*fileCover, error) {
			if !run.ok() {
				return nil, errors.New("go tool covdata: " + strings.TrimSpace(string(run.errs)))
			}
			text, err := os.ReadFile(file)
			return slices.DeleteFunc(parseCoverage(text, dirs, root), func(f *fileCover) bool {
				_, err := os.Stat(f.Path) // the witness's are not there
				return err != nil
			}), err
		})
	})
	return list.Then(func([]*fileCover) { _ = os.RemoveAll(dir) }, func(error) { _ = os.RemoveAll(dir) })
}
