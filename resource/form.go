package resource

import (
	"bytes"
	"strings"

	"spindle/protocol"
)

// This file reads forms. A parser is fed by the loop, piece by piece as the
// content arrives, and never reads by itself; it keeps values in memory and of
// a file only where it stands in the content, which is kept anyway (in memory or
// in a temporary file). multipart.go has the other encoding.

// form is what was in a form, in the order of the content.
type form struct {
	values []formValue
	files  []formFile
}

// formValue is one field that is not a file, decoded.
type formValue struct{ name, value string }

// formFile is one file. Its content is size bytes of the request's content from
// offset: io.NewSectionReader over it reads the file, and nothing is copied.
type formFile struct {
	name         string // of the field
	filename     string // the last element of the client's name; may be empty
	contentType  string // as the client says, not checked; "" when it does not
	fields       protocol.Fields
	offset, size int64
}

// value is the first value of that name.
func (f *form) value(name string) (value string, ok bool) {
	for i := range f.values {
		if f.values[i].name == name {
			return f.values[i].value, true
		}
	}
	return "", false
}

// formLimits bounds a form. 0 is the default, negative is none. Beyond a limit
// the answer is 413.
type formLimits struct {
	fields   int   // pairs or parts; default 1000
	partHead int   // bytes of the head of one part; default 8 KiB
	value    int64 // bytes of one value in memory (of an urlencoded pair: with its name, as it stands); default 1 MiB
	file     int64 // bytes of one file; default none: the limit of the content holds
	total    int64 // bytes of the whole content; default none: the limit of the content holds
}

// The defaults of formLimits.
const (
	defaultFormFields    = 1000
	defaultPartHeadBytes = 8 << 10
	defaultValueBytes    = 1 << 20
)

// filled is l with numbers for the defaults and for what has no limit.
func (l formLimits) filled() formLimits {
	const none = 1<<63 - 1
	return formLimits{
		fields:   int(limitOr(int64(l.fields), defaultFormFields)),
		partHead: int(limitOr(int64(l.partHead), defaultPartHeadBytes)),
		value:    limitOr(l.value, defaultValueBytes),
		file:     limitOr(l.file, none),
		total:    limitOr(l.total, none),
	}
}

func limitOr(n, byDefault int64) int64 {
	switch {
	case n == 0:
		return byDefault
	case n < 0:
		return 1<<63 - 1
	}
	return n
}

// contentParser takes a form apart. Write takes the next piece, which is valid until
// return; Close tells of the end of the content. An error is an *Error with 400
// or 413, and comes back from every call after it. The form is whole when Close
// returned nil.
type contentParser interface {
	Write(data []byte) error
	Close() error
	parsed() *form
}

// newContentParser is the parser for content of that type: nil when it is no form,
// an error when it is one that can not be read.
func newContentParser(contentType string, limits formLimits) (contentParser, error) {
	m, ok := protocol.ParseMediaType(contentType)
	switch kind, _, _ := strings.Cut(contentType, ";"); {
	case protocol.EqualFold(protocol.TrimBlank(kind), "application/x-www-form-urlencoded"):
		return newFormParser(limits), nil // of no parameter anything depends
	case !protocol.EqualFold(protocol.TrimBlank(kind), "multipart/form-data"):
		return nil, nil
	}
	boundary, has := m.Boundary()
	if !ok || !has {
		return nil, badForm("no boundary in Content-Type " + protocol.Quote(contentType))
	}
	return newMultipartParser(boundary, limits), nil
}

func badForm(reason string) *Error {
	return &Error{Status: 400, Detail: "The form is malformed: " + reason + "."}
}

func formTooLarge(what string) *Error {
	return &Error{Status: 413, Detail: "The form has " + what + "."}
}

// formParser takes application/x-www-form-urlencoded apart (URL Standard §5.1):
// pairs are divided by "&" only, a bad escape stands for itself.
type formParser struct {
	form   form
	limits formLimits
	total  int64
	pair   []byte // the pair that is not at its end, as it stands
	err    error
}

func newFormParser(limits formLimits) *formParser { return &formParser{limits: limits.filled()} }

func (p *formParser) parsed() *form { return &p.form }

// Write takes the next piece. See contentParser.
func (p *formParser) Write(data []byte) error {
	within := data[:min(int64(len(data)), p.limits.total-p.total)]
	p.total += int64(len(within))
	for rest := within; len(rest) > 0 && p.err == nil; {
		i := bytes.IndexByte(rest, '&')
		if i < 0 {
			p.err = p.more(rest)
			break
		}
		if p.err = p.more(rest[:i]); p.err == nil {
			p.err = p.pairEnd()
		}
		rest = rest[i+1:]
	}
	if p.err == nil && len(within) < len(data) {
		p.err = formTooLarge("too many bytes")
	}
	return p.err
}

// Close ends the last pair. See contentParser.
func (p *formParser) Close() error {
	if p.err == nil {
		p.err = p.pairEnd()
	}
	return p.err
}

func (p *formParser) more(data []byte) error {
	if int64(len(p.pair)+len(data)) > p.limits.value {
		return formTooLarge("a value that is too long")
	}
	p.pair = append(p.pair, data...)
	return nil
}

func (p *formParser) pairEnd() error {
	name, value, _, ok := protocol.NextPair(p.pair)
	if !ok {
		return nil // nothing between two "&"
	}
	if len(p.form.values) >= p.limits.fields {
		return formTooLarge("too many fields")
	}
	p.form.values = append(p.form.values, formValue{unescape(name), unescape(value)})
	p.pair = p.pair[:0]
	return nil
}

func unescape(s []byte) string {
	return string(protocol.UnescapeQuery(make([]byte, 0, len(s)), s))
}

var _ contentParser = (*formParser)(nil)
