package main

import "testing"

// What a program prints can not do harm to the terminal.
func TestShownText(t *testing.T) {
	for _, row := range []struct{ in, colour, plain string }{
		{"plain\ttext", "plain\ttext", "plain\ttext"},
		{"\x1b[1;31mred\x1b[0m!", "\x1b[1;31mred\x1b[0m!\x1b[0m", "red!"},
		{"\x1b[2J\x1b[Hcleared", "cleared", "cleared"},
		{"\x1b]0;title\x07named", "named", "named"},
		{"\x1b]0;title\x1b\\named", "named", "named"},
		{"\x1b]0;unended", "", ""},
		{"\x1bPq#0\x1b\\sixel", "sixel", "sixel"},
		{"\x1bc\x1b(0reset", "reset", "reset"},
		{"a\bb\rc\x07d\x7f\u009b2J", "abcd2J", "abcd2J"},
		{"\x1b[31mred \x1b", "\x1b[31mred \x1b[0m", "red "},
	} {
		if got := (&devTerminal{colour: true}).shownText(row.in); got != row.colour {
			t.Errorf("%q: %q in colour", row.in, got)
		}
		if got := (&devTerminal{}).shownText(row.in); got != row.plain {
			t.Errorf("%q: %q", row.in, got)
		}
	}
}
