package resource

import (
	"bytes"

	"spindle/protocol"
)

// multipartParser takes multipart/form-data apart (RFC 7578, RFC 2046 §5.1). The
// standard library's mime/multipart pulls from a Reader, which on the loop would
// need a goroutine for each upload; this one is pushed. It is strict: lines end with CR LF,
// no folded fields, every part is form-data and has a name, a line that starts
// with the delimiter is a delimiter, and the end must be there.
//
//	opening ─▶ delimiterEnd ─▶ head ─▶ content ─▶ delimiterEnd ─▶ … ─▶ epilogue
type multipartParser struct {
	form      form
	limits    formLimits
	delimiter []byte // CR LF "--" boundary
	state     multipartState
	at        int64 // where in the content the next byte stands
	matched   int   // how much of the delimiter the bytes before end with
	implied   int   // how many of those are a line end that belongs to the head too
	after     byte  // what came behind the delimiter: see delimiterEnd
	head      []byte
	parts     int
	part      part
	err       error
}

// part is the part in hand.
type part struct {
	disposition
	fields protocol.Fields
	value  []byte // when it is no file
	offset int64
	size   int64
}

// multipartState takes what it can from data, at least one byte, and returns the
// rest.
type multipartState func(p *multipartParser, data []byte) (rest []byte, err error)

func newMultipartParser(boundary string, limits formLimits) *multipartParser {
	p := &multipartParser{limits: limits.filled(), delimiter: []byte("\r\n--" + boundary)}
	p.state, p.matched, p.implied = (*multipartParser).opening, 2, 2 // the content starts a line
	return p
}

func (p *multipartParser) parsed() *form { return &p.form }

// Write takes the next piece. See contentParser.
func (p *multipartParser) Write(data []byte) error {
	within := data[:min(int64(len(data)), p.limits.total-p.at)]
	for rest := within; len(rest) > 0 && p.err == nil; {
		n := len(rest)
		rest, p.err = p.state(p, rest)
		p.at += int64(n - len(rest))
	}
	if p.err == nil && len(within) < len(data) {
		p.err = formTooLarge("too many bytes")
	}
	return p.err
}

// Close tells of the end. See contentParser.
func (p *multipartParser) Close() error {
	if p.err == nil && p.after != afterClose {
		p.err = badForm("it ends before its closing boundary")
	}
	return p.err
}

// opening takes the first delimiter, before which a line end may stand. RFC 2046
// lets any text stand there; no form has it, and two readers could see two first
// parts.
func (p *multipartParser) opening(data []byte) (rest []byte, err error) {
	held, before, rest, found := p.scan(data)
	if len(held)+len(before) > 0 {
		return nil, badForm("it does not start with its boundary")
	}
	if found {
		p.state, p.after = (*multipartParser).delimiterEnd, afterNothing
	}
	return rest, nil
}

// scan looks for the delimiter. What stands before it comes in two parts: held, a
// start of the delimiter that was kept back and has come to nothing, and before,
// of data. CR is nowhere in the delimiter but at its start, so a match that fails
// can only start again behind what has matched.
func (p *multipartParser) scan(data []byte) (held, before, rest []byte, found bool) {
	if p.matched > 0 {
		n := commonPrefix(p.delimiter[p.matched:], data)
		if p.matched += n; p.matched == len(p.delimiter) {
			p.matched, p.implied = 0, 0
			return nil, nil, data[n:], true
		}
		if n == len(data) {
			return nil, nil, nil, false
		}
		held, data = p.delimiter[p.implied:p.matched], data[n:]
		p.matched, p.implied = 0, 0
	}
	if i := bytes.Index(data, p.delimiter); i >= 0 {
		return held, data[:i], data[i+len(p.delimiter):], true
	}
	end := len(data)
	if i := bytes.LastIndexByte(data, '\r'); i >= 0 && bytes.HasPrefix(p.delimiter, data[i:]) {
		p.matched, end = len(data)-i, i
	}
	return held, data[:end], nil, false
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// What came behind a delimiter.
const (
	afterNothing = iota
	afterBlank   // blanks
	afterCR      // and CR: LF must follow
	afterDash    // one "-": another must follow
	afterClose   // "--", and blanks or an epilogue
	afterCloseCR // and CR: LF must follow
)

// delimiterEnd takes the rest of a delimiter's line, byte by byte: "--" at the
// last one, blanks, CR LF (RFC 2046 §5.1.1).
func (p *multipartParser) delimiterEnd(data []byte) (rest []byte, err error) {
	c := data[0]
	switch {
	case (c == ' ' || c == '\t') && p.after <= afterBlank:
		p.after = afterBlank
	case c == '-' && p.after == afterNothing:
		p.after = afterDash
	case c == '-' && p.after == afterDash:
		p.after = afterClose
	case c == '\r' && p.after <= afterBlank:
		p.after = afterCR
	case c == '\n' && p.after == afterCR:
		return data[1:], p.partBegin()
	case (c == ' ' || c == '\t') && p.after == afterClose:
	case c == '\r' && p.after == afterClose:
		p.after = afterCloseCR
	case c == '\n' && p.after == afterCloseCR:
		p.after, p.state = afterClose, (*multipartParser).epilogue
	default:
		return nil, badForm("a boundary is followed by " + protocol.Quote(data[:1]))
	}
	return data[1:], nil
}

// epilogue passes over what follows the closing boundary.
func (p *multipartParser) epilogue([]byte) (rest []byte, err error) { return nil, nil }

func (p *multipartParser) partBegin() error {
	if p.parts++; p.parts > p.limits.fields {
		return formTooLarge("too many parts")
	}
	p.state, p.part = (*multipartParser).partHead, part{value: p.part.value[:0]}
	p.head = p.head[:0]
	return nil
}

// partHead collects lines up to the empty one.
func (p *multipartParser) partHead(data []byte) (rest []byte, err error) {
	line := data
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		line, rest = data[:i+1], data[i+1:]
	}
	if len(p.head)+len(line) > p.limits.partHead {
		return nil, formTooLarge("a part whose head is too long")
	}
	p.head = append(p.head, line...)
	if head, ended := bytes.CutSuffix(p.head, []byte("\r\n\r\n")); ended || string(p.head) == "\r\n" {
		return rest, p.headEnd(head, rest)
	}
	return rest, nil
}

