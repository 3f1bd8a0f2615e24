package main

import (
	"fmt"
	"slices"
	"time"
)

// This file keeps the times, and prints them.

// table is the times of one suite, by what was done.
type table struct {
	title string
	rows  []string
	times map[string][]time.Duration
	keep  bool
}

func newTable(title string, rows ...string) *table {
	return &table{title: title, rows: rows, times: map[string][]time.Duration{}}
}

// begin begins a round; one for warmth is not kept.
func (t *table) begin(keep bool) { t.keep = keep }

// time runs f when all is quiet, and keeps how long it took.
func (t *table) time(row string, f func() error) error {
	time.Sleep(settle)
	began := time.Now()
	if err := f(); err != nil {
		return err
	}
	if t.keep {
		t.times[row] = append(t.times[row], time.Since(began))
	}
	return nil
}

// median is the middle of a row.
func (t *table) median(row string) time.Duration {
	sorted := slices.Sorted(slices.Values(t.times[row]))
	return sorted[len(sorted)/2]
}

func (t *table) print() {
	fmt.Printf("\n%s (ms, n = %d)\n%-24s %8s %8s %8s\n", t.title, len(t.times[t.rows[0]]), "", "median", "least", "most")
	for _, row := range t.rows {
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		fmt.Printf("%-24s %8.1f %8.1f %8.1f\n", row, ms(t.median(row)), ms(slices.Min(t.times[row])), ms(slices.Max(t.times[row])))
	}
}
