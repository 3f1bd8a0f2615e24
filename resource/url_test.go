package resource_test

import (
	"net/url"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestPrePathURL(t *testing.T) {
	links := get(func(r *resource.Request) ([]byte, error) { return r.Text(r.PrePathURL()) })
	root := new(resource.Tree).PutChild("a b", links).PutChild("t", new(resource.Tree).PutChild("", links))
	s := resourcetest.New(root)
	for target, want := range map[string]string{
		"/a%20b":                    "http://example.com/a%20b",
		"/a%20b/c?x=y":              "http://example.com/a%20b",
		"/t/":                       "http://example.com/t/",
		"http://other.org:81/a%20b": "http://other.org:81/a%20b",
	} {
		wantBody(t, s.Get(target), want)
	}
	wantBody(t, s.Do("GET", "/t/", fields("Host", ""), nil), "http://127.0.0.1:80/t/")
	s.Host = reactor.Addr{Path: "/run/x"}
	wantBody(t, s.Do("GET", "/t/", fields("Host", ""), nil), "http://localhost/t/")
}

// TestLinks: where a link leads from the URL of the request is where the child and the
// sibling are.
func TestLinks(t *testing.T) {
	links := get(func(r *resource.Request) ([]byte, error) {
		return r.Text(r.ChildLink("ch:ld/x") + " " + r.SiblingLink("sib ling"))
	})
	node := new(resource.Tree).PutChild("", links)
	root := new(resource.Tree).PutChild("leaf", links).PutChild("dir", node)
	for target, want := range map[string][2]string{
		"/leaf":      {"/leaf/ch:ld/x", "/sib ling"},
		"/leaf/":     {"/leaf/ch:ld/x", "/sib ling"},
		"/leaf/x":    {"/leaf/ch:ld/x", "/sib ling"},
		"/leaf/x/y/": {"/leaf/ch:ld/x", "/sib ling"},
		"/dir/":      {"/dir/ch:ld/x", "/dir/sib ling"},
	} {
		got := strings.Fields(string(resourcetest.Get(root, target).Body))
		base, err := url.Parse("http://h" + target)
		if err != nil || len(got) != 2 {
			t.Fatal(err, got)
		}
		for i := range got {
			ref, err := base.Parse(got[i])
			if err != nil || ref.Path != want[i] {
				t.Errorf("%s: %q leads to %v, want %s (%v)", target, got[i], ref, want[i], err)
			}
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, row := range []struct {
		name, url        string
		set, status      int
		location, inBody string
	}{
		{"a path", "/x?a=b&c=d#e", 0, 302, "/x?a=b&c=d#e", `href="/x?a=b&amp;c=d#e"`},
		{"absolute", "https://example.com/", 301, 301, "https://example.com/", ""},
		{"303", "/", 303, 303, "/", ""},
		{"307", "/", 307, 307, "/", ""},
		{"308", "/", 308, 308, "/", ""},
		{"not the status of a redirect", "/", 404, 302, "/", ""},
		{"not ASCII", "/ä", 0, 302, "/%C3%A4", ""},
		{"a tag", `/"><script>`, 0, 500, "", ""},
		{"a script", "javascript:alert(1)", 0, 500, "", ""},
		{"a line feed", "/x\r\nSet-Cookie: a=b", 0, 500, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, _ := quiet(get(func(r *resource.Request) ([]byte, error) {
				if row.set != 0 {
					r.SetStatus(row.set)
				}
				return r.Redirect(row.url)
			}))
			got := s.Get("/")
			wantStatus(t, got, row.status)
			if got.Field("Location") != row.location || !strings.Contains(string(got.Body), row.inBody) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestRedirectResources(t *testing.T) {
	root := new(resource.Tree).
		PutChild("old", resource.Redirect{URL: "/new", Status: 301}).
		PutChild("tmp", resource.Redirect{URL: "/new"}).
		PutChild("dir", new(resource.Tree).PutChild("x", resource.ParentRedirect{}).PutChild("", resource.ParentRedirect{})).
		PutChild("", resource.ParentRedirect{})
	for _, row := range []struct {
		method, target string
		status         int
		location       string
	}{
		{"GET", "/old", 301, "/new"},
		{"POST", "/old/below", 301, "/new"},
		{"GET", "/tmp", 302, "/new"},
		{"GET", "/dir/x", 302, "./"},
		{"GET", "/dir/", 302, "../"},
		{"GET", "/", 404, ""},
	} {
		got := resourcetest.Do(root, row.method, row.target, nil, nil)
		if got.Status != row.status || got.Field("Location") != row.location {
			t.Errorf("%s %s: got %s", row.method, row.target, got)
		}
	}
}
