package main

import (
	"math"
	"slices"
)

// quartiles are the values below which a quarter, half and three quarters of xs
// are, between two neighbours where that is so.
func quartiles(xs []float64) (q1, median, q3 float64) {
	if len(xs) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	s := slices.Sorted(slices.Values(xs))
	at := func(q float64) float64 {
		pos := q * float64(len(s)-1)
		i := int(pos)
		if i+1 == len(s) {
			return s[i]
		}
		return s[i] + (pos-float64(i))*(s[i+1]-s[i])
	}
	return at(.25), at(.5), at(.75)
}

func median(xs []float64) float64 {
	_, m, _ := quartiles(xs)
	return m
}

// cell is one server in one workload.
type cell struct {
	Server string  `json:"server"`
	Value  float64 `json:"value"` // what the workload measures: the median
	Q1     float64 `json:"q1"`
	Q3     float64 `json:"q3"`

	CPU       float64 `json:"cpu_us,omitempty"` // for one request
	PerSecond float64 `json:"requests_per_second,omitempty"`
	P50       float64 `json:"p50_us,omitempty"`
	P99       float64 `json:"p99_us,omitempty"`
	RSS       int64   `json:"rss_bytes,omitempty"` // with the idle connections

	Goroutines *float64 `json:"goroutines,omitempty"` // for each idle connection; nil: not known

	Windows int    `json:"windows,omitempty"`
	Noisy   int    `json:"noisy,omitempty"` // windows with foreign CPU
	Absent  string `json:"absent,omitempty"`
}

// result is one workload.
type result struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Measure string `json:"measure"`
	Client  string `json:"client"`
	Bar     bar    `json:"bar"`
	Cells   []cell `json:"servers"`
	kind    kind

	Reference string `json:"reference"` // the server that others are divided by
}

func (r *result) cell(server string) (cell, bool) {
	for _, c := range r.Cells {
		if c.Server == server && c.Absent == "" {
			return c, true
		}
	}
	return cell{}, false
}

// verdict is how spindle stands against the bar.
type verdict int

const (
	unknown verdict = iota // spindle, or all it is measured against, is absent
	pass
	miss
)

func (v verdict) String() string { return [...]string{"—", "pass", "MISS"}[v] }

// limit is the greatest value that passes; ok is false when there is none.
func (r *result) limit() (value float64, ok bool) {
	if r.Bar.Max > 0 {
		return r.Bar.Max, true
	}
	value = math.Inf(1)
	for _, peer := range r.Bar.Peers {
		if c, there := r.cell(peer); there {
			value, ok = min(value, c.Value), true
		}
	}
	return value, ok
}

// few is how many goroutines for each connection are none: those of a pool.
const few = .01

// verdict compares medians as they are printed, to two places: a difference
// below that is none.
func (r *result) verdict() verdict {
	c, there := r.cell(ours)
	limit, ok := r.limit()
	switch {
	case !there || !ok:
		return unknown
	case r.Bar.NoGoroutine && (c.Goroutines == nil || *c.Goroutines > few):
		return miss
	case math.Round(c.Value*100) <= math.Round(limit*100):
		return pass
	default:
		return miss
	}
}
