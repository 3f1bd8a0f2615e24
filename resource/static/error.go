package static

import (
	"errors"
	"io/fs"
	"syscall"

	"spindle/reactor"
	"spindle/resource"
)

// answerTo is the error page for what a tree could not do. What the client asked
// for wrongly is not found; what went wrong here says so.
func answerTo(err error) *resource.Error {
	var page *resource.Error
	switch {
	case errors.As(err, &page):
		return page
	case isAny(err, fs.ErrNotExist, fs.ErrInvalid, errSpecial,
		syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EILSEQ):
		return resource.ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		return &resource.Error{Status: 403, Err: err}
	case isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN,
		reactor.ErrPoolFull, reactor.ErrPoolStopped, errReplaced, errChanging):
		return &resource.Error{Status: 503, Err: err, Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}
	}
	return &resource.Error{Status: 500, Err: err}
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
