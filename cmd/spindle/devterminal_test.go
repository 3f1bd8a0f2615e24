package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skip2/go-qrcode"

	"spindle/reactor/reactortest"
	"spindle/site"
	"spindle/site/dev"
)

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

// A page that asks for the same again and again is one line on a terminal, and all of them in
// a file.
func TestRequestsAreFolded(t *testing.T) {
	for _, row := range []struct {
		colour bool
		lines  int
		has    string
	}{{true, 5, "×2"}, {false, 7, ""}} {
		var shown bytes.Buffer
		terminal := &devTerminal{out: &terminalOut{w: &shown, clock: reactortest.NewClock()}, colour: row.colour, format: site.NewShortFormat(false)}
		for i, e := range []site.Entry{
			{Target: []byte("/poll"), Status: 200}, {Target: []byte("/poll"), Status: 200}, {Target: []byte("/poll"), Status: 500},
			{Target: []byte("/other"), Status: 200}, {Target: []byte("/other"), Status: 200, Duration: 2 * time.Second},
			{Target: []byte("/other"), Status: 200}, {Target: []byte("/other"), Status: 200},
		} {
			e.Method, e.Duration = "GET", e.Duration+time.Duration(i)*time.Millisecond
			terminal.request(&e)
		}
		terminal.out.flush()
		text := shown.String()
		lines := strings.Count(text, "\n") - strings.Count(text, "\x1b[1A")
		if lines != row.lines {
			t.Errorf("%d lines, want %d: %q", lines, row.lines, text)
		}
		if !strings.Contains(text, row.has) || !strings.Contains(text, "slow") {
			t.Errorf("%q", text)
		}
	}
}

// A build that goes on is one line on a terminal, which what comes next takes the place of, and
// a few lines in a file.
func TestBuildGoesOn(t *testing.T) {
	for _, row := range []struct {
		colour bool
		want   string
	}{
		{false, "00:00:05 building, 5 s: 5 packages compiled\n00:00:10 building, 10 s: 10 packages compiled\n00:00:12 built in 12.0 s\n"},
		{true, "00:00:12 built in 12.0 s\n"},
	} {
		var shown bytes.Buffer
		terminal := &devTerminal{d: &devServer{config: &devConfig{}}, out: &terminalOut{w: &shown, clock: reactortest.NewClock()}, colour: row.colour}
		for s := range 13 {
			took := time.Duration(s) * time.Second
			e := dev.Event{Time: time.Time{}.Add(took), Took: took, Kind: dev.EventBuilding, Text: fmt.Sprintf("%d packages compiled", s)}
			switch s {
			case 0:
				e.Kind = dev.EventBuild
			case 12:
				e.Kind = dev.EventBuilt
			}
			terminal.show(e)
		}
		terminal.out.flush()
		var left []string // of lines that were taken back
		for line := range strings.Lines(shown.String()) {
			for strings.HasPrefix(line, "\x1b[1A\x1b[2K") {
				line = line[len("\x1b[1A\x1b[2K"):]
				left = left[:len(left)-1]
			}
			left = append(left, escapes().ReplaceAllString(line, ""))
		}
		if got := strings.Join(left, ""); got != row.want {
			t.Errorf("colour %v: %q", row.colour, got)
		}
	}
}

// TestNothingIsFoldedWhileTyping: what is typed stands between the lines.
func TestNothingIsFoldedWhileTyping(t *testing.T) {
	var shown bytes.Buffer
	terminal := &devTerminal{out: &terminalOut{w: &shown, clock: reactortest.NewClock()}, colour: true, reader: &keyReader{}}
	for _, typing := range []bool{false, false, true, true, false, false} {
		terminal.reader.typing.Store(typing)
		terminal.line(reactortest.Start, "(Pdb)")
	}
	terminal.out.flush()
	if n := strings.Count(shown.String(), "\x1b[1A"); n != 2+1 { // of the first two, and of what came when it was over
		t.Errorf("%d lines taken back: %q", n, shown.String())
	}
}

// TestDrawn reads a QR code as a phone does, on terminals of any colour.
func TestDrawn(t *testing.T) {
	const url = "http://192.0.2.7:8080/"
	code, err := qrcode.New(url, qrcode.Low)
	if err != nil {
		t.Fatal(err)
	}
	want := code.Bitmap()
	text, err := (&devTerminal{colour: true}).drawn(url)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for y, row := range want {
		line, begins := strings.CutPrefix(lines[y/2], "\x1b[38;5;231;48;5;16m")
		line, ends := strings.CutSuffix(line, "\x1b[0m")
		if !begins || !ends {
			t.Fatalf("line %d has no colour of its own: %q", y/2, lines[y/2])
		}
		for x, dark := range row {
			halves := map[rune][2]bool{'█': {true, true}, '▀': {true, false}, '▄': {false, true}, ' ': {false, false}}
			if white := halves[[]rune(line)[x]][y%2]; white == dark {
				t.Fatalf("row %d, column %d: white %v, dark %v", y, x, white, dark)
			}
		}
	}
}
