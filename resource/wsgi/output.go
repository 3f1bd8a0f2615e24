package wsgi

import "bytes"

// This file cuts what a worker prints into lines, and keeps the end of it.

const (
	maxLine  = 8 << 10 // longer ones are cut
	maxWords = 8 << 10 // of the standard error that is kept
)

// output is what a worker prints.
type output struct {
	out, err lines
	words    []byte // the end of err
}

// keep adds to the last words.
func (o *output) keep(data []byte) {
	if len(data) > maxWords {
		data = data[len(data)-maxWords:]
	}
	if over := len(o.words) + len(data) - maxWords; over > 0 {
		o.words = append(o.words[:0], o.words[over:]...)
	}
	o.words = append(o.words, data...)
}

// lastWords is the end of the standard error, from the beginning of a line.
func (o *output) lastWords() string {
	words := o.words
	if len(words) >= maxWords {
		if _, rest, ok := bytes.Cut(words, []byte{'\n'}); ok {
			words = rest
		}
	}
	return string(bytes.TrimSpace(bytes.ToValidUTF8(words, []byte("?"))))
}

// flush tells of lines that have no end.
func (o *output) flush(tell func(line []byte)) {
	for _, l := range [...]*lines{&o.out, &o.err} {
		if len(l.rest) > 0 {
			tell(l.rest)
			l.rest = nil
		}
	}
}

// lines is one stream.
type lines struct{ rest []byte }

// take tells of each line that is whole now.
func (l *lines) take(data []byte, tell func(line []byte)) {
	for {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		if !ended && len(l.rest)+len(line) < maxLine {
			l.rest = append(l.rest, line...)
			return
		}
		if len(l.rest) > 0 {
			room := max(maxLine-len(l.rest), 0)
			l.rest = append(l.rest, line[:min(room, len(line))]...)
			if !ended {
				rest = line[min(room, len(line)):]
			}
			line = l.rest
		} else if len(line) > maxLine {
			if !ended {
				rest = line[maxLine:]
			}
			line = line[:maxLine]
		}
		tell(bytes.TrimSuffix(line, []byte{'\r'}))
		l.rest = l.rest[:0]
		data = rest
		if len(data) == 0 {
			return
		}
	}
}
