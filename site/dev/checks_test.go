package dev

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource/resourcetest"
)

// What linters print has places, if the files are there.
func TestParseLintOutput(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"app.py", "main.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app, main := filepath.Join(dir, "app.py"), filepath.Join(dir, "main.go")
	for _, row := range []struct {
		out  string
		want []Fault
	}{
		{"app.py:1:8: F401 'os' imported but unused\nFound 1 error.\n", []Fault{{File: app, Line: 1, Column: 8, Message: "F401 'os' imported but unused"}}},
		{"app.py:3: error: Name \"x\" is not defined  [name-defined]\n", []Fault{{File: app, Line: 3, Message: "error: Name \"x\" is not defined  [name-defined]"}}},
		{"\x1b[1mF401\x1b[0m [*] `os` imported but unused\n --> app.py:1:8\n  |\n1 | import os\n", []Fault{{File: app, Line: 1, Column: 8, Message: "F401 [*] `os` imported but unused"}}},
		{"--- FAIL: TestX (0.00s)\n    main.go:7: no\nFAIL\n", []Fault{{File: main, Line: 7, Message: "no"}}},
		{main + ":2:5: this value of err is never used (SA4006)\n", []Fault{{File: main, Line: 2, Column: 5, Message: "this value of err is never used (SA4006)"}}},
		{"none.py:1:1: E1\nhttp://127.0.0.1:80 is down\n", nil},
	} {
		if got := parseLintOutput(row.out, dir); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q: %+v", row.out, got)
		}
	}
}

// A report of the race detector is found among other lines, with the places of both accesses.
func TestRaceReports(t *testing.T) {
	const printed = `starting
==================
WARNING: DATA RACE
Read at 0x00c000014148 by goroutine 9:
  main.add()
      /app/main.go:21 +0x35
  net/http.HandlerFunc.ServeHTTP()
      /usr/local/go/src/net/http/server.go:2322 +0x47

Previous write at 0x00c000014148 by goroutine 8:
  fmt.Fprint()
      /usr/local/go/src/fmt/print.go:1 +0x4b
  main.add()
      /app/add.go:22 +0x4b

Goroutine 9 (running) created at:
  main.main()
      /app/main.go:30 +0x2f0
==================
more
`
	var r raceReader
	var reports [][]string
	for line := range strings.Lines(printed + "==================\n" + printed) {
		if report := r.line(strings.TrimSuffix(line, "\n")); report != nil {
			reports = append(reports, report)
		}
	}
	if len(reports) != 2 || len(reports[0]) != 16 {
		t.Fatalf("%d reports: %q", len(reports), reports)
	}
	f := raceFailure(reports[0], "/app")
	if len(f.Faults) != 2 || f.Faults[0].File != "/app/main.go" || f.Faults[0].Line != 21 || f.Faults[0].Message != "read by one of them" ||
		f.Faults[1].File != "/app/add.go" || f.Faults[1].Line != 22 || f.Faults[1].Mend == "" || !strings.Contains(f.Output, "created at") {
		t.Errorf("%+v", f)
	}
	m := supervised(t)
	m.f.dir = "/app"
	m.told = nil
	for range 3 {
		m.s.raced(reports[0])
	}
	m.s.raced([]string{"Read at 0x1 by goroutine 2:", "  main.f()", "      /app/other.go:3 +0x1"})
	if found := m.s.checks.found[raceName]; len(m.told) != 2 || len(found.Faults) != 3 {
		t.Errorf("%d events, %+v", len(m.told), found)
	}
}

// What a check finds is told, is in pages until it is gone, and is no failure of the program.
func TestChecksFound(t *testing.T) {
	m := supervised(t)
	var told []Event
	m.s.Listen(func(e Event) {
		if e.Kind == EventCommand || e.Kind == EventNotice {
			told = append(told, e)
		}
	})
	get := func() *resourcetest.Exchange {
		x := m.ask("GET", Prefix+"checked")
		x.Wait()
		return x
	}
	if got := get(); got.Status != 204 {
		t.Errorf("status %d with nothing found", got.Status)
	}
	m.s.checks.settle("lint", "exit status 1", &Failure{Stage: "check", Title: "lint finds <fault>", Output: "x"})
	m.s.checks.notice("lint", []string{"3 migrations wait"})
	m.s.checks.notice("lint", []string{"3 migrations wait"})
	if got := get(); got.Status != 200 || !strings.Contains(string(got.Body), "lint finds &lt;fault&gt;") || !strings.Contains(string(got.Body), "when it is mended") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if m.s.Failure() != nil || m.s.checks.title() != "lint finds <fault>" {
		t.Errorf("%v %q", m.s.Failure(), m.s.checks.title())
	}
	m.s.checks.settle("lint", "exit status 0", nil)
	if got := get(); got.Status != 204 || m.s.checks.title() != "" {
		t.Errorf("status %d, %q", got.Status, m.s.checks.title())
	}
	if len(told) != 3 || told[0].Failure == nil || told[1].Text != "3 migrations wait" || told[2].Failure != nil {
		t.Errorf("%+v", told)
	}
}

// A command is run at the start and again when what it asks for has changed; what it was
// doing is given up.
func TestChecksRun(t *testing.T) {
	dir := t.TempDir()
	r := reactor.New()
	s := &Supervisor{loop: r, base: t.TempDir(), commands: map[string]*command{}, opts: Options{Lint: "echo $LINTED; test -e fine || { echo 'x.go:1:2: wrong'; exit 1; }"}, target: &fake{dir: dir}}
	s.opts.Checks = []Check{{Name: "other", Run: []string{"/bin/echo", "it"}, When: func(path string) bool { return path == "/x" },
		Judge: func(out, _ string, ok bool) (*Failure, []string) { return nil, []string{out} }}}
	s.begin()
	if err := os.WriteFile(filepath.Join(dir, "x.go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var told []Event
	s.Listen(func(e Event) {
		if e.Kind != EventCommand && e.Kind != EventNotice {
			return
		}
		told = append(told, e)
		switch len(told) {
		case 3: // lint, other and its notice
			if err := os.WriteFile(filepath.Join(dir, "fine"), nil, 0o644); err != nil {
				t.Error(err)
			}
			s.checks.changed([]Change{{Path: "/y"}})
			s.checks.saved()
			s.checks.saved() // gives the first up
		case 4:
			s.checks.changed([]Change{{Path: "/x"}})
		case 5:
			r.Stop()
		}
	})
	r.CallWhenRunning(s.checks.start)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	byName := map[string][]Event{}
	for _, e := range told {
		byName[e.Name] = append(byName[e.Name], e)
	}
	lint := byName[cut(s.opts.Lint, 40)]
	if len(lint) != 2 || lint[0].Failure == nil || len(lint[0].Failure.Faults) != 1 || lint[0].Failure.Faults[0].Message != "wrong" || lint[1].Failure != nil {
		t.Errorf("lint: %+v", lint)
	}
	if len(byName["other"]) != 2 || len(byName[""]) != 1 {
		t.Errorf("%+v", byName)
	}
}
