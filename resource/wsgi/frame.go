package wsgi

import (
	"encoding/binary"
	"fmt"
)

// This file is the frames that go between the server and a worker: a letter, the length
// of the payload in four bytes (big-endian), the payload. Lists of strings are joined
// by NUL.
//
//	link, to the worker    R  a request: a digit (contentNone, …), then names and values
//	                       B  a piece of its content
//	                       E  its content has ended
//	link, to the server    I  ready for a request
//	                       W  a whole answer: length of the head in four bytes, head, content
//	                       H  a head: status, then names and values
//	                       D  a piece of content
//	                       S  a file as content: offset and length in eight bytes each;
//	                          its descriptor comes along
//	                       F  the answer has ended
//	                       X  the application has failed: what happened; for a development
//	                          server its frames, as JSON behind a NUL
//	                       N  how many bytes were given where an answer has no content; of a
//	                          development server only
//	control, to the server L  loaded: version and path of the interpreter, file of the application
//	                       X  not loaded: why in a line, traceback
//	                       C  a link, whose descriptor comes along
//	                       K  a console, whose descriptor comes along; of a development
//	                          server only
//	                       M  bytes in memory, in decimal
//	                       P  files of modules that it has loaded
//	                       V  what patches modules, and variables that the application has
//	                          set while it was loaded; of a development server only, as are
//	                       Y  modules that are not the application's: names, where from
//	                       U  a fork is not what it would be by itself: why
//	console, to the worker Q  a question about an exception that is kept, as JSON
//	console, to the server A  the answer to one
const (
	frameRequest = 'R'
	frameContent = 'B'
	frameEnd     = 'E'
	frameIdle    = 'I'
	frameWhole   = 'W'
	frameHead    = 'H'
	frameData    = 'D'
	frameFile    = 'S'
	frameFinish  = 'F'
	frameFailure = 'X'
	frameNote    = 'N'
	frameLoaded  = 'L'
	frameLink    = 'C'
	frameMemory  = 'M'
	frameSources = 'P'
	frameConsole = 'K'
	frameModules = 'Y'
	frameBegun   = 'V'
	frameMisfit  = 'U'
	frameAsk     = 'Q'
	frameTell    = 'A'
)

// How a request brings its content: the first byte of its frame.
const (
	contentNone    = '0'
	contentSized   = '1' // CONTENT_LENGTH tells
	contentUnsized = '2'
)

const (
	frameHeader = 5
	// maxFrame bounds the payload of each frame but D: a head and the content of a small
	// answer.
	maxFrame = 256 << 10
)

// appendHeader appends what goes before a payload of n bytes.
func appendHeader(b []byte, kind byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, kind), uint32(n))
}

// beginFrame appends a header whose length endFrame fills in.
func beginFrame(b []byte, kind byte) []byte { return append(b, kind, 0, 0, 0, 0) }

// endFrame ends the frame that begins at from.
func endFrame(b []byte, from int) {
	binary.BigEndian.PutUint32(b[from+1:], uint32(len(b)-from-frameHeader))
}

// sink takes what a decoder finds.
type sink interface {
	// piece brings a part of a D frame. It is valid until return.
	piece(data []byte)
	// frame brings any other frame. payload is valid until return.
	frame(kind byte, payload []byte) error
}

// decoder cuts what comes from a worker into frames. D frames are handed on as they
// come, all others whole. The zero decoder is ready.
type decoder struct {
	data int    // bytes of a D frame that are still to come
	buf  []byte // the beginning of a frame that is not whole
}

// feed takes the next bytes. After an error it is not to be called again.
func (d *decoder) feed(in []byte, s sink) (err error) {
	for len(in) > 0 && err == nil {
		switch {
		case d.data > 0:
			n := min(d.data, len(in))
			d.data -= n
			s.piece(in[:n])
			in = in[n:]
		case len(d.buf) > 0:
			in, err = d.fill(in, s)
		default:
			in, err = d.next(in, s)
		}
	}
	return err
}

// next takes the frame that begins with in.
func (d *decoder) next(in []byte, s sink) (rest []byte, err error) {
	if len(in) < frameHeader {
		d.buf = append(d.buf, in...)
		return nil, nil
	}
	size, err := d.size(in)
	if err != nil || in[0] == frameData {
		return in[frameHeader:], err
	}
	if len(in) < frameHeader+size {
		d.buf = append(make([]byte, 0, frameHeader+size), in...)
		return nil, nil
	}
	end := frameHeader + size
	return in[end:], s.frame(in[0], in[frameHeader:end])
}

// fill adds to the frame in buf.
func (d *decoder) fill(in []byte, s sink) (rest []byte, err error) {
	if missing := frameHeader - len(d.buf); missing > 0 {
		n := min(missing, len(in))
		d.buf = append(d.buf, in[:n]...)
		if in = in[n:]; n < missing {
			return nil, nil
		}
	}
	size, err := d.size(d.buf)
	if err != nil {
		return nil, err
	}
	if d.buf[0] == frameData {
		d.buf = nil
		return in, nil
	}
	n := min(frameHeader+size-len(d.buf), len(in))
	d.buf = append(d.buf, in[:n]...)
	if len(d.buf) < frameHeader+size {
		return nil, nil
	}
	whole := d.buf
	d.buf = nil
	return in[n:], s.frame(whole[0], whole[frameHeader:])
}

// size is the length of the payload behind header. That of a D frame is kept.
func (d *decoder) size(header []byte) (int, error) {
	size := binary.BigEndian.Uint32(header[1:])
	switch kind := header[0]; {
	case kind == frameData:
		d.data = int(size)
		return 0, nil
	case kind < 'A' || kind > 'Z':
		return 0, fmt.Errorf("wsgi: a worker sends a frame of the unknown kind %q", kind)
	case size > maxFrame:
		return 0, fmt.Errorf("wsgi: a worker sends a frame %q of %d bytes", kind, size)
	}
	return int(size), nil
}
