package gateway

import "bytes"

// Lines cuts what a program says of its troubles into lines for the log. A line that is
// longer than 4 KiB is cut into several. The zero value, with Line set, is ready.
type Lines struct {
	Line func(line string)
	kept []byte
}

const maxLine = 4 << 10

// Write takes a piece.
func (l *Lines) Write(p []byte) {
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		if n := maxLine - len(l.kept); len(line) > n {
			line, rest, whole = p[:n], p[n:], true
		}
		l.kept = append(l.kept, line...)
		p = rest
		if whole {
			l.End()
		}
	}
}

// End tells what is left, as at the end of the program.
func (l *Lines) End() {
	line := bytes.TrimRight(l.kept, "\r\n")
	l.kept = l.kept[:0]
	if len(line) > 0 {
		l.Line(string(line))
	}
}
