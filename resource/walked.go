package resource

import (
	"fmt"
	"html"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"spindle/protocol"
)

// This file tells, in debug mode, how a walk has come to nothing: which nodes it went
// through, what each was asked for, and what there is of nearly that name.

// node is one resource on the way, and how much of the path was behind there.
type node struct {
	res  Resource
	used int
}

// mostNodes is how much of a walk is told.
const mostNodes = 32

// note remembers a node.
func (r *Request) note(res Resource) {
	if len(r.nodes) < mostNodes {
		r.nodes = append(r.nodes, node{res, r.used})
	}
}

// walked is one line of what is told.
type walked struct {
	path   string // that has led there
	what   string // type of the resource
	asked  string // the segment that it was asked for; "" for none
	found  bool
	names  []string // of its children, as far as they are known
	more   int      // names that are left out
	itself bool     // it was to answer
}

// named is what can name its children.
type named interface {
	Children() iter.Seq2[string, Resource]
}

// mostNames is how many children of a node are named.
const mostNames = 24

// walkedTo is the walk of a request that has ended with 404; nil outside of debug mode.
func (r *Request) walkedTo(e *Error) (list []walked) {
	if !r.d.Debug || e.Status != 404 {
		return nil
	}
	path := r.path()
	for i, n := range r.nodes {
		if n.used > len(path) {
			return nil // the path has become another one
		}
		w := walked{path: "/" + strings.TrimPrefix(string(path[:n.used]), "/"), what: fmt.Sprintf("%T", n.res)}
		switch next := i + 1; {
		case next < len(r.nodes):
			w.asked, w.found = strings.TrimPrefix(string(path[n.used:max(r.nodes[next].used, n.used)]), "/"), true
		case n.used < len(path) && !isLeaf(n.res):
			segment, _ := nextSegment(path, n.used)
			if decoded, err := decodeSegment(segment); err == nil {
				segment = decoded
			}
			w.asked = string(segment)
		default:
			w.itself = true
		}
		if t, ok := n.res.(named); ok && !w.found {
			w.names, w.more = namesOf(t)
		}
		list = append(list, w)
	}
	return list
}

func isLeaf(res Resource) bool {
	l, ok := res.(Leafer)
	return ok && l.IsLeaf()
}

func namesOf(t named) (names []string, more int) {
	for name := range t.Children() {
		if len(names) == mostNames {
			more++
			continue
		}
		names = append(names, name)
	}
	return names, more
}

// says is what a node has done, in words.
func (w *walked) says() string {
	switch {
	case w.found && w.asked == "":
		return "passes on"
	case w.found:
		return "has " + w.asked
	case w.itself:
		return "answers 404, or nothing at all"
	case len(w.names) == 0:
		return "has no child " + w.asked
	}
	text := "has no child " + w.asked + ", but " + strings.Join(shownNames(w.names), ", ")
	if w.more > 0 {
		text += fmt.Sprintf(" and %d more", w.more)
	}
	return text
}

// shownNames has a word for the child under "".
func shownNames(names []string) []string {
	list := slices.Clone(names)
	for i, n := range list {
		if n == "" {
			list[i] = "(its slash)"
		}
	}
	return list
}

// nearMisses is the paths that somebody may have meant, the nearest first.
func nearMisses(list []walked) []string {
	if len(list) == 0 {
		return nil
	}
	last := &list[len(list)-1]
	type miss struct {
		path string
		far  int
	}
	var misses []miss
	for _, name := range last.names {
		if far := distance(last.asked, name); name != "" && last.asked != "" && far <= max(2, len(last.asked)/3) && far < len(name) {
			misses = append(misses, miss{strings.TrimSuffix(last.path, "/") + "/" + string(protocol.AppendPathEscape(nil, name)), far})
		}
	}
	slices.SortStableFunc(misses, func(a, b miss) int { return a.far - b.far })
	var paths []string
	for _, m := range misses[:min(len(misses), 3)] {
		paths = append(paths, m.path)
	}
	return paths
}

// distance is how many letters have to be put in, left out or changed to make b of a,
// whatever their case (Levenshtein).
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, utf8.RuneCountInString(b)+1)
	for j := range row {
		row[j] = j
	}
	i := 0
	for _, ca := range a {
		i++
		before := row[0]
		row[0] = i
		j := 0
		for _, cb := range b {
			j++
			cost := before
			if ca != cb {
				cost++
			}
			before = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(row)-1]
}

// walkText is the walk for who reads plain text or JSON.
func walkText(list []walked) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("The walk down the tree:\n")
	for i := range list {
		w := &list[i]
		fmt.Fprintf(&b, "  %s  %s  %s\n", w.path, w.what, w.says())
	}
	for _, path := range nearMisses(list) {
		b.WriteString("Perhaps " + path + " was meant.\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// walkHTML is the walk as a piece of a page.
func walkHTML(list []walked) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	var links []string
	for _, path := range nearMisses(list) {
		links = append(links, `<a href="`+html.EscapeString(path)+`">`+html.EscapeString(path)+`</a>`)
	}
	if links != nil {
		b.WriteString("<p>Perhaps this was meant: " + strings.Join(links, ", ") + "</p>\n")
	}
	b.WriteString("<ol>\n")
	for i := range list {
		w := &list[i]
		class := ""
		if i == len(list)-1 {
			class = ` class="end"`
		}
		b.WriteString("<li" + class + "><code>" + html.EscapeString(w.path) + "</code> <small>" + html.EscapeString(w.what) + "</small><br>" + html.EscapeString(w.says()) + "</li>\n")
	}
	b.WriteString("</ol>\n")
	return b.String()
}
