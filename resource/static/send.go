package static

import (
	"crypto/rand"
	"os"

	"spindle/protocol"
	"spindle/resource"
)

// This file sends the content of a representation, whole or in parts: from memory,
// by sendfile, or in pieces that threads read.

// piece is one stretch of an answer: text, then n bytes of the file from off.
type piece struct {
	text   []byte
	off, n int64
}

// sendWhole answers with all of it.
func (d *Dir) sendWhole(r *resource.Request, rep *rep) ([]byte, error) {
	if rep.content != nil {
		return rep.content, nil
	}
	return d.send(r, rep, rep.size, piece{n: rep.size})
}

// sendRanges answers 206 with one part, or with several as multipart/byteranges
// (RFC 9110 §15.3.7).
func (d *Dir) sendRanges(r *resource.Request, rep *rep, ranges []protocol.ByteRange) ([]byte, error) {
	r.SetStatus(206)
	if len(ranges) > 1 {
		return d.sendParts(r, rep, ranges)
	}
	one := ranges[0]
	r.SetField("Content-Range", string(protocol.AppendContentRange(nil, one, rep.size)))
	if rep.content != nil {
		return rep.content[one.Start : one.Start+one.Length], nil
	}
	return d.send(r, rep, one.Length, piece{off: one.Start, n: one.Length})
}

func (d *Dir) sendParts(r *resource.Request, rep *rep, ranges []protocol.ByteRange) ([]byte, error) {
	boundary := rand.Text()
	pieces, length := parts(rep, r.ResponseField("Content-Type"), boundary, ranges)
	r.SetField("Content-Type", "multipart/byteranges; boundary="+boundary)
	if rep.content == nil {
		return d.send(r, rep, length, pieces...)
	}
	body := make([]byte, 0, length)
	for _, p := range pieces {
		body = append(append(body, p.text...), rep.content[p.off:p.off+p.n]...)
	}
	return body, nil
}

// parts is the pieces of a multipart/byteranges, and its length.
func parts(rep *rep, contentType, boundary string, ranges []protocol.ByteRange) (pieces []piece, length int64) {
	dashes := "--" + boundary
	for _, one := range ranges {
		text := append([]byte(dashes), "\r\nContent-Type: "+contentType+"\r\nContent-Range: "...)
		text = append(protocol.AppendContentRange(text, one, rep.size), "\r\n\r\n"...)
		pieces = append(pieces, piece{text, one.Start, one.Length})
		dashes = "\r\n--" + boundary
	}
	pieces = append(pieces, piece{text: []byte(dashes + "--\r\n")})
	for _, p := range pieces {
		length += int64(len(p.text)) + p.n
	}
	return pieces, length
}

// send answers with pieces of a file, length bytes together.
func (d *Dir) send(r *resource.Request, rep *rep, length int64, pieces ...piece) ([]byte, error) {
	r.SetContentLength(length)
	if r.Method() == "HEAD" {
		r.Finish()
		return nil, nil
	}
	if rep.file == nil {
		return d.stream(r, rep, pieces)
	}
	rep.file.retain()
	r.NotifyFinish(func(error) { rep.file.release() })
	finish := func(err error) {
		if err != nil {
			r.Abort(err)
			return
		}
		r.Finish()
	}
	for i, p := range pieces {
		done := finish
		if i < len(pieces)-1 {
			done = nil
		}
		sendPiece(r, rep.file.File, p, done)
	}
	return nil, resource.NotDoneYet
}

// sendPiece queues one piece. done, if any, is called when it is sent.
func sendPiece(r *resource.Request, f *os.File, p piece, done func(error)) {
	if len(p.text) > 0 {
		r.Write(p.text)
	}
	switch {
	case p.n > 0:
		r.SendFile(f, p.off, p.n, done)
	case done != nil:
		r.Finish()
	}
}
