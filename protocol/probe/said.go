package probe

// This file is what is told of what an exchange has logged.

// Line is what the program has written at once to a log of the standard library: log, or
// log/slog, of which the output is that of the process.
type Line struct {
	At     int64  `json:"at"`   // since 1970, in ns
	Text   string `json:"text"` // without the end of line; there may be others in it
	Errors bool   `json:"stderr,omitempty"`
}

// Said is what is known of the lines that were logged while an exchange ran.
type Said struct {
	Number string `json:"number,omitempty"` // by which the development server knows it
	Began  int64  `json:"began"`            // since 1970, in ns
	// Own is what it has logged itself, the last of it: the goroutine that has called its
	// handler or resource, and those that this has started.
	Own []Line `json:"own,omitempty"`
	// Others is what others have logged at that time, and shortly before.
	Others []Line `json:"others,omitempty"`
}
