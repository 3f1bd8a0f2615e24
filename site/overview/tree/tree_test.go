package tree

import (
	"strings"
	"testing"

	"spindle/resource/outline"
)

func TestHTML(t *testing.T) {
	got := HTML(outline.Node{Href: "/", Kind: "x.Root", More: 3, Children: []outline.Node{
		{Name: "<b>", Path: `a"b`, Href: "/%3Cb%3E", About: "<i>", State: "a & b", Kind: "x.Y", Methods: "GET", Open: true},
		{Path: "/", Href: "/"}, {Name: "evil", Path: "e", Href: "javascript:alert(1)"}, {Name: "far", Path: "f", Href: "//example.org/"}, {Name: "far2", Path: "g", Href: `/\example.org/`}}})
	for _, want := range []string{`<a class="node root" href="/" data-path="">`, `class="node open" href="/%3Cb%3E" data-path="a&#34;b"`, "&lt;b&gt;", "&lt;i&gt;",
		`<span class="how">a &amp; b</span>`, "x.Y · GET", `<a class="node" href="/" data-path="/"><i class="knot"></i><span class="name">/</span>`, "and 3 more"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, "javascript") || strings.Contains(got, "example") || strings.Count(got, `href="#"`) != 3 {
		t.Errorf("%s", got)
	}
}
