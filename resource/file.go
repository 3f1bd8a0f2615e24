package resource

import (
	"bytes"
	"io"

	"spindle/protocol"
)

// File is one file of a multipart form. What the client says of it is not checked.
type File struct {
	Name        string // the file name the client gave, its last element only
	ContentType string // as the client says, "" when it does not
	Size        int64
	Fields      protocol.Fields // all fields of the part

	content io.ReaderAt // of the whole request
	offset  int64
}

// Open gives the content from its start, each time anew. A large one is in a temporary
// file, which is gone when the exchange is over. Any goroutine.
func (f *File) Open() (io.ReadSeekCloser, error) {
	return fileReader{io.NewSectionReader(f.content, f.offset, f.Size)}, nil
}

type fileReader struct{ *io.SectionReader }

// Close does nothing: the content is the request's.
func (fileReader) Close() error { return nil }

// file is one for the application.
func (r *Request) file(f *formFile) *File {
	return &File{
		Name: f.filename, ContentType: f.contentType, Size: f.size, Fields: f.fields,
		content: r.body.readerAt(), offset: f.offset,
	}
}

// readerAt is the content wherever it is kept.
func (b *content) readerAt() io.ReaderAt {
	if b.spool != nil {
		return b.spool
	}
	return bytes.NewReader(b.memory)
}
