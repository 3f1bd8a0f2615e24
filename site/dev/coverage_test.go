package dev

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseCoverage(t *testing.T) {
	text := `mode: atomic
example.org/shop/cart.go:3.20,5.2 2 7
example.org/shop/cart.go:5.10,9.3 1 0
example.org/shop/cart.go:11.1,12.2 1 0
example.org/shop/db/db.go:1.1,2.2 4 1
example.org/shop/zz_spindle_dev/report/report.go:1.1,2.2 9 0
example.net/other/x.go:1.1,2.2 9 0
no line of it
`
	list := parseCoverage([]byte(text), map[string]string{"example.org/shop": "/src/shop", "example.org/shop/db": "/src/shop/db"}, "/src/shop")
	if len(list) != 2 {
		t.Fatalf("%d files", len(list))
	}
	cart, db := list[0], list[1]
	if cart.Name != "cart.go" || cart.Path != "/src/shop/cart.go" || cart.Ran != 2 || cart.All != 4 || db.Name != "db/db.go" || share(db.Ran, db.All) != 100 {
		t.Errorf("%+v, %+v", cart, db)
	}
	var classes []string
	for line := range 13 {
		classes = append(classes, cart.class(line))
	}
	if want := []string{"", "", "", "ran", "ran", "partly", "idle", "idle", "idle", "idle", "", "idle", "idle"}; !slices.Equal(classes, want) {
		t.Errorf("%q", classes)
	}
	if share(0, 0) != 100 || share(1, 3) != 33 {
		t.Error("shares are wrong")
	}
}

// TestCoverPages: each form, with what somebody has named escaped.
func TestCoverPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.go")
	if err := os.WriteFile(path, []byte("one\n\tif a < b {\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fileCover{Name: "<a>.go", Path: path, Ran: 1, All: 2, blocks: []coverBlock{{first: 2, last: 2, statements: 1, ran: true}}}
	source, err := coverSource(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		text  string
		wants []string
	}{
		{string(coverText([]*fileCover{f})), []string{" 50%  1 of 2  <a>.go\n"}},
		{string(coverList([]*fileCover{f}, "token")), []string{"50 % of the statements", `?file=%3Ca%3E.go"><code>&lt;a&gt;.go</code>`, `data-token="token"`}},
		{string(source), []string{`<span class="line "><i>1</i>one</span>`, `<span class="line ran"><i>2</i>    if a &lt; b {</span>`}},
		{string(coverNone(errNoCover)), []string{"spindle dev --cover does that"}},
	} {
		for _, want := range row.wants {
			if !strings.Contains(row.text, want) {
				t.Errorf("no %q in %s", want, row.text)
			}
		}
	}
	m := supervised(t)
	if text := m.get(Prefix + "coverage"); !strings.Contains(text, "--cover") {
		t.Errorf("%q", text)
	}
	if x := m.ask("POST", Prefix+"coverage"); x.Status != 403 {
		t.Errorf("status %d", x.Status)
	}
}

// TestCoverScript: the cover tool is given files where they are, other tools what they were
// given.
func TestCoverScript(t *testing.T) {
	dir := t.TempDir()
	overlay := filepath.Join(dir, "overlay.json")
	files := map[string]string{"/it's/a.go": "package a\n", "/b.go": "package b\n"}
	if err := placeWitness(dir, overlay, files); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"cover", "compile"} {
		path := filepath.Join(dir, tool)
		if err := os.WriteFile(path, []byte("#!/bin/sh\nprintf '%s|' \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(coverTool(overlay), path, "-o", "a b", "/it's/a.go", "/c.go", "/b.go", "").CombinedOutput()
		want := "-o|a b|" + dir + "/2.go|/c.go|" + dir + "/1.go||"
		if tool != "cover" {
			want = "-o|a b|/it's/a.go|/c.go|/b.go||"
		}
		if err != nil || string(out) != want {
			t.Errorf("%s: %q, want %q (%v)", tool, out, want, err)
		}
	}
	b := &goBuilder{witness: witness{overlay: overlay}, flags: []string{"-cover"}}
	if want := `-toolexec="` + coverTool(overlay) + `"`; !slices.Contains(b.buildFlags(), want) {
		t.Errorf("no %s in %q", want, b.buildFlags())
	}
	if b.flags = nil; slices.ContainsFunc(b.buildFlags(), func(f string) bool { return strings.HasPrefix(f, "-toolexec") }) {
		t.Error("it is given where nothing is counted")
	}
}
