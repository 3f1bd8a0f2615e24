// Package tree is how a tree of resources looks on a page: markup, style and script of the
// nodes of an outline, for pages that draw one.
//
//	<div class="tree" id="tree"><svg aria-hidden="true"></svg><ul>{{template "node" .Root}}</ul></div>
//
// The script draws the threads between the nodes, and has requests run down them; the page
// gives the colours (--paper, --ink, --soft, --well, --thread, --deep, --glow) and --mono.
package tree

import (
	_ "embed"
	"html/template"
)

// Style is the style sheet.
//
//go:embed tree.css
var Style string

// Script has the function spindleTree.
//
//go:embed tree.js
var Script string

//go:embed tree.html
var markup string

// Template defines "node", for an outline.Node.
var Template = template.Must(template.New("tree").Parse(markup))
