package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/reactor"
	"spindle/resource"
)

// This file sends the files that an application asks to be sent in its place.

// Files says what X-Sendfile and X-Accel-Redirect may lead to.
type Files struct {
	// Roots is the directories that files named by X-Sendfile, with absolute paths, may
	// be below of.
	Roots []string
	// Accel is, by the beginning of the paths that X-Accel-Redirect names ("/private/"),
	// the directory in which the rest is looked for.
	Accel map[string]string
}

// sentFile is an open file.
type sentFile struct {
	*os.File
	info fs.FileInfo
}

// send answers r with the file that reply asks for. The status and fields are set.
func (f *Files) send(r *resource.Request, reply *cgi.Reply) {
	dir, name, err := f.resolve(reply)
	if err != nil {
		r.Fail(&resource.Error{Status: 502, Err: err})
		return
	}
	r.DelField("Content-Length")
	reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (sentFile, error) {
		return openBelow(dir, name)
	}).Then(func(file sentFile) { sendFile(r, file) }, func(err error) {
		if r.Finished() {
			return
		}
		status := 502
		if errors.Is(err, fs.ErrNotExist) {
			status = 404
		}
		r.Fail(&resource.Error{Status: status, Err: err})
	})
}

// resolve finds the directory, and the name in it, that reply asks for.
func (f *Files) resolve(reply *cgi.Reply) (dir, name string, err error) {
	if f == nil {
		f = new(Files)
	}
	if reply.Accel != "" {
		return f.resolveAccel(reply.Accel)
	}
	path := filepath.Clean(reply.SendFile)
	for _, root := range f.Roots {
		if rest, err := filepath.Rel(root, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(rest) {
			return root, rest, nil
		}
	}
	return "", "", fmt.Errorf("gateway: X-Sendfile %s is below no directory that it may lead to", protocol.Quote(reply.SendFile))
}

func (f *Files) resolveAccel(path string) (dir, name string, err error) {
	decoded, err := protocol.UnescapeSegment(nil, []byte(path))
	if err != nil {
		return "", "", fmt.Errorf("gateway: X-Accel-Redirect: %w", err)
	}
	longest := ""
	for prefix := range f.Accel {
		if strings.HasPrefix(string(decoded), prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	name = strings.TrimPrefix(string(decoded[len(longest):]), "/")
	if longest == "" || !filepath.IsLocal(name) {
		return "", "", fmt.Errorf("gateway: X-Accel-Redirect %s leads to no directory that is served so", protocol.Quote(path))
	}
	return f.Accel[longest], name, nil
}

// openBelow opens a regular file; no link leads out of dir. Blocks: not on the loop.
func openBelow(dir, name string) (f sentFile, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return f, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("gateway: %s is not a regular file: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return f, err
	}
	f.info = info
	f.File, err = root.Open(name)
	return f, err
}

// sendFile sends the file, whole or the one range that was asked for.
func sendFile(r *resource.Request, f sentFile) {
	done := func() {
		reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (struct{}, error) { return struct{}{}, f.Close() }).
			Then(nil, func(error) { f.Close() })
	}
	if r.Finished() {
		done()
		return
	}
	r.NotifyFinish(func(error) { done() })
	size := f.info.Size()
	if r.ResponseField("Last-Modified") == "" {
		r.SetField("Last-Modified", string(protocol.AppendDate(nil, f.info.ModTime().UTC())))
	}
	part := protocol.ByteRange{Length: size}
	if r.Status() == 200 {
		var ok bool
		if part, ok = rangeOf(r, size, f.info.ModTime()); !ok {
			return
		}
	}
	r.SetContentLength(part.Length)
	if r.Method() == "HEAD" || part.Length == 0 {
		r.Finish()
		return
	}
	r.SendFile(f.File, part.Start, part.Length, func(err error) {
		if err != nil {
			r.Abort(err)
			return
		}
		r.Finish()
	})
}

// rangeOf is the part that is to be sent. ok is false when the request is answered.
func rangeOf(r *resource.Request, size int64, modified time.Time) (part protocol.ByteRange, ok bool) {
	v := protocol.Validators{ETag: r.ResponseField("ETag"), Modified: modified}
	if status := protocol.Precondition(r.Head(), v, r.Now()); status != 0 {
		r.SetStatus(status)
		r.Answer(nil, nil)
		return part, false
	}
	r.SetField("Accept-Ranges", "bytes")
	ranges, status := protocol.RangesOf(nil, r.Head(), v, size, r.Now())
	switch {
	case status == 416:
		r.SetStatus(416)
		r.SetField("Content-Range", string(protocol.AppendUnsatisfiedRange(nil, size)))
		r.Answer(nil, nil)
		return part, false
	case len(ranges) == 1 && status == 206:
		r.SetStatus(206)
		r.SetField("Content-Range", string(protocol.AppendContentRange(nil, ranges[0], size)))
		return ranges[0], true
	}
	return protocol.ByteRange{Length: size}, true
}
