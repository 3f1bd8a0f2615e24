package dev

import (
	"encoding/json"
	"strconv"
	"strings"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
	"spindle/site/overview/tree"
)

// This file is GET dash/tree: the tree of the program, or of what this process hosts, as it
// is now.

// drawnTrees is what a page gets.
type drawnTrees struct {
	Trees  []drawnTree `json:"trees"`
	Why    string      `json:"why,omitempty"` // there is none
	Nodes  int         `json:"nodes"`
	Source string      `json:"source"` // whose it is: "program", "here"
}

// drawnTree is one. Those of several sites of a program have paths with its number in front.
type drawnTree struct {
	HTML   string            `json:"html"`
	States map[string]string `json:"states"` // how nodes do that can tell
}

type dashTree struct {
	resource.Leaf
	d *dashboard
}

func (x dashTree) RenderGET(r *resource.Request) ([]byte, error) {
	s := x.d.s
	if h, ok := s.current.(*hosted); ok {
		return laterJSON(r, reactor.Chain(h.tree(), func(root outline.Node) *reactor.Deferred[[]byte] {
			body, err := json.Marshal(x.d.insight.draw("here", []outline.Node{root}))
			if err != nil {
				return reactor.Failed[[]byte](err)
			}
			return reactor.Succeeded(body)
		}))
	}
	if s.probe() == nil {
		return sendJSON(r, drawnTrees{Trees: []drawnTree{}, Why: whyNoTree(s)})
	}
	return laterJSON(r, orNoTree(reactor.Chain(s.Ask("tree", ""), func(raw json.RawMessage) *reactor.Deferred[[]byte] {
		var roots []outline.Node
		if err := json.Unmarshal(raw, &roots); err != nil {
			return reactor.Failed[[]byte](err)
		}
		body, err := json.Marshal(x.d.insight.draw("program", roots))
		if err != nil {
			return reactor.Failed[[]byte](err)
		}
		return reactor.Succeeded(body)
	})))
}

// orNoTree is d, or why there is nothing to draw: that the program can not say is no failure.
func orNoTree(d *reactor.Deferred[[]byte]) *reactor.Deferred[[]byte] {
	drawn := reactor.NewDeferred[[]byte]().OnCancel(d.Cancel)
	d.Then(func(body []byte) { settleWith(drawn, body, nil) }, func(err error) {
		why := noTree
		if !strings.HasSuffix(err.Error(), "does not know of tree") {
			why = "The program does not say what it consists of: " + err.Error() + "."
		}
		body, err := json.Marshal(drawnTrees{Trees: []drawnTree{}, Why: why})
		settleWith(drawn, body, err)
	})
	return drawn
}

// tree is what h consists of: as the application tells it, which it is asked once, else as
// far as this process knows.
func (h *hosted) tree() *reactor.Deferred[outline.Node] {
	own := outline.About{}.Draw(h.app.Root)
	if h.app.Tree == nil {
		return reactor.Succeeded(own)
	}
	if h.routes == nil {
		h.routes = h.app.Tree()
	}
	d := reactor.NewDeferred[outline.Node]()
	h.routes.Then(func(n outline.Node) {
		n.State = own.State // which is that of now
		settleWith(d, n, nil)
	}, func(error) { settleWith(d, own, nil) })
	return d
}

// whyNoTree is why there is nothing to draw.
func whyNoTree(s *Supervisor) string {
	if s.current == nil {
		return "No program runs now."
	}
	return noTree
}

const noTree = "Here stands what a program of Spindle consists of: its tree of resources, with the requests that run through it. " +
	"This program is not made of resources: there is none to draw."

// draw makes what a page gets, and has requests to these trees counted.
func (x *insight) draw(source string, roots []outline.Node) drawnTrees {
	all := drawnTrees{Source: source, Trees: []drawnTree{}}
	for i, root := range roots {
		states := map[string]string{}
		root.Each(func(n outline.Node) {
			all.Nodes++
			if n.State != "" {
				states[n.Path] = n.State
			}
		})
		if i == 0 { // which of several sites a request is for can not be told from here
			x.hits.WatchAnew(root)
		}
		all.Trees = append(all.Trees, drawnTree{HTML: tree.HTML(root), States: states})
	}
	return all
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
