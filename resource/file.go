package resource

import (
	"io"

	"spindle/protocol"
)

// File is one file of a multipart form.
type File struct {
	Name        string // the file name the client gave, its last element only
	ContentType string
	Size        int64
	Fields      protocol.Fields
}

// Open gives the content from its start.
func (f *File) Open() (io.ReadSeekCloser, error) { panic("to be built") }
