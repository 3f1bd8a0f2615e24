package main

import (
	"bytes"
	"embed"
	"html/template"
	"os"
	"strconv"

	"spindle/resource"
)

// This file is the start page: a tree of demonstrations, and at its root the page
// that draws it.

//go:embed start
var startFiles embed.FS

// start is the root of the tree and the page about it.
type start struct {
	resource.Tree
	panel *panel
	page  *template.Template
	about about
	style template.CSS
	code  template.JS
}

// startCSP lets the page load nothing but what is in it.
const startCSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// newStart makes the tree for one loop, with p looking on.
func newStart(p *panel) resource.Resource {
	s := &start{
		panel: p,
		page:  template.Must(template.ParseFS(startFiles, "start/page.html")),
		style: template.CSS(startFile("page.css")),
		code:  template.JS(startFile("page.js")),
		about: about{"source": "the program that serves this page, as files"},
	}
	s.PutChild("hello", hello{})
	s.PutChild("time", clock{})
	s.PutChild("slow", slow{})
	s.PutChild("count", newCount(p.loop))
	s.PutChild("echo", echo{})
	s.PutChild("greet", greet{})
	p.chat = newChat(p)
	s.PutChild("chat", p.chat)
	s.PutChild("ticker", newTicker(p.loop))
	s.PutChild("source", sources())
	s.PutChild("stats", stats{panel: p})
	s.PutChild("events", events{panel: p})
	p.watch(s.about.draw(s).paths())
	return resource.Wrap(s, func(r *resource.Request) error {
		p.count(r.PathBytes())
		return nil
	})
}

// startFile is a file that was built in.
func startFile(name string) string {
	text, err := startFiles.ReadFile("start/" + name)
	if err != nil {
		panic(err) // the build is broken
	}
	return string(text)
}

// About is the root's line in the tree.
func (s *start) About() string { return "this page" }

// RenderGET draws the tree as it is now.
func (s *start) RenderGET(r *resource.Request) ([]byte, error) {
	var b bytes.Buffer
	err := s.page.Execute(&b, map[string]any{
		"Root":    s.about.draw(s),
		"Loops":   len(s.panel.all),
		"URL":     r.PrePathURL(),
		"Style":   s.style,
		"Script":  s.code,
		"Version": readBuild().name() + " · " + platform() + " · process " + strconv.Itoa(os.Getpid()),
	})
	if err != nil {
		return nil, err
	}
	r.SetField("Content-Security-Policy", startCSP)
	r.SetField("Content-Type", "text/html; charset=utf-8")
	r.SetField("Cache-Control", "no-store")
	return b.Bytes(), nil
}

// echoForm is the form of echo, in the colours of the page.
var echoForm = startFile("echo.html")
