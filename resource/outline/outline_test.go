package outline

import (
	"fmt"
	"maps"
	"testing"

	"spindle/resource"
)

// endless makes its children as they are asked for.
type endless struct{}

func (endless) Example() (label, name string) { return "‹n›", "1" }
func (endless) Child(string, *resource.Request) resource.Resource {
	return resource.NewData(nil, "text/plain")
}
func (endless) State() string                                         { return "well" }
func (endless) RenderGET(r *resource.Request) (b []byte, error error) { return nil, nil }

func drawn() Node {
	wide, root := new(resource.Tree), new(resource.Tree)
	for i := range mostChildren + 7 {
		wide.PutChild(fmt.Sprint(i), endless{})
	}
	root.PutChild("wide", resource.Wrap(resource.Wrap(wide, nil), nil))
	root.PutChild("self", root)
	root.PutChild("any", endless{})
	return About{"wide": {Text: "much", Slash: true}}.Draw(root)
}

func TestDrawIsBounded(t *testing.T) {
	nodes, deep := 0, 0
	root := drawn()
	root.Each(func(n Node) {
		if nodes++; n.Path == "wide" && (n.More != 7 || len(n.Children) != mostChildren || n.About != "much" || n.Href != "/wide/" || n.Kind != "resource.Tree") {
			t.Errorf("%+v", n)
		}
		deep = max(deep, n.More)
	})
	if nodes > 5000 || deep == 0 {
		t.Errorf("%d nodes", nodes)
	}
}

func TestHits(t *testing.T) {
	var h Hits
	h.Count([]byte("/x")) // of nothing
	root := new(resource.Tree)
	sub := new(resource.Tree)
	sub.PutChild("leaf", resource.NewData(nil, "text/plain"))
	sub.PutChild("any", endless{})
	sub.PutChild("", resource.NewData(nil, "text/plain"))
	root.PutChild("", resource.NewData(nil, "text/plain"))
	root.PutChild("sub", sub)
	h.Watch(About{}.Draw(root))
	for _, path := range []string{"/", "", "/sub", "/sub/", "/sub/leaf", "/sub/leaf/more", "/sub/any/7", "/sub/any/7/8", "/sub/none", "/none"} {
		h.Count([]byte(path))
	}
	h.At("sub")
	h.At("nowhere")
	want := map[string]int{"": 1, "/": 1, "sub": 3, "sub/": 1, "sub/leaf": 2, "sub/any/*": 2}
	if got := h.Take(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(h.Take()) != 0 || h.Len() != 7 {
		t.Error("they are counted twice")
	}
	h.At("sub")
	h.At("sub/leaf")
	h.WatchAnew(Node{Children: []Node{{Path: "sub"}}})
	if got := h.Take(); !maps.Equal(got, map[string]int{"sub": 1}) || h.Len() != 2 {
		t.Errorf("%v", got)
	}
}
