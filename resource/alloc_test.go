package resource_test

import (
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// sink is a channel that only counts what is sent.
type sink struct {
	protocol.Channel // what is not below is not used
	answers, bytes   int
}

func (s *sink) Respond(_ int, _ protocol.Fields, body []byte) { s.answers++; s.bytes += len(body) }
func (s *sink) WriteHead(int, protocol.Fields, int64)         {}
func (s *sink) Write(p []byte)                                { s.bytes += len(p) }
func (s *sink) Finish(protocol.Fields)                        { s.answers++ }

// TestAnsweringAllocatesNothing: from head to answer, for what is answered inside
// Render.
func TestAnsweringAllocatesNothing(t *testing.T) {
	body := []byte("Hello, World!")
	node := new(resource.Tree)
	hello := get(func(r *resource.Request) ([]byte, error) {
		if r.ArgOr("name", "world") == "" || r.FieldBytes("Accept") == nil || r.Method() == "" {
			t.Error("the request is empty")
		}
		r.SetField("Cache-Control", "no-cache")
		r.SetField("Content-Type", "text/html; charset=utf-8")
		return body, nil
	})
	node.PutChild("hello", hello).PutChild("deeper", new(resource.Tree).PutChild("", hello))
	node.PutChild("piecewise", get(func(r *resource.Request) ([]byte, error) {
		r.Write(body)
		r.WriteString("more")
		r.Finish()
		return nil, nil
	}))
	root := resource.Wrap(node, func(r *resource.Request) error {
		r.SetField("X-Frame-Options", "DENY")
		return nil
	})
	for _, target := range []string{"/hello", "/hello?x=y", "/deeper/", "/piecewise"} {
		t.Run(target, func(t *testing.T) {
			d := &resource.Dispatcher{Root: root}
			h := resourcetest.Head("GET", target, fields("Accept", "*/*"))
			c := &sink{}
			n := testing.AllocsPerRun(1000, func() { d.NewReceiver(c).HeadReceived(h) })
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
			if c.answers != 1001 || c.bytes < 1001*len(body) {
				t.Errorf("%d answers, %d bytes", c.answers, c.bytes)
			}
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	body := []byte("Hello, World!")
	leaf := get(func(r *resource.Request) ([]byte, error) { return body, nil })
	for name, root := range map[string]resource.Resource{
		"leaf": leaf,
		"tree": new(resource.Tree).PutChild("a", new(resource.Tree).PutChild("b", leaf)),
	} {
		b.Run(name, func(b *testing.B) {
			d := &resource.Dispatcher{Root: root}
			h := resourcetest.Head("GET", "/a/b", nil)
			c := &sink{}
			b.ReportAllocs()
			for b.Loop() {
				d.NewReceiver(c).HeadReceived(h)
			}
		})
	}
}
