package wsgi

import "bytes"

// This file cuts what a worker prints into lines, and keeps the end of it.

const (
	maxLine  = 8 << 10 // longer ones are cut in pieces
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
	for len(data) > 0 {
		room := maxLine - len(l.rest)
		end := bytes.IndexByte(data, '\n')
		switch {
		case end >= 0 && end <= room:
			l.tell(data[:end], tell)
			data = data[end+1:]
		case len(data) > room:
			l.tell(data[:room], tell)
			data = data[room:]
		default:
			l.rest = append(l.rest, data...)
			return
		}
	}
}

// tell tells of rest with end behind it.
func (l *lines) tell(end []byte, tell func(line []byte)) {
	line := end
	if len(l.rest) > 0 {
		l.rest = append(l.rest, end...)
		line = l.rest
	}
	tell(bytes.TrimSuffix(line, []byte{'\r'}))
	l.rest = l.rest[:0]
}
