package handler

import (
	"io"
	"os"

	"spindle/protocol"
)

// This file sends files without reading them, where that is possible.

const (
	sniffBytes    = 512      // that http.DetectContentType looks at
	sendFileBytes = 32 << 10 // from which on sendfile is worth a wait for the loop
)

// ReadFrom writes what src has; a file is sent by sendfile(2) where the connection
// allows it. See io.ReaderFrom.
func (w *writer) ReadFrom(src io.Reader) (n int64, err error) {
	f, limit := fileOf(src)
	if f == nil || w.hijacked || w.req.Method == "HEAD" || w.wroteHeader && protocol.NoContent(w.status) {
		return w.copyFrom(src)
	}
	if !w.headSent {
		start := io.LimitReader(src, sniffBytes)
		if n, err = w.copyFrom(start); err != nil || n < sniffBytes {
			return n, err
		}
		limit -= n
	}
	sent, err := w.sendFile(f, src, limit)
	if n += sent; err != nil {
		return n, err
	}
	rest, err := w.copyFrom(src) // what came to it meanwhile
	return n + rest, err
}

// copyFrom is ReadFrom by reading.
func (w *writer) copyFrom(src io.Reader) (int64, error) {
	buf := larges.Get().(*[largeBytes]byte)
	defer larges.Put(buf)
	return io.CopyBuffer(onlyWriter{w}, src, buf[:])
}

// onlyWriter hides ReadFrom.
type onlyWriter struct{ io.Writer }

// fileOf is the file that src reads, and how much of it at most; nil when it is none.
func fileOf(src io.Reader) (f *os.File, limit int64) {
	limit = 1<<63 - 1
	if l, ok := src.(*io.LimitedReader); ok {
		src, limit = l.R, l.N
	}
	if f, _ = src.(*os.File); f == nil {
		return nil, 0
	}
	return f, limit
}

// sendFile sends what is left of f, up to limit, and moves the position of src behind it.
// Nothing is sent of what is not worth it.
func (w *writer) sendFile(f *os.File, src io.Reader, limit int64) (int64, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, nil
	}
	n := min(limit, info.Size()-at)
	if w.length >= 0 {
		n = min(n, w.length-w.written)
	}
	if n < sendFileBytes {
		return 0, nil
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	if err := w.x.sendFile(f, at, n); err != nil {
		return 0, err
	}
	w.written += n
	if l, ok := src.(*io.LimitedReader); ok {
		l.N -= n
	}
	_, err = f.Seek(n, io.SeekCurrent)
	return n, err
}

// sendFile has the loop send a file, and waits, since it is the handler's to close.
func (x *exchange) sendFile(f *os.File, at, n int64) (err error) {
	done := false
	x.out.post(func() {
		x.r.SendFile(f, at, n, func(e error) { x.out.tell(func() { done, err = true, e }) })
	})
	if gone := x.out.await(func() bool { return done }); gone != nil {
		return gone
	}
	return err
}
