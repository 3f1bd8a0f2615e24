package resource_test

import (
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// sender sends every request on.
type sender struct {
	resource.Leaf
	target string
	later  bool
	stream bool
}

func (s *sender) HeadReceived(r *resource.Request) error {
	if s.stream {
		r.StreamBody(func([]byte) {}, func(error) {})
	}
	return nil
}

func (s *sender) Render(r *resource.Request) ([]byte, error) {
	r.SetStatus(404)
	r.SetField("ETag", `"x"`)
	if s.later {
		r.Loop().CallLater(0, func() { r.Redispatch(s.target) })
	} else {
		r.Redispatch(s.target)
	}
	return nil, resource.NotDoneYet
}

// shown says what is asked for.
type shown struct{ resource.Leaf }

func (shown) Render(r *resource.Request) ([]byte, error) {
	return []byte(r.Method() + " " + r.Path() + "|" + r.Query() + "|" + r.Target() + "|" + r.Field("Content-Type") + "|" + r.Field("X")), nil
}

func TestRedispatch(t *testing.T) {
	fields := protocol.Fields{{Name: "Content-Type", Value: "a/b"}, {Name: "X", Value: "1"}}
	for _, c := range []struct {
		name   string
		sender sender
		method string
		body   string
		status int
		want   string
	}{
		{"at once", sender{target: "/there/a?b"}, "GET", "", 200, "GET /there/a|b|/here/x?y||1"},
		{"later", sender{target: "/there", later: true}, "GET", "", 200, "GET /there||/here/x?y||1"},
		{"POST becomes GET", sender{target: "/there"}, "POST", "abc", 200, "GET /there||/here/x?y||1"},
		{"content that streams", sender{target: "/there", stream: true}, "POST", "abc", 200, "GET /there||/here/x?y||1"},
		{"to itself", sender{target: "/here"}, "GET", "", 500, ""},
		{"to another host", sender{target: "//evil"}, "GET", "", 500, ""},
		{"to no path", sender{target: "http://x/"}, "GET", "", 500, ""},
		{"to nothing", sender{target: "/nothing"}, "GET", "", 404, ""},
	} {
		root := new(resource.Tree).PutChild("here", &c.sender)
		root.PutChild("there", shown{})
		x := resourcetest.Do(root, c.method, "/here/x?y", fields, []byte(c.body))
		if x.Status != c.status || c.want != "" && string(x.Body) != c.want || x.Field("ETag") != "" {
			t.Errorf("%s: %s", c.name, x)
		}
	}
	// Content that still comes goes nowhere, and the exchange is over when it has.
	root := new(resource.Tree).PutChild("here", &sender{target: "/there", stream: true})
	root.PutChild("there", shown{})
	s := resourcetest.New(root)
	h := resourcetest.Head("POST", "/here", nil)
	h.ContentLength = 6
	x := s.Open(h)
	if string(x.Body) != "GET /there||/here||" {
		t.Errorf("before its content: %s", x)
	}
	x.Send([]byte("abcdef"))
	x.SendEnd(nil)
	if !x.Done || x.Aborted != nil {
		t.Errorf("%s", x)
	}
}

// TestBase: the tree begins where the web server in front has stopped.
func TestBase(t *testing.T) {
	root := new(resource.Tree).PutChild("a", shown{})
	h := resourcetest.Head("GET", "/mount/x/a/b", nil)
	h.Base = len("/mount/x")
	x := resourcetest.New(root).Open(h)
	x.Wait()
	if string(x.Body) != "GET /mount/x/a/b||/mount/x/a/b||" {
		t.Errorf("%s", x)
	}
}
