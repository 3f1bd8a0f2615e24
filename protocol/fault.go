package protocol

// This file is what can be wrong with an answer that who passes it on mends, so that it can
// not be seen in it any more.

// Fault is one of those things.
type Fault struct {
	Kind  FaultKind
	Bytes int64  // how many, where that is meant
	Text  string // the words for it, peers' bytes quoted
}

// FaultKind is a kind of fault.
type FaultKind uint8

// The kinds.
const (
	FaultExtra      FaultKind = iota + 1 // Bytes or more came behind the end of the answer
	FaultCut                             // the connection ended before the answer was complete
	FaultUnreadable                      // it is not HTTP: Text says why
	FaultLength                          // the content is not as long as was said: Text
	FaultBody                            // content was given where there is none, and dropped
)

// FaultReceiver is a ClientReceiver that also hears of faults, of which some are found only
// after the end of the exchange.
type FaultReceiver interface {
	ClientReceiver
	// WantsFaults tells whether it is to be told; a connection remembers who does until the
	// next exchange. It is asked at the end of one.
	WantsFaults() bool
	// FaultFound brings one, up to the next exchange of the connection.
	FaultFound(f Fault)
}
