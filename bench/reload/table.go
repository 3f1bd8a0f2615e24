package main

import (
	"errors"
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
	lost  map[string]int // saves that nothing came of
	keep  bool
}

func newTable(title string, rows ...string) *table {
	return &table{title: title, rows: rows, times: map[string][]time.Duration{}, lost: map[string]int{}}
}

// begin begins a round; one for warmth is not kept.
func (t *table) begin(keep bool) { t.keep = keep }

// mostLost is how often a save is done again.
const mostLost = 3

// time runs f when all is quiet, and keeps how long it took. A save that nothing comes of is
// counted, and done again.
func (t *table) time(row string, f func() error) error {
	for range mostLost {
		time.Sleep(settle)
		began := time.Now()
		err := f()
		var lost *lostError
		if errors.As(err, &lost) {
			t.lost[row]++
			continue
		}
		if err == nil && t.keep {
			t.times[row] = append(t.times[row], time.Since(began))
		}
		return err
	}
	return f()
}

// untimed is time for what is no matter of the table.
func (t *table) untimed(row string, f func() error) error {
	was := t.keep
	t.keep = false
	err := t.time(row, f)
	t.keep = was
	return err
}

// median is the middle of a row.
func (t *table) median(row string) time.Duration {
	sorted := slices.Sorted(slices.Values(t.times[row]))
	return sorted[len(sorted)/2]
}

func (t *table) print() {
	fmt.Printf("\n%s (ms, n = %d)\n%-24s %8s %8s %8s %8s\n", t.title, len(t.times[t.rows[0]]), "", "median", "least", "most", "lost")
	for _, row := range t.rows {
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		fmt.Printf("%-24s %8.1f %8.1f %8.1f %8d\n", row, ms(t.median(row)), ms(slices.Min(t.times[row])), ms(slices.Max(t.times[row])), t.lost[row])
	}
}
