package recordings

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"spindle/site/dev"
)

// How much of a profile is told.
const (
	mostRows  = 40
	mostDepth = 80  // calls in a flame
	leastPart = 500 // a call that costs less than this part of all is left out of it
)

// Profile reads profiles. See dev.Recordings.
func (Reader) Profile(cpu, before, after, delta, root string) (*dev.ProfileSummary, error) {
	c, err := readProfile(cpu)
	if err != nil {
		return nil, err
	}
	allocs, err := difference(before, after, delta)
	if err != nil {
		return nil, err
	}
	s := new(dev.ProfileSummary)
	if s.CPU, err = viewOf(c, "cpu", root); err != nil {
		return nil, err
	}
	if s.Bytes, err = viewOf(allocs, "alloc_space", root); err != nil {
		return nil, err
	}
	s.Objects, err = viewOf(allocs, "alloc_objects", root)
	return s, err
}

func readProfile(path string) (*profile.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return profile.Parse(f)
}

// difference is what was allocated between two profiles; it is written to a file as well.
func difference(before, after, path string) (*profile.Profile, error) {
	old, err := readProfile(before)
	if err != nil {
		return nil, err
	}
	fresh, err := readProfile(after)
	if err != nil {
		return nil, err
	}
	old.Scale(-1)
	d, err := profile.Merge([]*profile.Profile{fresh, old})
	if err != nil {
		return nil, err
	}
	d.Sample = slices.DeleteFunc(d.Sample, func(s *profile.Sample) bool {
		return s.Value[0] <= 0 || isOurs(s)
	})
	d = d.Compact()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	err = d.Write(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return d, err
}

// isOurs tells whether making the profile has cost that.
func isOurs(s *profile.Sample) bool {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function != nil && strings.HasPrefix(line.Function.Name, "spindle/protocol/probe.") {
				return true
			}
		}
	}
	return false
}

// place is a line of a function.
type place struct {
	function *profile.Function
	line     int64
}

// cost is that of a function.
type cost struct {
	flat, cum int64
	lines     map[int64]int64 // what each line of it costs
}

// viewOf is one kind of cost.
func viewOf(p *profile.Profile, kind, root string) (v dev.ProfileView, err error) {
	at := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == kind })
	if at < 0 {
		return v, fmt.Errorf("the profile has no %s", kind)
	}
	costs := map[string]*cost{}
	functions := map[string]*profile.Function{}
	v.Flame = &dev.FlameNode{}
	for _, s := range p.Sample {
		n := s.Value[at]
		if n <= 0 {
			continue
		}
		stack := stackOf(s)
		v.Total += n
		addFlame(v.Flame, stack, n, root)
		seen := map[string]bool{}
		for i, f := range stack {
			name := f.function.Name
			c := costs[name]
			if c == nil {
				c = &cost{lines: map[int64]int64{}}
				costs[name], functions[name] = c, f.function
			}
			if i == 0 {
				c.flat += n
			}
			if !seen[name] {
				seen[name] = true
				c.cum += n
				c.lines[f.line] += n
			}
		}
	}
	for name, c := range costs {
		v.Rows = append(v.Rows, dev.ProfileRow{TraceFrame: frameOf(name, functions[name].Filename, c.line(), root), Flat: c.flat, Cum: c.cum})
	}
	sortRows(&v)
	prune(v.Flame, v.Total/leastPart)
	return v, nil
}

// line is the one that costs most.
func (c *cost) line() int {
	best, most := int64(0), int64(-1)
	for line, n := range c.lines {
		if n > most || n == most && line < best {
			best, most = line, n
		}
	}
	return int(best)
}

// sortRows keeps the most costly: by what they do themselves, and of what is developed by
// what it calls, too.
func sortRows(v *dev.ProfileView) {
	weight := func(r dev.ProfileRow) int64 {
		if r.Own {
			return r.Cum
		}
		return r.Flat
	}
	slices.SortFunc(v.Rows, func(a, b dev.ProfileRow) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Function, b.Function))
	})
	v.Rows = v.Rows[:min(len(v.Rows), mostRows)]
	slices.SortStableFunc(v.Rows, func(a, b dev.ProfileRow) int { return cmp.Or(cmp.Compare(b.Flat, a.Flat), cmp.Compare(b.Cum, a.Cum)) })
}

// stackOf is the calls of a sample, the innermost first.
func stackOf(s *profile.Sample) (list []place) {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function != nil {
				list = append(list, place{line.Function, line.Line})
			}
		}
	}
	return list
}

// addFlame adds a stack.
func addFlame(node *dev.FlameNode, stack []place, n int64, root string) {
	node.Value += n
	for i := len(stack) - 1; i >= max(0, len(stack)-mostDepth); i-- {
		f := stack[i]
		k := slices.IndexFunc(node.Children, func(c *dev.FlameNode) bool { return c.Function == f.function.Name })
		if k < 0 {
			k = len(node.Children)
			node.Children = append(node.Children, &dev.FlameNode{TraceFrame: frameOf(f.function.Name, f.function.Filename, int(f.line), root)})
		}
		node = node.Children[k]
		node.Value += n
	}
}

// prune leaves out what costs less than least, and sorts the rest by name.
func prune(node *dev.FlameNode, least int64) {
	node.Children = slices.DeleteFunc(node.Children, func(c *dev.FlameNode) bool { return c.Value < least || c.Value == 0 })
	slices.SortFunc(node.Children, func(a, b *dev.FlameNode) int { return cmp.Compare(a.Function, b.Function) })
	for _, c := range node.Children {
		prune(c, least)
	}
}
