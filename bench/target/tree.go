package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/static"
)

// big is the content of /big. It is not changed.
var big = bytes.Repeat([]byte{'x'}, 1<<20)

// tree is what one loop serves; root "" serves no files.
func tree(l reactor.Loop, root string) resource.Resource {
	hello := text("Hello, World!")
	t := new(resource.Tree)
	t.PutChild("", hello).
		PutChild("plaintext", hello).
		PutChild("json", greeting{Message: "Hello, World!"}).
		PutChild("echo", echo{}).
		PutChild("big", text(big)).
		PutChild("slow", slow{}).
		PutChild("goroutines", goroutines{}).
		PutChild("ws", newEcho()).
		PutChild("all", newAll(l)).
		PutChild("events", newTicker(l))
	if root != "" {
		files := static.New(root)
		files.Listing = true
		t.PutChild("files", files)
	}
	return t
}

// end is embedded by what has nothing below it.
type end struct{}

func (end) Child(string, *resource.Request) resource.Resource { return nil }

// text answers with itself.
type text []byte

func (text) Child(string, *resource.Request) resource.Resource { return nil }

func (t text) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	return t, nil
}

// greeting answers with itself in JSON.
type greeting struct {
	end
	Message string `json:"message"`
}

func (g greeting) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "application/json")
	return json.Marshal(g)
}

// echo answers with the content of the request.
type echo struct{ end }

func (echo) RenderPOST(r *resource.Request) ([]byte, error) {
	if kind := r.Field("Content-Type"); kind != "" {
		r.SetField("Content-Type", kind)
	}
	return r.BodyBytes()
}

// goroutines answers how many there are: not more for more connections.
type goroutines struct{ end }

func (goroutines) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	return strconv.AppendInt(nil, int64(runtime.NumGoroutine()), 10), nil
}

// slow answers from a timer.
type slow struct{ end }

func (slow) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	timer := r.Loop().CallLater(time.Second, func() { r.Answer([]byte("slow"), nil) })
	r.NotifyFinish(func(error) { timer.Cancel() }) // the client may not wait
	return nil, resource.NotDoneYet
}
