package dev

import (
	"slices"
	"strings"
	"testing"
)

// Lines come whole, however they come in pieces; one without end is cut.
func TestLineCutter(t *testing.T) {
	long := strings.Repeat("x", longestLine+10)
	for _, row := range []struct {
		in   []string
		want []string
	}{
		{[]string{"a\nb\r\n\nc"}, []string{"a", "b", ""}},
		{[]string{"a", "b", "\nc", "\n"}, []string{"ab", "c"}},
		{[]string{long + "\n"}, []string{long[:longestLine], long[longestLine:]}},
		{[]string{"y", long, "\nz\n"}, []string{"y" + long[1:longestLine], long[longestLine-1:], "z"}},
	} {
		var got []string
		var c lineCutter
		for _, piece := range row.in {
			c.add([]byte(piece), func(line string) { got = append(got, line) })
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%.40q: %.60q", row.in, got)
		}
	}
}
