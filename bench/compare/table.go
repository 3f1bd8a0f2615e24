package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// printTable prints one workload for people.
func printTable(out io.Writer, r *result) {
	fmt.Fprintf(out, "\n%s: %s\n  %s; client: %s; bar: %s\n", r.ID, r.Title, r.Measure, r.Client, r.barText())
	rows := [][]string{r.heading()}
	for _, c := range r.Cells {
		if c.Absent == "" {
			rows = append(rows, r.row(c))
		}
	}
	writeColumns(out, rows)
	for _, c := range r.Cells {
		if c.Absent != "" {
			fmt.Fprintf(out, "  not measured: %s: %s\n", c.Server, firstLine(c.Absent))
		}
	}
}

func (r *result) heading() []string {
	switch r.kind {
	case idleMemory:
		return []string{"", "bytes each", "RSS in all", "goroutines each", ""}
	case idleOpen:
		return []string{"", "ratio", "quartiles", "µs/request", "requests/s", "p50", "p99", ""}
	default:
		return []string{"", "× " + r.Reference, "quartiles", "µs/request", "requests/s", "p50", "p99", ""}
	}
}

func (r *result) row(c cell) []string {
	remark := ""
	if c.Server == ours {
		remark = r.verdict().String()
	}
	if c.Noisy > 0 {
		remark = strings.TrimSpace(fmt.Sprintf("%s (%d of %d windows noisy)", remark, c.Noisy, c.Windows))
	}
	if r.kind == idleMemory {
		return []string{c.Server, fmt.Sprintf("%.0f", c.Value), fmt.Sprintf("%.1f MiB", float64(c.RSS)/(1<<20)), c.goroutines(), remark}
	}
	return []string{c.Server, fmt.Sprintf("%.2f", c.Value), fmt.Sprintf("%.2f–%.2f", c.Q1, c.Q3),
		fmt.Sprintf("%.2f", c.CPU), fmt.Sprintf("%.0f", c.PerSecond), latency(c.P50), latency(c.P99), remark}
}

// barText says what spindle has to reach.
func (r *result) barText() string {
	switch {
	case r.Bar.NoGoroutine:
		return fmt.Sprintf("≤ %.0f, no goroutine", r.Bar.Max)
	case r.kind == idleMemory:
		return fmt.Sprintf("≤ %.0f", r.Bar.Max)
	case r.Bar.Max > 0:
		return fmt.Sprintf("≤ %.2f", r.Bar.Max)
	default:
		return "≤ " + strings.Join(r.Bar.Peers, " and ")
	}
}

// goroutines is how many there are for an idle connection, where that was asked.
func (c cell) goroutines() string {
	if c.Goroutines == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", *c.Goroutines)
}

// latency is a time in microseconds as it reads best.
func latency(us float64) string {
	switch {
	case us <= 0 || math.IsNaN(us):
		return ""
	case us < 1000:
		return fmt.Sprintf("%.0f µs", us)
	default:
		return fmt.Sprintf("%.2f ms", us/1e3)
	}
}

// writeColumns aligns the first column left and the others right.
func writeColumns(out io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, s := range row {
			width[i] = max(width[i], utf8.RuneCountInString(s))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, s := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(s))
			if i == 0 || i == len(row)-1 {
				b.WriteString("  " + s + pad)
			} else {
				b.WriteString("  " + pad + s)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
	}
}

// printSummary lists the bars.
func printSummary(out io.Writer, results []*result) {
	rows := [][]string{{"workload", "bar", ours, ""}}
	for _, r := range results {
		value := "—"
		if c, there := r.cell(ours); there {
			value = r.format(c.Value)
		}
		rows = append(rows, []string{r.ID, r.barText(), value, r.verdict().String()})
	}
	fmt.Fprintln(out, "\nThe bars")
	writeColumns(out, rows)
}

// format writes a value as this workload's unit wants it.
func (r *result) format(v float64) string {
	if r.kind == idleMemory {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