// headEnd reads the head and goes on to the content. The empty line's end may be the
// start of a delimiter: then the content is empty.
func (p *multipartParser) headEnd(head, rest []byte) error {
	fields, err := parsePartFields(head)
	if err != nil {
		return err
	}
	if p.part.disposition, err = judgePart(fields); err != nil {
		return err
	}
	p.part.fields, p.part.offset = fields, -1
	p.state, p.matched, p.implied = (*multipartParser).content, 2, 2
	return nil
}

// parsePartFields reads the lines of a part's head.
func parsePartFields(head []byte) (fields protocol.Fields, err *Error) {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte{':'})
		value = protocol.TrimBlank(value)
		if !ok || !protocol.IsToken(name) || !protocol.IsValue(value) {
			return nil, badForm("field " + protocol.Quote(line) + " of a part")
		}
		fields.Add(string(name), string(value))
	}
	return fields, nil
}

// judgePart finds out what the part is. A Content-Transfer-Encoding that would
// have to be undone is refused (RFC 7578 §4.7: nobody sends it).
func judgePart(fields protocol.Fields) (d disposition, err *Error) {
	given := fields.Values("Content-Disposition")
	if len(given) != 1 {
		return d, badForm("a part without one Content-Disposition")
	}
	for _, coding := range fields.Values("Content-Transfer-Encoding") {
		if !protocol.EqualFold(coding, "binary") && !protocol.EqualFold(coding, "8bit") && !protocol.EqualFold(coding, "7bit") {
			return d, badForm("Content-Transfer-Encoding " + protocol.Quote(coding))
		}
	}
	return parseDisposition(given[0])
}

// content takes the content of a part up to the next delimiter.
func (p *multipartParser) content(data []byte) (rest []byte, err error) {
	if p.part.offset < 0 {
		p.part.offset = p.at
	}
	held, before, rest, found := p.scan(data)
	if err := p.take(held); err != nil {
		return nil, err
	}
	if err := p.take(before); err != nil {
		return nil, err
	}
	if found {
		p.partEnd()
		p.state, p.after = (*multipartParser).delimiterEnd, afterNothing
	}
	return rest, nil
}

func (p *multipartParser) take(data []byte) error {
	p.part.size += int64(len(data))
	switch {
	case p.part.file && p.part.size > p.limits.file:
		return formTooLarge("a file that is too long")
	case !p.part.file && p.part.size > p.limits.value:
		return formTooLarge("a value that is too long")
	case !p.part.file:
		p.part.value = append(p.part.value, data...)
	}
	return nil
}

// partEnd adds the part to the form. A file without name and content is a file
// input where nothing was chosen.
func (p *multipartParser) partEnd() {
	d := &p.part
	switch {
	case !d.file:
		p.form.values = append(p.form.values, formValue{d.name, string(d.value)})
	case d.filename != "" || d.size > 0:
		p.form.files = append(p.form.files, formFile{
			name: d.name, filename: d.filename, contentType: d.fields.Get("Content-Type"),
			fields: d.fields, offset: d.offset, size: d.size,
		})
	}
}

var _ contentParser = (*multipartParser)(nil)
