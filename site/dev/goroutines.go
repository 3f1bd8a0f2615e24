package dev

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"spindle/reactor"
	"spindle/resource"
)

// This file shows the goroutines of a program: those that do the same are one group.

// goroutineGroup is goroutines with one stack.
type goroutineGroup struct {
	Count   int          `json:"count"`
	States  []string     `json:"states"`  // "IO wait", the commonest first
	Minutes int          `json:"minutes"` // that the one that has waited longest has
	Stack   []stackPlace `json:"stack"`
	Made    *stackPlace  `json:"made,omitempty"` // where the go statement is
	Own     bool         `json:"own"`            // a frame is of what is developed
	IDs     []int        `json:"ids"`            // the first of them
}

// stackPlace is one frame.
type stackPlace struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Shown    string `json:"shown"` // file, as short as it is clear
	Own      bool   `json:"own,omitempty"`
}

const (
	mostGroups = 200
	mostFrames = 40 // of a stack
	mostIDs    = 8
)

var (
	goroutineHead = pattern{text: `^goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^\],]*)(?:, (\d+) minutes)?(?:, [^\]]*)?\]:$`}
	createdBy     = regexp.MustCompile(`^created by (.*?)(?: in goroutine \d+)?$`)
	placeLine     = regexp.MustCompile(`^\t(.+):(\d+)(?: \+0x[0-9a-f]+)?$`)
)

// groupGoroutines reads what runtime.Stack has written of all goroutines. root is where
// what is developed is.
func groupGoroutines(text, root string) (list []*goroutineGroup) {
	groups, states := map[string]*goroutineGroup{}, map[*goroutineGroup]map[string]int{}
	for _, block := range strings.Split(text, "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		head := goroutineHead.get().FindStringSubmatch(lines[0])
		if head == nil {
			continue
		}
		stack, made := readStack(lines[1:], root)
		key := fmt.Sprint(stack, made)
		g := groups[key]
		if g == nil {
			g = &goroutineGroup{Stack: stack, Made: made, Own: slices.ContainsFunc(stack, func(p stackPlace) bool { return p.Own })}
			groups[key], states[g] = g, map[string]int{}
			list = append(list, g)
		}
		g.Count++
		states[g][head[2]]++
		g.Minutes = max(g.Minutes, number(head[3]))
		if len(g.IDs) < mostIDs {
			g.IDs = append(g.IDs, number(head[1]))
		}
	}
	for _, g := range list {
		for state := range states[g] {
			g.States = append(g.States, state)
		}
		slices.SortFunc(g.States, func(a, b string) int {
			if d := states[g][b] - states[g][a]; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
	}
	slices.SortStableFunc(list, func(a, b *goroutineGroup) int { return b.Count - a.Count })
	return list
}

// readStack reads the frames of one goroutine.
func readStack(lines []string, root string) (stack []stackPlace, made *stackPlace) {
	for i := 0; i+1 < len(lines); i++ {
		m := placeLine.FindStringSubmatch(lines[i+1])
		if m == nil {
			continue
		}
		line, _ := strconv.Atoi(m[2])
		p := stackPlace{File: m[1], Line: line, Own: below(m[1], root), Shown: shortFile(m[1], root)}
		if c := createdBy.FindStringSubmatch(lines[i]); c != nil {
			p.Function = shortFunction(c[1])
			made = &p
			break
		}
		p.Function = shortFunction(withoutArguments(lines[i]))
		if len(stack) < mostFrames {
			stack = append(stack, p)
		}
		i++
	}
	return stack, made
}

// withoutArguments is the function of a line "net.(*T).F(0x1, …)".
func withoutArguments(line string) string {
	if i := strings.LastIndexByte(line, '('); i > 0 {
		return line[:i]
	}
	return line
}

// shortFile is a file below root as it is called there, another one with its directory.
func shortFile(path, root string) string {
	if below(path, root) {
		return relativeTo(root, path)
	}
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		if j := strings.LastIndexByte(path[:i], '/'); j >= 0 {
			return path[j+1:]
		}
	}
	return path
}

// goroutineDump is POST dash/goroutines: the program stands still for it, so that it is not
// for everybody who can name its address.
type goroutineDump struct {
	resource.Leaf
	s *Supervisor
}

func (x goroutineDump) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	root := x.s.target.root()
	d := reactor.Chain(x.s.Ask("goroutines", ""), func(raw json.RawMessage) *reactor.Deferred[[]byte] {
		return reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, err
			}
			groups := groupGoroutines(text, root)
			all := 0
			for _, g := range groups {
				all += g.Count
			}
			return json.Marshal(map[string]any{"goroutines": all, "groups": groups[:min(len(groups), mostGroups)], "left_out": max(0, len(groups)-mostGroups)})
		})
	})
	return laterJSON(r, d)
}

// laterJSON answers with what d gives; an error of it is said to the page.
func laterJSON(r *resource.Request, d *reactor.Deferred[[]byte]) ([]byte, error) {
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	done := reactor.NewDeferred[[]byte]()
	d.Then(func(body []byte) { settleWith(done, body, nil) }, func(err error) {
		settleWith(done, nil, &resource.Error{Status: 422, Detail: err.Error(), Err: err})
	})
	return r.Later(done)
}
