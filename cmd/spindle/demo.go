package main

import (
	"bytes"
	"embed"
	"fmt"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site/overview"
)

// This file holds the resources below the start page: each shows one thing that a
// resource can do, in as few lines as it takes.

//go:embed *.go
var sourceFiles embed.FS

// hello answers at once.
type hello struct{ resource.Leaf }

func (hello) About() string { return "answers at once; ?name= says whom it greets" }

func (hello) RenderGET(r *resource.Request) ([]byte, error) {
	return r.Text("Hello, " + r.ArgOr("name", "world") + "!\n")
}

// slow answers later. The loop does not wait: a timer comes back to it.
type slow struct{ resource.Leaf }

func (slow) About() string { return "answers after a second; the loop goes on meanwhile" }

func (slow) RenderGET(r *resource.Request) ([]byte, error) {
	timer := r.Loop().CallLater(time.Second, func() {
		r.Answer(r.Text("A second later.\n"))
	})
	r.NotifyFinish(func(error) { timer.Cancel() })
	return nil, resource.NotDoneYet
}

// count writes for as long as somebody reads.
type count struct {
	resource.Leaf
	readers *overview.Readers
}

func (*count) About() string { return "a line a second, for as long as you listen" }

func (c *count) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain; charset=utf-8")
	r.SetField("Cache-Control", "no-store")
	if r.Method() == "HEAD" {
		return nil, nil
	}
	c.readers.Add(r)
	return nil, resource.NotDoneYet
}

// newCount makes a count whose readers are all served by one timer.
func newCount(loop reactor.Loop) *count {
	n := 0
	return &count{readers: overview.NewReaders(loop, time.Second, func(rs *overview.Readers) {
		n++
		rs.Write(fmt.Appendf(nil, "%s  line %d, to %s\n", loop.Now().UTC().Format(time.TimeOnly), n,
			counted(int64(rs.Len()), "reader")))
	})}
}

// echo answers GET with a form, POST with what came.
type echo struct{ resource.Leaf }

func (echo) About() string { return "a form; what you send comes back as it arrived" }

func (echo) RenderGET(r *resource.Request) ([]byte, error) {
	return r.HTML(echoForm)
}

func (echo) RenderPOST(r *resource.Request) ([]byte, error) {
	body, err := r.BodyBytes()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", r.Method(), r.Target())
	for _, f := range r.Fields() {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	b.WriteByte('\n')
	b.Write(body)
	r.SetField("Content-Type", "text/plain; charset=utf-8")
	r.SetField("X-Content-Type-Options", "nosniff") // it stays text, whatever it says
	return b.Bytes(), nil
}

// greet makes its children as they are asked for.
type greet struct{}

func (greet) About() string { return "makes its children as they are asked for" }

// Example is a child to draw and to link: how it is called, and a name that works.
func (greet) Example() (label, name string) { return "‹name›", "Ada" }

func (greet) Child(name string, _ *resource.Request) resource.Resource {
	if name == "" {
		return nil
	}
	return greeting{name: name}
}

// greeting is such a child.
type greeting struct {
	resource.Leaf
	name string
}

func (greeting) About() string { return "made for one request" }

func (g greeting) RenderGET(r *resource.Request) ([]byte, error) {
	return r.Text("Good to see you, " + g.name + ".\n")
}

// clock tells the time of the loop, which reads it once in each callback.
type clock struct{ resource.Leaf }

func (clock) About() string { return "what time the loop has" }

func (clock) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Cache-Control", "no-store")
	return r.Text(r.Now().Format(time.RFC1123Z) + "\n")
}
