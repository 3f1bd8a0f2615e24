package http1

import (
	"bytes"

	"spindle/protocol"
)

// This file reads and writes the chunked coding (RFC 9112 §7.1).

// chunked reads content in the chunked coding. Its state is a method: each takes
// what it can from the front of in, and returns how many bytes it took, and the
// content among them. The zero value is not ready; see reset.
type chunked struct {
	state func(d *chunked, in []byte) (n int, data []byte, err *protocol.Error)
	left  int64  // bytes of the chunk in hand
	waste int64  // bytes of chunk lines in excess of what content justifies
	line  []byte // the part that has come of a line that was cut
	lines int    // bytes of the trailer lines so far

	trailers protocol.Fields
	count    int  // trailer fields, also those that are dropped
	done     bool // the content is complete

	maxLine, maxTrailers, maxFields int
	next                            *chunked // in the factory's list of those not in use
}

// The waste that content may have: a line for each chunk that is about as long
// as the chunk, and this many bytes beyond.
const maxWaste = 16 << 10

// reset makes d ready for a content.
func (d *chunked) reset(s *Settings) {
	*d = chunked{
		line:        d.line[:0],
		maxLine:     s.MaxChunkLineBytes,
		maxTrailers: s.MaxTrailerBytes,
		maxFields:   s.MaxFields,
		state:       (*chunked).readSize,
	}
}

// read takes n bytes of in, at least one, and returns the content among them, a
// part of in. When d.done is set the content is complete and n is where it ends.
func (d *chunked) read(in []byte) (n int, data []byte, err *protocol.Error) {
	return d.state(d, in)
}

// readSize reads the line in front of a chunk.
func (d *chunked) readSize(in []byte) (int, []byte, *protocol.Error) {
	n, line, err := d.cutLine(in, d.maxLine, errChunkLine)
	if line == nil || err != nil {
		return n, nil, err
	}
	size, rest, err := parseSize(line)
	if err == nil {
		err = checkExtensions(rest)
	}
	if err == nil {
		err = d.weigh(len(line), size)
	}
	d.line = d.line[:0]
	d.left = size
	d.state = (*chunked).readData
	if size == 0 {
		d.state = (*chunked).readTrailer
	}
	return n, nil, err
}

// weigh adds up what is wasted on chunk lines, so that a client that sends one
// byte of content in a thousand of its lines is stopped.
func (d *chunked) weigh(line int, size int64) *protocol.Error {
	d.waste = max(d.waste+int64(line)+2-16-2*size, 0)
	if d.waste > maxWaste {
		return errChunkWaste
	}
	return nil
}

// readData gives content.
func (d *chunked) readData(in []byte) (int, []byte, *protocol.Error) {
	n := int(min(int64(len(in)), d.left))
	d.left -= int64(n)
	if d.left == 0 {
		d.state = (*chunked).readCR
	}
	return n, in[:n], nil
}

func (d *chunked) readCR(in []byte) (int, []byte, *protocol.Error) {
	d.state = (*chunked).readLF
	if in[0] != '\r' {
		return 1, nil, errChunkEnd
	}
	return 1, nil, nil
}

func (d *chunked) readLF(in []byte) (int, []byte, *protocol.Error) {
	d.state = (*chunked).readSize
	if in[0] != '\n' {
		return 1, nil, errChunkEnd
	}
	return 1, nil, nil
}

// readTrailer reads a trailer line, or the empty line at the end of all.
func (d *chunked) readTrailer(in []byte) (int, []byte, *protocol.Error) {
	n, line, err := d.cutLine(in, d.maxTrailers-d.lines, errTrailersLong)
	if line == nil || err != nil {
		return n, nil, err
	}
	if d.done = len(line) == 0; !d.done {
		err = d.takeTrailer(line)
	}
	d.line = d.line[:0]
	return n, nil, err
}

// takeTrailer keeps a trailer field if it is one that may stand there.
func (d *chunked) takeTrailer(line []byte) *protocol.Error {
	if d.lines += len(line) + 2; d.lines > d.maxTrailers {
		return errTrailersLong
	}
	if d.count++; d.count > d.maxFields {
		return errManyTrailers
	}
	field, err := cutFieldLine(line)
	if err != nil {
		return errTrailer
	}
	switch protocol.JudgeTrailer(field.Name) {
	case protocol.TrailerFraming:
		return errTrailerFraming
	case protocol.TrailerGood:
		d.trailers.Add(string(field.Name), string(field.Value))
	}
	return nil
}

