package dev

import (
	"fmt"
	"path/filepath"
	"strings"
)

// This file says what a change of a file asks for.

// Action is what follows a change, from the least to the most.
type Action uint8

// The actions.
const (
	Ignore  Action = iota
	Swap           // style sheets and images are taken anew, the page stays
	Reload         // the page is fetched again
	Restart        // the program is started again, as it is
	Rebuild        // it is built, and started
)

var actionNames = [...]string{"ignore", "swap", "reload", "restart", "rebuild"}

// String is the word for it in a configuration.
func (a Action) String() string { return actionNames[a] }

// ParseAction reads such a word.
func ParseAction(s string) (Action, error) {
	for i, name := range actionNames {
		if s == name {
			return Action(i), nil
		}
	}
	return 0, fmt.Errorf("dev: %q is no action; there are %s", s, strings.Join(actionNames[:], ", "))
}

// Rule says what the change of certain files asks for. The first that matches counts.
type Rule struct {
	// Pattern is a name such as *.css, or, with a slash in it, a path from the directory
	// that is watched, such as web/templates/*.html. ** is any number of directories.
	Pattern string
	Action  Action
	// Run is a command that is run first, by the shell; what it changes counts by itself.
	Run string
}

// standardRules are for what no build depends on.
var standardRules = []Rule{
	{Pattern: "*.css", Action: Swap},
	{Pattern: "*.png", Action: Swap}, {Pattern: "*.jpg", Action: Swap}, {Pattern: "*.jpeg", Action: Swap},
	{Pattern: "*.gif", Action: Swap}, {Pattern: "*.svg", Action: Swap}, {Pattern: "*.webp", Action: Swap},
	{Pattern: "*.avif", Action: Swap}, {Pattern: "*.ico", Action: Swap},
	{Pattern: "*.html", Action: Reload}, {Pattern: "*.htm", Action: Reload}, {Pattern: "*.xhtml", Action: Reload},
	{Pattern: "*.js", Action: Reload}, {Pattern: "*.mjs", Action: Reload}, {Pattern: "*.wasm", Action: Reload},
	{Pattern: "*.json", Action: Reload}, {Pattern: "*.woff2", Action: Reload}, {Pattern: "*.txt", Action: Reload},
	{Pattern: "*.tmpl", Action: Reload}, {Pattern: "*.gohtml", Action: Reload}, {Pattern: "*.tpl", Action: Reload},
	{Pattern: "*.jinja", Action: Reload}, {Pattern: "*.jinja2", Action: Reload}, {Pattern: "*.mako", Action: Reload},
	{Pattern: "*.pt", Action: Reload}, {Pattern: "*.md", Action: Reload},
	{Pattern: ".env", Action: Restart}, {Pattern: ".env.*", Action: Restart},
}

// ruleFor is the first rule that matches path; nil when none does.
func ruleFor(rules []Rule, root, path string) *Rule {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		rel = path
	}
	rel = filepath.ToSlash(rel)
	for i := range rules {
		if rules[i].matches(rel) {
			return &rules[i]
		}
	}
	return nil
}

// Check tells what is wrong with the pattern.
func (r *Rule) Check() error {
	if _, err := filepath.Match(strings.ReplaceAll(r.Pattern, "**", "*"), "x"); err != nil || r.Pattern == "" {
		return fmt.Errorf("dev: the pattern %q can not be read: give one such as *.css or web/**/*.html", r.Pattern)
	}
	return nil
}

func (r *Rule) matches(rel string) bool {
	if !strings.Contains(r.Pattern, "/") {
		ok, _ := filepath.Match(r.Pattern, filepath.Base(rel))
		return ok
	}
	return matchPath(strings.Split(strings.TrimPrefix(r.Pattern, "/"), "/"), strings.Split(rel, "/"))
}

// matchPath compares segment by segment.
func matchPath(pattern, path []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := range len(path) + 1 {
				if matchPath(pattern[1:], path[i:]) {
					return true
				}
			}
			return false
		}
		if len(path) == 0 {
			return false
		}
		if ok, _ := filepath.Match(pattern[0], path[0]); !ok {
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	return len(path) == 0
}
