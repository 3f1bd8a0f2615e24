package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What nobody has used for long is removed, unless somebody uses it, and nothing else is.
func TestSweepUnused(t *testing.T) {
	base, now := t.TempDir(), time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	old, young := now.Add(-keptUnused-time.Hour), now.Add(-keptUnused+time.Hour)
	rows := []struct {
		name          string
		file, dir     time.Time
		held, removed bool
	}{
		{name: "0123456789abcdef", file: old, dir: old, removed: true},
		{name: "0123456789abcde0", file: young, dir: old},
		{name: "0123456789abcde1", file: old, dir: young},
		{name: "0123456789abcde2", file: old, dir: old, held: true},
		{name: "witness/0123456789abcdef01234567", file: old, dir: old, removed: true},
		{name: "witness/0123456789abcdef01234568", file: young, dir: old},
		{name: "witness/0123456789abcdef01234569", file: old, dir: old, held: true},
		{name: "somebody's", file: old, dir: old},
	}
	for _, row := range rows {
		dir := filepath.Join(base, row.name)
		held, err := holdDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if row.held {
			defer held.Close()
		} else if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "x")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for path, at := range map[string]time.Time{file: row.file, dir: row.dir} {
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	sweepUnused(base, now)
	for _, row := range rows {
		if _, err := os.Stat(filepath.Join(base, row.name, "x")); os.IsNotExist(err) != row.removed {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

// The newest programs stay, whatever runs, and nothing of processes that have ended.
func TestPrune(t *testing.T) {
	b := &goBuilder{cache: t.TempDir()}
	var names []string
	for i := range keptBuilds + 3 {
		names = append(names, fmt.Sprintf("%02d", i), fmt.Sprintf("%02d%s", i, apartSuffix))
	}
	ended := 1 << 30 // no process has that number
	gone := []string{fmt.Sprintf("%s%d.1", newProgram, ended), fmt.Sprintf("%s%d.1%s", newProgram, ended, apartSuffix)}
	mine := fmt.Sprintf("%s%d.1", newProgram, os.Getpid())
	for i, name := range append(slices.Clone(names), append(gone, mine)...) {
		path, at := filepath.Join(b.cache, name), time.Unix(int64(i), 0)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	left := b.runs.add("00")
	b.prune(b.runs)
	has := func(name string) bool { return there(filepath.Join(b.cache, name)) }
	for name, want := range map[string]bool{"00": true, "00" + apartSuffix: true, "01": false, "02": false, "03": false, "10": true, "03" + apartSuffix: true,
		gone[0]: false, gone[1]: false, mine: true} {
		if has(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	left()
	b.prune(b.runs)
	if has("00") || has("00"+apartSuffix) || !has("10") {
		t.Error("the programs that have ended are kept")
	}
}
