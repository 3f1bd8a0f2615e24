package static

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file loads what a plan has found: the content of small files, the open
// descriptors of large ones, and the fields of their answers, made once.

// page is a plan that is loaded. It does not change, but for the counts of its
// open files.
type page struct {
	plan
	reps    []*rep   // of the variants that could be read, the file itself first
	codings []string // of reps[1:]
}

// rep is one representation of a page.
type rep struct {
	variant
	content  []byte  // all of it; nil when it is in a file
	file     *shared // nil when the content is in memory, or the file is opened for each download
	tag      string
	modTime  time.Time // that of the Last-Modified field; zero when there is none
	seekable bool      // so that ranges can be had

	fields    protocol.Fields // of a 200
	fields304 protocol.Fields
}

// shared is an open file with the number of those who use it: one for the page,
// one for each download. Loop only.
type shared struct {
	*os.File
	users int
	pool  *reactor.ThreadPool
}

func (s *shared) retain() { s.users++ }

// release closes the file after the last user. The close is a thread's work: that
// of a file which was deleted meanwhile may take long.
func (s *shared) release() {
	s.users--
	if s.users == 0 {
		closeLater(s.pool, s.File)
	}
}

// closeLater closes f in a thread, or here when none takes it.
func closeLater(pool *reactor.ThreadPool, f io.Closer) {
	if err := pool.CallInThread(func() { f.Close() }); err != nil {
		f.Close()
	}
}

// cost is what the page holds.
func (p *page) cost() (bytes int64, files int) {
	for _, r := range p.reps {
		bytes += int64(len(r.content))
		if r.file != nil {
			files++
		}
	}
	return bytes, files
}

func (p *page) retain() {
	for _, r := range p.reps {
		if r.file != nil {
			r.file.retain()
		}
	}
}

func (p *page) release() {
	for _, r := range p.reps {
		if r.file != nil {
			r.file.release()
		}
	}
}

// discard closes what a page that nobody has seen yet has opened. Blocks: not on
// the loop.
func (p *page) discard() {
	for _, r := range p.reps {
		if r.file != nil {
			r.file.Close()
		}
	}
}

// racy tells whether the page may change without another stamp.
func (p *page) racy(now time.Time) bool {
	for _, r := range p.reps {
		if r.racy(now) {
			return true
		}
	}
	return false
}

// loadPage loads all variants of a plan. A sibling that is gone or may not be read
// is left out. Blocks: not on the loop.
func (d *Dir) loadPage(t tree, p plan, now time.Time, pool *reactor.ThreadPool) (*page, error) {
	result := &page{plan: p}
	for i, v := range p.variants {
		r, err := loadRep(t, v, now, pool)
		switch {
		case err == nil:
			p.variants[i].info = r.info
			result.add(r)
		case i == 0 || answerTo(err).Status >= 500:
			result.discard()
			return nil, err
		}
	}
	for _, r := range result.reps {
		d.setFields(r, d.typeOf(p.path))
	}
	return result, nil
}

func (p *page) add(r *rep) {
	if len(p.reps) > 0 {
		p.codings = append(p.codings, r.coding)
	}
	p.reps = append(p.reps, r)
}

// loadTries is how often a file that changes while it is read is read again.
const loadTries = 4

var errChanging = errors.New("static: the file changes while it is read")

func loadRep(t tree, v variant, now time.Time, pool *reactor.ThreadPool) (*rep, error) {
	for range loadTries {
		f, i, err := t.open(v.name)
		if err != nil {
			return nil, err
		}
		r := &rep{variant: variant{v.coding, v.name, i}, modTime: lastModified(i.stamp, now)}
		if err := r.read(f, now, pool); !errors.Is(err, errChanging) {
			return r, err
		}
	}
	return nil, fmt.Errorf("%w: %s", errChanging, v.name)
}

// read takes ownership of f: what is not kept open is closed.
func (r *rep) read(f file, now time.Time, pool *reactor.ThreadPool) (err error) {
	kept := false
	defer func() {
		if !kept {
			f.Close()
		}
	}()
	if r.size <= memoryBytes {
		return r.readAll(f)
	}
	if r.tag, err = r.tagLarge(f, now); err != nil {
		return err
	}
	if osFile, ok := f.(*os.File); ok {
		kept, r.seekable = true, true
		r.file = &shared{File: osFile, users: 1, pool: pool}
		return nil
	}
	_, r.seekable = f.(io.Seeker)
	return nil
}

// readAll reads a small file, and looks whether it stayed as it was meanwhile.
func (r *rep) readAll(f file) error {
	content := make([]byte, r.size)
	if _, err := io.ReadFull(f, content); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errChanging
		}
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if after, err := infoOf(fi); err != nil || after != r.info {
		return errChanging
	}
	r.content, r.seekable = content, true
	r.tag = contentTag(hashOf(content), r.coding)
	return nil
}

func (r *rep) tagLarge(f file, now time.Time) (string, error) {
	if r.modified != noTime {
		return stampTag(r.stamp, r.coding, now), nil
	}
	h, err := hashAll(f)
	if err != nil {
		return "", err
	}
	return contentTag(h, r.coding), nil
}

// lastModified is the time that is told: whole seconds, and never later than now
// (RFC 9110 §8.8.2.1).
func lastModified(s stamp, now time.Time) time.Time {
	t := s.modTime()
	if t.After(now) {
		t = now
	}
	if t.Unix() <= 0 { // no time, or one that stands for none
		return time.Time{}
	}
	return t.Truncate(time.Second)
}

// setFields makes the fields of the answers. contentType is that of the file, which
// its siblings have too; it comes first, for it is looked for in every answer.
func (d *Dir) setFields(r *rep, contentType string) {
	add := func(name, value string) {
		if value != "" {
			r.fields = append(r.fields, protocol.Field{Name: name, Value: value})
		}
	}
	add("Content-Type", contentType)
	add("X-Content-Type-Options", "nosniff")
	add("Content-Encoding", r.coding)
	if !r.modTime.IsZero() {
		add("Last-Modified", string(protocol.AppendDate(nil, r.modTime)))
	}
	if r.seekable {
		add("Accept-Ranges", "bytes")
	}
	both := len(r.fields)
	add("ETag", r.tag)
	add("Cache-Control", d.cacheControl())
	r.fields304 = r.fields[both:]
}

func (d *Dir) cacheControl() string {
	switch {
	case d.CacheControl != "":
		return d.CacheControl
	case d.MaxAge < 0:
		return "no-cache"
	case d.MaxAge > 0:
		return "max-age=" + strconv.FormatInt(int64(d.MaxAge/time.Second), 10)
	}
	return ""
}
