package protocol

// Error ends one exchange with a status, or with Close the whole connection.
type Error struct {
	Status int    // the answer, 4xx or 5xx; 0: close without one
	Reason string // what is wrong, one line without peer bytes that are not quoted
	Close  bool   // the connection can not go on
}

// Error is "400 Bad Request: reason" without the status text's package.
func (e *Error) Error() string { return "protocol: " + e.Reason }
