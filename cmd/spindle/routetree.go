package main

import (
	"fmt"
	"slices"
	"strings"

	"spindle/resource/outline"
)

// This file makes a tree of routes, for the picture on the dashboard of spindle dev.

// draw is the routes by the segments of their paths. The root is the application.
func (l *routeList) draw() outline.Node {
	root := outline.Node{Kind: l.Framework, About: l.Target, Href: "/"}
	for i := range l.Routes {
		at := &root
		for _, name := range routeSegments(l.Routes[i].Path) {
			at = childNamed(at, name)
		}
		l.Routes[i].describe(at)
	}
	return root
}

// routeSegments divides the path of a route, also of one that is a regular expression. The
// slash at the end is a segment without a name, as in a tree of resources.
func routeSegments(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "^"), "$")
	if path = strings.TrimPrefix(path, "/"); path == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(path, "/"), "/")
}

// isVariable tells whether a segment stands for what a request brings: <id>, {id}, :id, (.*).
func isVariable(segment string) bool {
	return strings.ContainsAny(segment, "<{(*[\\") || strings.HasPrefix(segment, ":")
}

// childNamed is the child of n for a segment, which is made if it is not there.
func childNamed(n *outline.Node, name string) *outline.Node {
	if i := slices.IndexFunc(n.Children, func(c outline.Node) bool { return c.Name == name }); i >= 0 {
		return &n.Children[i]
	}
	child := outline.Node{Name: name, Path: name, Open: isVariable(name)}
	if child.Open {
		child.Path = "*"
	}
	if n.Path != "" {
		child.Path = n.Path + "/" + child.Path
	}
	if !strings.Contains(child.Path, "*") {
		child.Href = "/" + child.Path
	}
	n.Children = append(n.Children, child)
	return &n.Children[len(n.Children)-1]
}

// describe says at n what answers there; there may be several routes for several methods.
func (r *route) describe(n *outline.Node) {
	methods := strings.Join(r.Methods, ", ")
	if n.Methods != "" && methods != "" {
		methods = n.Methods + ", " + methods
	}
	n.Methods = methods
	if n.Name == "" && n.Path == "" { // the root keeps its kind
		if r.Handler != "" {
			n.About = strings.TrimPrefix(fmt.Sprintf("%s, %s", n.About, r.Handler), ", ")
		}
		return
	}
	if n.Kind = r.Handler; n.Kind == "" {
		n.Kind = r.Name
	}
	if r.Name != "" && !strings.HasSuffix(n.Kind, r.Name) {
		n.About = r.Name
	}
}
