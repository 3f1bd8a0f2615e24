package main

import (
	"bytes"
	"embed"
	"html/template"
	"os"
	"strconv"

	"spindle/reactor"
	"spindle/site"
	"spindle/site/overview"
)

// This file is the start page: a tree of demonstrations, and at its root the page
// that draws it.

//go:embed start
var startFiles embed.FS

// start is the tree of one loop, and what of it looks at the other loops.
type start struct {
	*overview.Page
	panel *overview.Panel
	chat  *chat
}

// newStart makes the tree for a loop whose site has these figures.
func newStart(loop reactor.Loop, stats func() site.Snapshot) *start {
	s := &start{panel: overview.NewPanel(loop, stats), chat: newChat(loop)}
	s.Page = overview.New(s.panel)
	s.Below = belowTree
	s.Footer = readBuild().name() + " · " + platform() + " · process " + strconv.Itoa(os.Getpid())
	s.PutChild("hello", hello{})
	s.PutChild("time", clock{})
	s.PutChild("slow", slow{})
	s.PutChild("count", newCount(loop))
	s.PutChild("echo", echo{})
	s.PutChild("greet", greet{})
	s.PutChild("chat", s.chat)
	s.PutChild("ticker", newTicker(loop))
	s.Put("source", "the program that serves this page, as files", sources())
	return s
}

// join has the trees of all loops know each other.
func join(starts []*start) {
	var panels []*overview.Panel
	var chats []*chat
	for _, s := range starts {
		panels, chats = append(panels, s.panel), append(chats, s.chat)
	}
	overview.Join(panels)
	for _, c := range chats {
		c.all = chats
	}
}

// startFile is a file that was built in.
func startFile(name string) string {
	text, err := startFiles.ReadFile("start/" + name)
	if err != nil {
		panic(err) // the build is broken
	}
	return string(text)
}

var next = template.Must(template.New("next").Parse(startFile("next.html")))

// belowTree says what to do next.
func belowTree(url string) (template.HTML, error) {
	var b bytes.Buffer
	err := next.Execute(&b, map[string]string{"URL": url})
	return template.HTML(b.String()), err
}

// echoForm is the form of echo, in the colours of the page.
var echoForm = startFile("echo.html")
