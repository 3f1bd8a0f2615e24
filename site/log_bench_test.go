package site

import "testing"

func BenchmarkFormat(b *testing.B) {
	for name, format := range map[string]LogFormat{"combined": NewCombinedFormat(), "short": NewShortFormat(true), "json": NewJSONFormat()} {
		b.Run(name, func(b *testing.B) {
			e, buf := plainEntry(), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				buf = format(buf[:0], e)
			}
		})
	}
}

func BenchmarkCounters(b *testing.B) {
	var c Counters
	for b.Loop() {
		c.Begin()
		c.End(200, 0, 13, false)
	}
}
