package word

import "testing"

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name  string
		marks func(x uint64) uint64
		is    func(b byte) bool
	}{
		{"below ' '", func(x uint64) uint64 { return Below(x, ' ') }, func(b byte) bool { return b < ' ' }},
		{"below 0x80", func(x uint64) uint64 { return Below(x, 0x80) }, func(b byte) bool { return b < 0x80 }},
		{"below 1", func(x uint64) uint64 { return Below(x, 1) }, func(b byte) bool { return b == 0 }},
		{"equal '/'", func(x uint64) uint64 { return Equal(x, '/') }, func(b byte) bool { return b == '/' }},
		{"equal 0", func(x uint64) uint64 { return Equal(x, 0) }, func(b byte) bool { return b == 0 }},
		{"equal 0xff", func(x uint64) uint64 { return Equal(x, 0xff) }, func(b byte) bool { return b == 0xff }},
		{"controls", Controls, func(b byte) bool { return b < ' ' || b == 0x7f }},
	} {
		for v := range 256 {
			for other := 0; other < 256; other += 5 {
				for at := range 8 {
					b := [8]byte{}
					for i := range b {
						b[i] = byte(other)
					}
					b[at] = byte(v)
					want := 0
					for want < 8 && !c.is(b[want]) {
						want++
					}
					if got := First(c.marks(Load(b[:]))); got != want {
						t.Fatalf("%s: the first of % x is %d, not %d", c.name, b, got, want)
					}
				}
			}
		}
	}
}
