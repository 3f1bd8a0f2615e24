package resource_test

import (
	"strings"
	"testing"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

// page answers with its name, and where the walk has left it.
type page struct {
	resource.Tree
	name string
}

func (p *page) RenderGET(r *resource.Request) ([]byte, error) { return where(p.name, r), nil }

func where(name string, r *resource.Request) []byte {
	quote := func(list []string) string {
		var b strings.Builder
		for _, s := range list {
			b.WriteString("<" + s + ">")
		}
		return b.String()
	}
	return []byte(name + " " + quote(r.Prepath()) + " " + quote(r.Postpath()))
}

type leaf struct {
	resource.Leaf
	name string
}

func (l leaf) RenderGET(r *resource.Request) ([]byte, error) { return where(l.name, r), nil }

// years has static children and, by its own Child, one for each number.
type years struct{ resource.Tree }

func (*years) Child(name string, _ *resource.Request) resource.Resource {
	if name == "" || strings.Trim(name, "0123456789") != "" {
		return nil
	}
	return &page{name: "year " + name}
}

func (*years) RenderGET(r *resource.Request) ([]byte, error) { return where("years", r), nil }

func walkTree() resource.Resource {
	root := &page{name: "root"}
	all := new(years)
	all.PutChild("2000", leaf{name: "millennium"})
	root.PutChild("y", all)
	root.PutChild("leaf", leaf{name: "leaf"})
	root.PutChild("index", new(resource.Tree).PutChild("", leaf{name: "index"}))
	root.PutChild("bare", new(resource.Tree).PutChild("x", leaf{name: "x"}))
	root.PutChild("a b", leaf{name: "blank"})
	root.PutChild("over", (&page{name: "over"}).PutChild("", leaf{name: "empty"}))
	return root
}

func TestWalk(t *testing.T) {
	for _, row := range []struct {
		name, target string
		status       int
		want         string // the body, or Location
	}{
		{"the root renders for its slash", "/", 200, "root <> "},
		{"a query is no part of the path", "/?x=/y", 200, "root <> "},
		{"absolute form", "http://example.com/leaf", 200, "leaf <leaf> "},
		{"absolute form without a path", "http://example.com", 200, "root <> "},
		{"a leaf takes the rest", "/leaf/a/b%2Fc/", 200, "leaf <leaf> <a><b/c><>"},
		{"a leaf and its slash", "/leaf/", 200, "leaf <leaf> <>"},
		{"a segment is decoded once", "/a%20b/%2541", 200, "blank <a b> <%41>"},
		{"static before dynamic", "/y/2000", 200, "millennium <y><2000> "},
		{"dynamic", "/y/1999", 200, "year 1999 <y><1999> "},
		{"dynamic, and its slash", "/y/1999/", 200, "year 1999 <y><1999><> "},
		{"a node that renders, without slash", "/y", 200, "years <y> "},
		{"a node that renders, with slash", "/y/", 200, "years <y><> "},
		{"no such dynamic child", "/y/none", 404, ""},
		{"no such static child", "/nothing", 404, ""},
		{"below a node without children", "/y/1999/x", 404, ""},
		{"an empty segment inside", "/y//1999", 404, ""},
		{"two slashes at the end", "/y//", 404, ""},
		{"two slashes at the start", "//leaf", 404, ""},
		{"a child for the slash", "/index/", 200, "index <index><> "},
		{"a child for the slash only", "/index", 308, "./index/"},
		{"the query goes along", "/index?a=b", 308, "./index/?a=b"},
		{"a tree answers not for itself", "/bare", 404, ""},
		{"a tree answers not for its slash", "/bare/", 404, ""},
		{"dots are ordinary segments", "/y/../leaf", 404, ""},
		{"a bad escape", "/y/%zz", 400, ""},
		{"a short escape", "/y/%4", 400, ""},
		{"NUL", "/%00", 400, ""},
		{"NUL below a leaf", "/leaf/x/%00", 400, ""},
		{"a bad escape below a leaf", "/leaf/x/%zz/", 400, ""},
		{"case counts", "/Leaf", 404, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := resourcetest.Get(walkTree(), row.target)
			if got.Status != row.status {
				t.Fatalf("status %d, want %d\n%s", got.Status, row.status, got)
			}
			if row.status == 200 && string(got.Body) != row.want {
				t.Errorf("got %q, want %q", got.Body, row.want)
			}
			if row.status == 308 && got.Field("Location") != row.want {
				t.Errorf("Location %q, want %q", got.Field("Location"), row.want)
			}
		})
	}
}

