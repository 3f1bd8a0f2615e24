package site

import (
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Entry is one line of an access log: an exchange that is over, or a request
// that was refused before it became one.
type Entry struct {
	Time     time.Time     // when the head had arrived
	Duration time.Duration // from then to the end of the exchange; 0 for a refused head
	Peer     reactor.Addr  // the client; behind trusted proxies the one they name
	Method   string        // empty for a refused head
	Target   []byte        // as received; of a refused head the start of what came
	Version  protocol.Version
	Status   int   // 0 when the client left before an answer began
	Bytes    int64 // of content written, without framing
	Referer  []byte
	Agent    []byte
	ErrorID  string // the id of its failure in the error log, "" without one
	Aborted  bool   // the answer did not end: the client left, or the exchange was cut
	Stopped  bool   // likewise, and this side has ended it: it stops, or has something newer
	Refused  string // why the protocol refused the head, "" if it did not
}

// AccessLogger is told of each exchange when it is over. Loop only.
type AccessLogger interface {
	// Log takes e, which is valid until return, with all its bytes.
	Log(e *Entry)
}
