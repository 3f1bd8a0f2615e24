package overview

import (
	"bytes"
	"embed"
	"html/template"
	"net/url"
	"strings"

	"spindle/resource"
	"spindle/resource/outline"
	"spindle/site/overview/tree"
)

// This file is the page, and the root of the tree that it draws.

//go:embed page
var files embed.FS

// Page is the root of a tree, and the page about it. What is put below it is drawn; the
// names "events" and "stats" are its own. The fields are set before Root. A Page belongs to
// one loop. Loop only.
type Page struct {
	resource.Tree
	// Below makes what stands below the tree, in the page's markup; url is that of the page
	// with its slash. nil is nothing.
	Below func(url string) (template.HTML, error)
	// Footer is the last line.
	Footer string

	panel  *Panel
	about  outline.About
	mounts []mount
}

// mount is what was put in front of the tree.
type mount struct {
	path     string
	resource resource.Resource
}

// Policy is the Content-Security-Policy of the page, which has it load nothing but what is
// in it, and speak with its own server only.
const Policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

var (
	page   = template.Must(template.ParseFS(files, "page/page.html"))
	style  = template.CSS(file("page.css")) + template.CSS(tree.Style)
	script = template.JS(file("page.js")) + template.JS(tree.Script)
)

// file is a file that was built in.
func file(name string) string {
	text, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err) // the build is broken
	}
	return string(text)
}

// New makes a Page that shows the figures of p.
func New(p *Panel) *Page {
	page := &Page{panel: p, about: outline.About{}}
	page.PutChild("events", events{Panel: p})
	page.PutChild("stats", stats{Panel: p})
	return page
}

// Put is PutChild, for a resource that says nothing of itself. With a slash behind the name
// that is how the page links to it, as applications have it whose links are relative.
func (p *Page) Put(name, about string, res resource.Resource) {
	name, slash := strings.CutSuffix(name, "/")
	p.about[name] = outline.Said{Text: about, Slash: slash}
	p.PutChild(name, res)
}

// Mount has res drawn at a path where something in front of the Page leads to it, and gives
// what that should lead to, so that its requests are counted. A slash behind the path is as
// in Put. The path of the Page itself, "/", is not drawn again.
func (p *Page) Mount(path, about string, res resource.Resource) resource.Resource {
	path, slash := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return res
	}
	p.about[path] = outline.Said{Text: about, Slash: slash}
	m := mount{path, res}
	p.mounts = append(p.mounts, m)
	p.panel.watch(p.drawMount(m))
	return resource.Wrap(res, func(*resource.Request) error {
		p.panel.hits.At(path)
		return nil
	})
}

// Root is the Page with the requests to all below it counted, for the nodes that there are
// now.
func (p *Page) Root() resource.Resource {
	p.panel.watch(p.about.Draw(p))
	return resource.Wrap(p, func(r *resource.Request) error {
		p.panel.hits.Count(r.PathBytes())
		return nil
	})
}

// draw is the tree as it is now.
func (p *Page) draw() outline.Node {
	root := p.about.Draw(p)
	for _, m := range p.mounts {
		root.Children = append(root.Children, p.drawMount(m))
	}
	return root
}

func (p *Page) drawMount(m mount) outline.Node {
	return p.about.Node(m.path, m.path, (&url.URL{Path: "/" + m.path}).EscapedPath(), m.resource)
}

// About is the root's line in the tree.
func (p *Page) About() string { return "this page" }

// RenderGET draws the tree as it is now.
func (p *Page) RenderGET(r *resource.Request) ([]byte, error) {
	var below template.HTML
	if p.Below != nil {
		text, err := p.Below(r.PrePathURL())
		if err != nil {
			return nil, err
		}
		below = text
	}
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"Tree":   template.HTML(tree.HTML(p.draw())),
		"Loops":  len(p.panel.all),
		"Below":  below,
		"Style":  style,
		"Script": script,
		"Footer": p.Footer,
	})
	if err != nil {
		return nil, err
	}
	r.SetField("Content-Security-Policy", Policy)
	r.SetField("Content-Type", "text/html; charset=utf-8")
	r.SetField("Cache-Control", "no-store")
	return b.Bytes(), nil
}
