package protocol

import "strconv"

// Error ends one exchange with a status, or with Close the whole connection.
type Error struct {
	Status int    // the answer, 4xx or 5xx; 0: close without one
	Reason string // what is wrong, one line without peer bytes that are not quoted
	Close  bool   // the connection can not go on
}

// Error is "protocol: 400 Bad Request: " and the reason.
func (e *Error) Error() string {
	if e.Status == 0 {
		return "protocol: " + e.Reason
	}
	return "protocol: " + strconv.Itoa(e.Status) + " " + StatusText(e.Status) + ": " + e.Reason
}

// quoteMax is how much of a peer's bytes an error or a log line shows.
const quoteMax = 80

// Quote is s as %q writes it, cut after 80 bytes: the way for bytes of a peer to
// stand in an error's text or in a log line.
func Quote[T text](s T) string {
	if len(s) <= quoteMax {
		return strconv.Quote(string(s))
	}
	return strconv.Quote(string(s[:quoteMax])) + "..."
}