// cutLine takes a line off in, without its CRLF, together with the part of it
// that came before. line is nil as long as it is not complete; it is valid until
// d.line is changed. A line of more than limit bytes is tooLong.
func (d *chunked) cutLine(in []byte, limit int, tooLong *protocol.Error) (n int, line []byte, err *protocol.Error) {
	i := bytes.IndexByte(in, '\n')
	if i < 0 {
		n = len(in)
	} else {
		n = i + 1
	}
	line = in[:n]
	if i < 0 || len(d.line) > 0 {
		d.line = append(d.line, line...)
		line = d.line
	}
	switch end := len(line) - 1; {
	case i < 0 && line[end] == '\r' && end > limit, i < 0 && line[end] != '\r' && end+1 > limit:
		return n, nil, tooLong
	case i < 0:
		return n, nil, nil
	case end == 0 || line[end-1] != '\r':
		if end > limit {
			return n, nil, tooLong
		}
		return n, nil, errBareLF
	case end-1 > limit:
		return n, nil, tooLong
	default:
		return n, line[: end-1 : end-1], nil
	}
}

// parseSize reads the hexadecimal number that a chunk line begins with.
func parseSize(line []byte) (size int64, rest []byte, err *protocol.Error) {
	i := 0
	for ; i < len(line); i++ {
		digit := protocol.HexValue(line[i])
		if digit > 15 {
			break
		}
		if size >= 1<<59 {
			return 0, nil, errHugeChunk
		}
		size = size<<4 | int64(digit)
	}
	if i == 0 {
		return 0, nil, errChunkSize
	}
	return size, line[i:], nil
}

// checkExtensions wants *( BWS ";" BWS name [ BWS "=" BWS value ] ) (RFC 9112
// §7.1.1). What they say is of no interest.
func checkExtensions(s []byte) *protocol.Error {
	for len(s) > 0 {
		if s = skipBlank(s); len(s) == 0 || s[0] != ';' {
			return errChunkExtension
		}
		n := tokenLen(skipBlank(s[1:]))
		if n == 0 {
			return errChunkExtension
		}
		s = skipBlank(s[1:])[n:]
		if after := skipBlank(s); len(after) > 0 && after[0] == '=' {
			s = skipBlank(after[1:])
			if n = valueLen(s); n == 0 {
				return errChunkExtension
			}
			s = s[n:]
		}
	}
	return nil
}

func skipBlank(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// tokenLen is the length of the token that s begins with.
func tokenLen(s []byte) int {
	n := 0
	for n < len(s) && protocol.IsTokenByte(s[n]) {
		n++
	}
	return n
}

// valueLen is the length of the token or quoted string (RFC 9110 §5.6.4) that s
// begins with; 0 when there is none.
func valueLen(s []byte) int {
	if len(s) == 0 || s[0] != '"' {
		return tokenLen(s)
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\' && i+1 < len(s):
			i++
			if c = s[i]; c < ' ' && c != '\t' || c == 0x7f {
				return 0
			}
		case c < ' ' && c != '\t' || c == 0x7f:
			return 0
		}
	}
	return 0
}

// appendChunk appends the line in front of a chunk of n bytes.
func appendChunk(b []byte, n int) []byte {
	const hex = "0123456789abcdef"
	shift := 60
	for shift > 0 && n>>shift == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		b = append(b, hex[n>>shift&15])
	}
	return append(b, '\r', '\n')
}

// appendLastChunk appends the end of a content, with those of the trailers that
// may stand there.
func appendLastChunk(b []byte, trailers protocol.Fields) []byte {
	b = append(b, "0\r\n"...)
	for i := range trailers {
		f := &trailers[i]
		if protocol.JudgeTrailer(f.Name) == protocol.TrailerGood && protocol.CheckField(f.Name, f.Value) == nil {
			b = appendField(b, f.Name, f.Value)
		}
	}
	return append(b, "\r\n"...)
}
