package overview

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"spindle/resource"
)

// This file walks a tree of resources and says what is there.

// node is one resource as it is drawn.
type node struct {
	Name     string // its segment; "" for the root
	Path     string // from the root, without a slash in front: "greet/*" for any child of greet
	Href     string
	Kind     string // its Go type
	About    string
	Methods  string
	State    string // how it does now
	Open     bool   // it stands for children that are made when they are asked for
	Children []node

	stater stater // nil when it can not tell
}

// What a resource may tell of itself.
type (
	// stater says how it does now. Loop only.
	stater interface{ State() string }
	// describer says in a few words what it does.
	describer interface{ About() string }
	// exampler makes its children as they are asked for, and names one.
	exampler interface{ Example() (label, name string) }
	// lister knows its children: resource.Tree, and what embeds one.
	lister interface {
		Children() iter.Seq2[string, resource.Resource]
	}
)

// about is what is said of resources that can not say it themselves, by their path.
type about map[string]said

type said struct {
	text  string
	slash bool // their links are relative to what they have below
}

// draw walks down from res, the root.
func (a about) draw(res resource.Resource) node { return a.node("", "", "/", res) }

func (a about) node(name, path, href string, res resource.Resource) node {
	n := node{Name: name, Path: path, Href: href, Kind: kindOf(res), About: a[path].text, Methods: methodsOf(res)}
	if d, ok := res.(describer); ok {
		n.About = d.About()
	}
	if st, ok := res.(stater); ok {
		n.State, n.stater = st.State(), st
	}
	if a[path].slash {
		n.Href += "/"
	}
	below := strings.TrimSuffix(href, "/") + "/"
	if l, ok := res.(lister); ok {
		for name, child := range l.Children() {
			n.Children = append(n.Children, a.node(name, join(path, name), below+url.PathEscape(name), child))
		}
	}
	if e, ok := res.(exampler); ok {
		n.Href, n.Children = a.example(n.Href, path, below, res, e, n.Children)
	}
	return n
}

// example adds the child that stands for all that may be. A node that answers
// nothing itself links to it.
func (a about) example(href, path, below string, res resource.Resource, e exampler, others []node) (string, []node) {
	label, name := e.Example()
	child := a.node(label, join(path, "*"), below+url.PathEscape(name), res.Child(name, nil))
	child.Open = true
	if resource.Methods(res) == nil {
		href = child.Href
	}
	return href, append(others, child)
}

func join(path, name string) string { return strings.TrimPrefix(path+"/"+name, "/") }

// kindOf is the Go type without the star that is no news.
func kindOf(res resource.Resource) string { return strings.TrimPrefix(fmt.Sprintf("%T", res), "*") }

// methodsOf is the methods without those that come by themselves.
func methodsOf(res resource.Resource) string {
	return strings.Join(slices.DeleteFunc(resource.Methods(res), func(m string) bool {
		return m == "HEAD" || m == "OPTIONS"
	}), ", ")
}

// each calls f for n and all below it.
func (n node) each(f func(node)) {
	f(n)
	for _, child := range n.Children {
		child.each(f)
	}
}
