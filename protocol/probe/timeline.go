package probe

import (
	"strings"
	"time"
)

// This file is what is told of one request.

// Field marks a request that the development server has passed on: it has Key, a dot, and
// the number that the timeline is told under. Whoever takes it deletes it.
const Field = "X-Spindle-Watch"

// Timeline is when what happened to one exchange: nanoseconds since Began, 0 for what did
// not happen.
type Timeline struct {
	Began    int64  `json:"began"`              // since 1970: the loop was called for the bytes that have completed the head
	Head     int64  `json:"head,omitempty"`     // the head was parsed
	Steps    []Step `json:"steps,omitempty"`    // of the walk
	Content  int64  `json:"content,omitempty"`  // the content of the request was complete
	Render   int64  `json:"render,omitempty"`   // the resource, or the handler, was asked for an answer
	Rendered int64  `json:"rendered,omitempty"` // it has returned
	Later    bool   `json:"later,omitempty"`    // and has answered after that
	Answer   int64  `json:"answer,omitempty"`   // the head of the answer was written
	End      int64  `json:"end,omitempty"`      // the answer was written to its end, or cut
	Sent     int64  `json:"sent,omitempty"`     // its last byte was with the kernel
	Status   int    `json:"status,omitempty"`
	Lost     string `json:"lost,omitempty"` // why it was cut
}

// Step is one resource on the way down the tree.
type Step struct {
	At   int64  `json:"at"`
	Path string `json:"path"` // that has led there, as it was sent
	Type string `json:"type"` // of the resource
}

// Watch is the timeline of a request that has no loop, as of net/http: its times are those of
// the system's clock.
type Watch struct {
	Timeline
	base   time.Time
	number string
}

// Began begins the timeline of a request that bears mark, the value of Field: nil when it
// was not the development server that has marked it. Any goroutine.
func Began(mark string) *Watch {
	key := Key()
	if key == "" {
		return nil
	}
	number, ours := strings.CutPrefix(mark, key+".")
	if !ours {
		return nil
	}
	w := &Watch{base: time.Now(), number: number}
	w.Timeline.Began = w.base.UnixNano()
	return w
}

// Number is that by which the development server knows the request, "" for nil.
func (w *Watch) Number() string {
	if w == nil {
		return ""
	}
	return w.number
}

// Since is the time now, in ns since the beginning; at least 1.
func (w *Watch) Since() int64 { return max(int64(time.Since(w.base)), 1) }

// Tell tells the timeline.
func (w *Watch) Tell() { Tell("span", w.number, &w.Timeline) }
