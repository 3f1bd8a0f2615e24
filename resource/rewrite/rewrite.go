// Package rewrite changes the path of requests before the tree sees it, or sends the client
// to another one.
//
//	root := rewrite.New(tree,
//		rewrite.Rule{Prefix: "/old", To: "/new"},                                    // inside
//		rewrite.Rule{Pattern: regexp.MustCompile(`^/~([a-z]+)`), To: "/users/$1"},
//		rewrite.Rule{Prefix: "/docs", To: "https://docs.example.com", Status: 301}) // elsewhere
//
// The first rule that matches is the one. A rule looks at what is left of the path where the
// resource stands, still percent-encoded. The query is kept unless To has one.
package rewrite

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"spindle/resource"
)

// Rule is one change.
type Rule struct {
	// Prefix is what a path begins with, by whole segments: "/old" is for "/old" and
	// "/old/x", not for "/older". What follows it stays behind To.
	Prefix string
	// Pattern, in place of Prefix, is what it matches of the path; what it does not match
	// stays. $1, ${name} in To are its groups.
	Pattern *regexp.Regexp
	// To is what comes in its place: a path, with a query if it has a "?"; of a redirect
	// also a URL.
	To string
	// Status, 301, 302, 303, 307 or 308, has the client sent there; 0 changes the path
	// here only.
	Status int
}

// Check tells what is wrong with a rule.
func (u Rule) Check() error {
	switch {
	case (u.Prefix == "") == (u.Pattern == nil):
		return errors.New("rewrite: a rule has either a Prefix or a Pattern")
	case u.Prefix != "" && u.Prefix[0] != '/':
		return fmt.Errorf("rewrite: the prefix %q does not begin with a slash", u.Prefix)
	case u.Status != 0 && (u.Status < 301 || u.Status > 308 || u.Status == 304 || u.Status == 305 || u.Status == 306):
		return fmt.Errorf("rewrite: %d is not the status of a redirect", u.Status)
	case u.Status == 0 && !strings.HasPrefix(u.To, "/") && u.Pattern == nil:
		return fmt.Errorf("rewrite: %q does not begin with a slash, and a rule without a Status changes paths only", u.To)
	}
	return nil
}

// ParseRule reads a rule as people write it: "/old=/new", or with a pattern "~^/a/(.*)=/b/$1",
// and the status of a redirect in front: "301:/old=/new".
func ParseRule(text string) (Rule, error) {
	var u Rule
	from, to, ok := strings.Cut(text, "=")
	if len(from) > 4 && from[3] == ':' {
		status, err := strconv.Atoi(from[:3])
		if err != nil {
			return u, fmt.Errorf("rewrite: %q: %q is not a status", text, from[:3])
		}
		u.Status, from = status, from[4:]
	}
	if !ok {
		return u, fmt.Errorf("rewrite: %q: write /from=/to, or ~pattern=/to", text)
	}
	u.To = to
	if pattern, is := strings.CutPrefix(from, "~"); is {
		p, err := regexp.Compile(pattern)
		if err != nil {
			return u, fmt.Errorf("rewrite: %q: %w", text, err)
		}
		u.Pattern = p
	} else {
		u.Prefix = from
	}
	return u, u.Check()
}

// New makes a resource that stands for inner, with the paths that rules make. It panics
// when a rule is wrong (Rule.Check).
func New(inner resource.Resource, rules ...Rule) resource.Resource {
	for _, u := range rules {
		if err := u.Check(); err != nil {
			panic(err)
		}
	}
	return &rewriter{inner: inner, rules: rules}
}

type rewriter struct {
	resource.Leaf
	inner resource.Resource
	rules []Rule
}

// Pass changes the path, or redirects.
func (w *rewriter) Pass(r *resource.Request) (resource.Resource, error) {
	path := string(r.PostpathBytes())
	if path == "" {
		path = "/"
	}
	for i := range w.rules {
		u := &w.rules[i]
		to, ok := u.apply(path)
		if !ok {
			continue
		}
		if u.Status != 0 {
			return redirect(r, u, to), nil
		}
		return w.inner, inside(r, to)
	}
	return w.inner, nil
}

// apply is what the rule makes of a path.
func (u *Rule) apply(path string) (to string, ok bool) {
	if u.Pattern != nil {
		m := u.Pattern.FindStringSubmatchIndex(path)
		if m == nil {
			return "", false
		}
		b := append([]byte(nil), path[:m[0]]...)
		b = u.Pattern.ExpandString(b, u.To, path, m)
		return string(b) + path[m[1]:], true
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(u.Prefix, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	to, query, has := strings.Cut(u.To, "?")
	if rest != "" {
		to = strings.TrimSuffix(to, "/") + rest
	}
	if has {
		to += "?" + query
	}
	return to, true
}

// inside has the walk go on along to.
func inside(r *resource.Request, to string) error {
	path, query, has := strings.Cut(to, "?")
	q := r.QueryBytes()
	if has {
		q = []byte(query)
	}
	return r.Rewrite(path, q)
}

// redirect sends the client to to. A path is made one of this host, whatever the client
// has put into it: "//evil.example" would lead elsewhere.
func redirect(r *resource.Request, u *Rule, to string) resource.Resource {
	if !strings.Contains(u.To, "://") {
		to = "/" + strings.TrimLeft(to, `/\`)
	}
	if query := r.QueryBytes(); query != nil && !strings.Contains(to, "?") {
		to += "?" + string(query)
	}
	return &resource.Redirect{URL: to, Status: u.Status}
}

var (
	_ resource.Passer = (*rewriter)(nil)
)
