// Package tree is how a tree of resources looks on a page: markup, style and script of the
// nodes of an outline, for pages that draw one.
//
// The script draws the threads between the nodes, and has requests run down them; the page
// gives the colours (--paper, --ink, --soft, --well, --thread, --deep, --glow) and --mono.
package tree

import (
	_ "embed"
	"html"
	"strconv"
	"strings"

	"spindle/resource/outline"
)

// Style is the style sheet.
//
//go:embed tree.css
var Style string

// Script has the function spindleTree.
//
//go:embed tree.js
var Script string

//go:embed spindle.svg
var spindle string // of the root

// HTML is the markup of a tree, with no id of its own.
func HTML(root outline.Node) string {
	var b strings.Builder
	b.WriteString(`<div class="tree"><svg aria-hidden="true"></svg><ul>`)
	write(&b, &root)
	b.WriteString("</ul></div>\n")
	return b.String()
}

// write appends a node and all below it. There is no template: a program that draws no tree
// would link all that templates can do.
func write(b *strings.Builder, n *outline.Node) {
	class, name, mark := "node", n.Name, `<i class="knot"></i>`
	if n.Open {
		class += " open"
	}
	if n.Path == "" {
		class, mark = class+" root", spindle
	}
	if name == "" {
		name = "/"
	}
	b.WriteString(`<li><a class="` + class + `" href="` + html.EscapeString(href(n.Href)) + `" data-path="` + html.EscapeString(n.Path) + `">` + mark)
	b.WriteString(`<span class="name">` + html.EscapeString(name) + `</span><span class="hits" hidden></span>`)
	b.WriteString(`<span class="about">` + html.EscapeString(n.About) + `</span>`)
	hidden := ""
	if n.State == "" {
		hidden = " hidden"
	}
	b.WriteString(`<span class="how"` + hidden + `>` + html.EscapeString(n.State) + `</span>`)
	kind := n.Kind
	if n.Methods != "" {
		kind += " · " + n.Methods
	}
	b.WriteString(`<span class="kind">` + html.EscapeString(kind) + "</span></a>\n")
	if len(n.Children) > 0 {
		b.WriteString("<ul>")
		for i := range n.Children {
			write(b, &n.Children[i])
		}
		if n.More > 0 {
			b.WriteString(`<li class="more">and ` + strconv.Itoa(n.More) + ` more</li>`)
		}
		b.WriteString("</ul>")
	}
	b.WriteString("</li>\n")
}

// href is a link on the same server.
func href(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
		return "#"
	}
	return to
}