func TestRedirectToSlashStaysOnHost(t *testing.T) {
	root := new(resource.Tree)
	inner := new(resource.Tree)
	root.PutChild("", inner)
	inner.PutChild("evil.com", new(resource.Tree).PutChild("", leaf{name: "x"}))
	got := resourcetest.Get(root, "//evil.com")
	if got.Status != 308 || got.Field("Location") != "./evil.com/" {
		t.Errorf("got %s", got)
	}
}

// byValue may not be compared: it holds a map.
type byValue struct {
	resource.Leaf
	m map[string]int
}

func (b byValue) RenderGET(*resource.Request) ([]byte, error) { return []byte("value"), nil }

// itself renders for every segment that is asked for below it.
type dynamic struct{ m map[string]int }

func (d dynamic) Child(name string, _ *resource.Request) resource.Resource {
	if name == "" {
		return nil
	}
	return byValue{m: d.m}
}
func (d dynamic) RenderGET(*resource.Request) ([]byte, error) { return []byte("itself"), nil }

func TestWalkOverValuesThatCanNotBeCompared(t *testing.T) {
	root := dynamic{m: map[string]int{}}
	for target, want := range map[string]string{"/": "itself", "/x": "value"} {
		if got := resourcetest.Get(root, target); string(got.Body) != want {
			t.Errorf("%s: got %s", target, got)
		}
	}
}

func TestPutChildPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"slash": func() { new(resource.Tree).PutChild("a/b", leaf{}) },
		"nil":   func() { new(resource.Tree).PutChild("a", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestRemoveChild(t *testing.T) {
	root := new(resource.Tree).PutChild("a", leaf{name: "a"})
	root.RemoveChild("a")
	if got := resourcetest.Get(root, "/a"); got.Status != 404 {
		t.Errorf("got %s", got)
	}
}

func TestWrapSeesTheSubtree(t *testing.T) {
	seen := 0
	inner := walkTree()
	root := new(resource.Tree).PutChild("in", resource.Wrap(inner, func(r *resource.Request) error {
		seen++
		r.SetField("X-Seen", "yes")
		if r.Field("Authorization") == "" {
			return &resource.Error{Status: 401, Fields: []resource.ErrorField{{Name: "WWW-Authenticate", Value: "Basic"}}}
		}
		return nil
	}))
	got := resourcetest.Get(root, "/in/y/1999")
	if got.Status != 401 || got.Field("WWW-Authenticate") != "Basic" || got.Field("X-Seen") != "yes" {
		t.Errorf("got %s", got)
	}
	got = resourcetest.Do(root, "GET", "/in/y/1999", fields("Authorization", "x"), nil)
	if got.Status != 200 || string(got.Body) != "year 1999 <in><y><1999> " || got.Field("X-Seen") != "yes" {
		t.Errorf("got %s", got)
	}
	if resourcetest.Get(root, "/other"); seen != 2 {
		t.Errorf("seen %d, want 2", seen)
	}
}

// FuzzWalk: no path makes the walk panic or answer anything but these statuses, and
// what is used up and what is left make the whole.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{"/", "/y/1999/", "/leaf/%41/%", "//", "/%2f", "*", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if strings.ContainsAny(target, "?#") {
			return
		}
		got := resourcetest.Get(walkTree(), target)
		switch got.Status {
		case 200, 308, 400, 404, 405:
		default:
			t.Errorf("%q: status %d", target, got.Status)
		}
	})
}
