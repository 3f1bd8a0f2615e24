package dev

import (
	"html"
	"strconv"
	"strings"
)

// This file makes HTML of what programs print for a terminal.

var ansiSequence = pattern{text: "\x1b(?:\\[([0-9;]*)([A-Za-z])|\\][^\x07\x1b]*(?:\x07|\x1b\\\\))"}

// stripANSI takes the sequences out.
func stripANSI(s string) string { return ansiSequence.get().ReplaceAllString(s, "") }

// ansiHTML escapes s, and makes its colours elements of the classes a1, a31 and so on.
func ansiHTML(s string) string {
	var b strings.Builder
	open := 0
	closeAll := func() {
		for ; open > 0; open-- {
			b.WriteString("</span>")
		}
	}
	for {
		m := ansiSequence.get().FindStringSubmatchIndex(s)
		if m == nil {
			b.WriteString(html.EscapeString(s))
			closeAll()
			return b.String()
		}
		b.WriteString(html.EscapeString(s[:m[0]]))
		if m[4] >= 0 && s[m[4]:m[5]] == "m" {
			for _, code := range strings.Split(s[m[2]:m[3]], ";") {
				n, _ := strconv.Atoi(code)
				switch {
				case n == 0 || n == 39:
					closeAll()
				case n == 1 || n >= 30 && n <= 37 || n >= 90 && n <= 97:
					b.WriteString(`<span class="a` + strconv.Itoa(n) + `">`)
					open++
				}
			}
		}
		s = s[m[1]:]
	}
}
