// Package outline walks a tree of resources and says what is there: a Node for each, for a
// page that draws it.
//
// What a resource can tell of itself, by methods:
//
//	About() string            what it does, in a few words
//	State() string            how it does now: "2 workers, 1 busy"
//	Example() (label, name)   that its children are made as they are asked for, and one of them
//	Children()                which it has, as a resource.Tree
//	Inner()                   that it stands in front of another, which is drawn in its place
package outline

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"spindle/resource"
)

// Node is one resource as it is drawn.
type Node struct {
	Name     string `json:"name"` // its segment; "" for the root
	Path     string `json:"path"` // from the root, without a slash in front: "greet/*" for any child of greet
	Href     string `json:"href"`
	Kind     string `json:"kind"` // its Go type
	About    string `json:"about,omitempty"`
	Methods  string `json:"methods,omitempty"`
	State    string `json:"state,omitempty"` // how it does now
	Open     bool   `json:"open,omitempty"`  // it stands for children that are made when they are asked for
	Children []Node `json:"children,omitempty"`
	More     int    `json:"more,omitempty"` // children that are left out

	Stater Stater `json:"-"` // nil when it can not tell
}

// What a resource may tell of itself.
type (
	// Stater says how it does now. Loop only.
	Stater interface{ State() string }
	// describer says in a few words what it does.
	describer interface{ About() string }
	// exampler makes its children as they are asked for, and names one.
	exampler interface{ Example() (label, name string) }
	// lister knows its children: resource.Tree, and what embeds one.
	lister interface {
		Children() iter.Seq2[string, resource.Resource]
	}
	// wrapper stands in front of another.
	wrapper interface{ Inner() resource.Resource }
)

// About is what is said of resources that can not say it themselves, by their path.
type About map[string]Said

// Said is what is said of one.
type Said struct {
	Text  string
	Slash bool // its links are relative to what it has below
}

// The bounds of what is drawn.
const (
	mostChildren = 100 // of a node
	mostDepth    = 16
)

// Draw walks down from res, the root. Loop only.
func (a About) Draw(res resource.Resource) Node { return a.Node("", "", "/", res) }

// Node walks down from res, which is at a path. Loop only.
func (a About) Node(name, path, href string, res resource.Resource) Node {
	res = inner(res)
	n := Node{Name: name, Path: path, Href: href, Kind: kindOf(res), About: a[path].Text, Methods: methodsOf(res)}
	if d, ok := res.(describer); ok {
		n.About = d.About()
	}
	if st, ok := res.(Stater); ok {
		n.State, n.Stater = st.State(), st
	}
	if a[path].Slash {
		n.Href += "/"
	}
	below := strings.TrimSuffix(href, "/") + "/"
	if l, ok := res.(lister); ok {
		for name, child := range l.Children() {
			if len(n.Children) == mostChildren || strings.Count(path, "/") >= mostDepth {
				n.More++
				continue
			}
			n.Children = append(n.Children, a.Node(name, join(path, name), below+url.PathEscape(name), child))
		}
	}
	if e, ok := res.(exampler); ok {
		n.Href, n.Children = a.example(n.Href, path, below, res, e, n.Children)
	}
	return n
}

// inner is what the wrappers stand in front of.
func inner(res resource.Resource) resource.Resource {
	for range mostDepth {
		w, ok := res.(wrapper)
		if !ok || w.Inner() == nil {
			break
		}
		res = w.Inner()
	}
	return res
}

// example adds the child that stands for all that may be. A node that answers
// nothing itself links to it.
func (a About) example(href, path, below string, res resource.Resource, e exampler, others []Node) (string, []Node) {
	label, name := e.Example()
	child := a.Node(label, join(path, "*"), below+url.PathEscape(name), res.Child(name, nil))
	child.Open = true
	if resource.Methods(res) == nil {
		href = child.Href
	}
	return href, append(others, child)
}

// join is the path of a child. That of the root for its own slash is "/".
func join(path, name string) string {
	if path == "" && name == "" {
		return "/"
	}
	return strings.TrimPrefix(path+"/"+name, "/")
}

// kindOf is the Go type without the star that is no news.
func kindOf(res resource.Resource) string { return strings.TrimPrefix(fmt.Sprintf("%T", res), "*") }

// methodsOf is the methods without those that come by themselves.
func methodsOf(res resource.Resource) string {
	return strings.Join(slices.DeleteFunc(resource.Methods(res), func(m string) bool {
		return m == "HEAD" || m == "OPTIONS"
	}), ", ")
}

// Each calls f for n and all below it.
func (n Node) Each(f func(Node)) {
	f(n)
	for _, child := range n.Children {
		child.Each(f)
	}
}
