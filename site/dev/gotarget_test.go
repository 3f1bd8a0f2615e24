package dev

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"spindle/reactor"
)

// goTargetIn is a target that was made once, of a program in a directory of the test.
func goTargetIn(t *testing.T, r *reactor.Reactor) (*goTarget, string) {
	t.Helper()
	dir, b := module(t, r, map[string]string{"go.mod": "module demo\n\ngo 1.26\n", "main.go": helloMain})
	g := &goTarget{s: &Supervisor{loop: r}, builder: b, dir: dir, stale: true, touched: map[string]bool{}}
	if _, err := result(t, r, g.make); err != nil {
		t.Fatal(err)
	}
	return g, dir
}

// What the program depends on is asked again when what the go command reads of a file has changed,
// and then alone; what was edited before a build that was given up counts, too.
func TestGoTargetAsksAgain(t *testing.T) {
	r := loop(t)
	g, dir := goTargetIn(t, r)
	main := filepath.Join(dir, "main.go")
	edited := func(text string) {
		if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		on(t, r, func() { g.changed([]Change{{Path: main}}) })
	}
	made := func() (again bool) {
		t.Helper()
		was := g.builder.deps
		if _, err := result(t, r, g.make); err != nil {
			t.Fatal(err)
		}
		return g.builder.deps != was
	}
	edited("package main\n\nfunc main() { println(\"TWO\") }\n")
	if made() {
		t.Error("another body has go list asked")
	}
	edited("package main\n\nimport _ \"strings\"\n\nfunc main() { println(\"TWO\") }\n")
	var err error
	on(t, r, func() {
		g.make().Then(nil, func(e error) { err = e })
		g.cancel()
		edit := g.edited
		g.cancel()
		if len(edit) == 0 {
			t.Error("what was edited is forgotten")
		}
	})
	if !made() {
		t.Error("another import does not")
	}
	if !errors.Is(err, errGivenUp) {
		t.Errorf("a make that was given up: %v", err)
	}
	if made() {
		t.Error("nothing has changed")
	}
}

// What is edited while a thread looks at what was edited before is looked at, too.
func TestGoTargetEditedMeanwhile(t *testing.T) {
	r := loop(t)
	g, dir := goTargetIn(t, r)
	main, meanwhile := filepath.Join(dir, "main.go"), filepath.Join(dir, "meanwhile.go")
	_, err := result(t, r, func() *reactor.Deferred[starter] {
		g.changed([]Change{{Path: main}})
		d := g.make()
		g.changed([]Change{{Path: meanwhile}})
		return d
	})
	if err != nil {
		t.Fatal(err)
	}
	on(t, r, func() {
		if !slices.Equal(g.edited, []string{meanwhile}) {
			t.Errorf("left to look at: %q", g.edited)
		}
	})
}
