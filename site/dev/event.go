package dev

import "time"

// This file holds what a supervisor tells of itself: to the terminal, to editors, to the
// pages in the browser.

// The kinds of events.
const (
	EventWatching = "watching" // what is watched is known; Files counts it
	EventChange   = "change"   // Paths are other than before; Action says what follows
	EventBuild    = "build"    // a build begins
	EventBuilding = "building" // it goes on for long; Took so far; Text says what has been done
	EventBuilt    = "built"    // it is done; Cached: it was there already; Text says how
	EventFailed   = "failed"   // there is no new program; Failure says why
	EventStart    = "start"    // a generation was started
	EventReady    = "ready"    // it answers from now on; Took since the change
	EventExit     = "exit"     // a program ended by itself; Text says how
	EventStopped  = "stopped"  // one that was asked to has ended
	EventReload   = "reload"   // the pages in the browser are told to come again
	EventSwap     = "swap"     // or to take Paths (style sheets, images) anew
	EventOutput   = "output"   // a line that a program or command has printed
	EventCommand  = "command"  // a command of a rule has ended
	EventNotice   = "notice"   // something that a person should know
	EventTicket   = "ticket"   // a panic of the program, or an error answered with 500; Name is the id
	EventRequest  = "request"  // an exchange is over
	EventHint     = "hint"     // an answer is not as HTTP wants it; Name is the rule
)

// Event is one of them. Fields that say nothing are left out.
type Event struct {
	Kind       string        `json:"event"`
	Time       time.Time     `json:"time"`
	Generation int           `json:"generation,omitempty"`
	Paths      []string      `json:"paths,omitempty"`
	Action     string        `json:"action,omitempty"`
	Files      int           `json:"files,omitempty"`
	Cached     bool          `json:"cached,omitempty"`
	Took       time.Duration `json:"took_ns,omitempty"`
	PID        int           `json:"pid,omitempty"`
	Name       string        `json:"name,omitempty"` // of the process
	Text       string        `json:"text,omitempty"`
	Errors     bool          `json:"stderr,omitempty"`
	Failure    *Failure      `json:"failure,omitempty"`
	Status     int           `json:"status,omitempty"`
	Method     string        `json:"method,omitempty"`
	Target     string        `json:"target,omitempty"`
	Bytes      int64         `json:"bytes,omitempty"`
}
