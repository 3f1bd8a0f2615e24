package rewrite_test

import (
	"fmt"
	"testing"

	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/resource/rewrite"
)

type page struct{ resource.Leaf }

func (page) RenderGET(r *resource.Request) ([]byte, error) {
	return fmt.Appendf(nil, "%s?%s %q", r.Path(), r.Query(), r.Postpath()), nil
}

func TestRules(t *testing.T) {
	var rules []rewrite.Rule
	for _, text := range []string{"/old=/new", `~^/~([a-z]+)=/users/$1`, "/q=/to?fixed=1", "301:/moved=/there", "308:/away=https://docs.example.com/x",
		`302:~^(.*)/strip$=$1`, "/%41=/a"} {
		rule, err := rewrite.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, rule)
	}
	root := rewrite.New(page{}, rules...)
	for path, want := range map[string]string{
		"/old":                 `200 /new? ["new"]`,
		"/old/a%20b?x=1":       `200 /new/a%20b?x=1 ["new" "a b"]`,
		"/older":               `200 /older? ["older"]`,
		"/~joe/x":              `200 /users/joe/x? ["users" "joe" "x"]`,
		"/q?mine=2":            `200 /to?fixed=1 ["to"]`,
		"/moved/x?y":           "301 /there/x?y",
		"/away/z":              "308 https://docs.example.com/x/z",
		"//evil.example/strip": "302 /evil.example",
		`/\evil.example/strip`: "302 /evil.example",
		"/":                    `200 /? [""]`,
		"/%41":                 `200 /a? ["a"]`,
	} {
		r := resourcetest.Get(root, path)
		got := fmt.Sprintf("%d %s", r.Status, r.Body)
		if r.Status >= 300 {
			got = fmt.Sprintf("%d %s", r.Status, r.Field("Location"))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	tree, inner := new(resource.Tree), new(resource.Tree)
	inner.PutChild("b", page{})
	tree.PutChild("sub", rewrite.New(inner, rewrite.Rule{Prefix: "/a", To: "/b"}))
	if r := resourcetest.Get(tree, "/sub/a/x"); string(r.Body) != `/sub/b/x? ["x"]` {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestParseRule(t *testing.T) {
	for _, bad := range []string{"", "/a", "a=/b", "/a=b", "200:/a=/b", "30x:/a=/b", "~(=/b", "=x"} {
		if u, err := rewrite.ParseRule(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, u)
		}
	}
}
