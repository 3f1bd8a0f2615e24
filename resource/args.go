package resource

import "spindle/protocol"

// This file reads arguments: those of the query, and behind them those of a form in
// the content. One argument is found in place; only the whole set becomes a map. The
// parsers of forms are in form.go and multipart.go.
//
// A form is there from Render on, unless the content was streamed. A form that is
// malformed, or beyond the limits, gives no arguments; it makes the answer, whatever it
// is, an error page with 400 or 413. Who must know before acting asks CheckForm.

// Arg is the first value of the argument name, "" when there is none: query first,
// then form.
func (r *Request) Arg(name string) string { return r.ArgOr(name, "") }

// ArgOr is Arg with another value for when there is none.
func (r *Request) ArgOr(name, otherwise string) string {
	if value, ok := protocol.QueryArg(r.head.Query, name); ok {
		return value
	}
	if f := r.wantForm(); f != nil {
		if value, ok := f.value(name); ok {
			return value
		}
	}
	return otherwise
}

// Args is all arguments: of each name the values of the query, then those of the form.
// Returns a copy.
func (r *Request) Args() map[string][]string {
	args := make(map[string][]string)
	for rest := r.head.Query; ; {
		name, value, next, ok := protocol.NextPair(rest)
		if !ok {
			break
		}
		key := unescape(name)
		args[key] = append(args[key], unescape(value))
		rest = next
	}
	if f := r.wantForm(); f != nil {
		for _, v := range f.values {
			args[v.name] = append(args[v.name], v.value)
		}
	}
	return args
}

// File is the first file of that name in a multipart form, nil when there is none.
func (r *Request) File(name string) *File {
	if f := r.wantForm(); f != nil {
		for i := range f.files {
			if f.files[i].name == name {
				return r.file(&f.files[i])
			}
		}
	}
	return nil
}

// Files is all files of a multipart form by the name of their field.
func (r *Request) Files() map[string][]*File {
	files := make(map[string][]*File)
	if f := r.wantForm(); f != nil {
		for i := range f.files {
			one := &f.files[i]
			files[one.name] = append(files[one.name], r.file(one))
		}
	}
	return files
}

// CheckForm tells what is wrong with the form in the content: an *Error with 400 or
// 413, to be returned from Render; nil when all is well or there is no form.
func (r *Request) CheckForm() error {
	_, err := r.body.parseForm(r)
	return err
}

// wantForm is the form in the content, nil when there is none. What is wrong with it
// is kept for the answer.
func (r *Request) wantForm() *form {
	if r.body.size == 0 {
		return nil
	}
	f, err := r.body.parseForm(r)
	if err != nil && r.phase != over && !r.headSent {
		r.mistake(err)
	}
	return f
}

// parseForm reads the form, once. Content that has gone to a file was fed to the parser
// on its way; content in memory is read now.
func (b *content) parseForm(r *Request) (*form, error) {
	if b.formRead || !b.complete || b.data != nil || b.size == 0 {
		return b.form, b.formErr
	}
	b.formRead = true
	b.feedForm(r, b.memory)
	if b.parser != nil && b.formErr == nil {
		b.formErr = b.parser.Close()
	}
	if b.parser != nil && b.formErr == nil {
		b.form = b.parser.parsed()
	}
	b.parser = nil
	return b.form, b.formErr
}

// feedForm gives the next piece of the content to the parser, which the first piece
// chooses. Content that is no form has none.
func (b *content) feedForm(r *Request, piece []byte) {
	if !b.formBegun {
		b.formBegun = true
		b.parser, b.formErr = newContentParser(r.Field("Content-Type"), formLimits{
			fields: r.d.MaxFormFields,
			value:  r.d.MaxFormValueBytes,
		})
	}
	if b.parser != nil && b.formErr == nil {
		b.formErr = b.parser.Write(piece)
	}
}
