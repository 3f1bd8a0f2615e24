package reactortest

import (
	"bytes"
	"fmt"
)

// SimClient is the other end of one connection of a Sim: what it sends, and the
// oracle that judges what it receives. An error from it fails the run.
type SimClient interface {
	// Send returns what to send next; nothing when it waits for the server
	// first. last tells that this was all it will ever send.
	Send() (data []byte, last bool)
	// Received judges the next bytes from the server. data is valid until return.
	Received(data []byte) error
	// Done tells that it has all that it wants: it closes the connection then.
	Done() bool
	// Ended judges the end of the connection. It is called once.
	Ended(how SimEnd) error
}

// SimEnd is how a connection of a Sim ended.
type SimEnd uint8

// The ways in which a connection ends.
const (
	// ServerClosed: the server ended it; all it had written has been received.
	ServerClosed SimEnd = iota
	// ServerAborted: the server reset it; anything may be missing.
	ServerAborted
	// ClientClosed: the client was done and closed it.
	ClientClosed
	// NetworkBroke: the simulation broke it; anything may be missing.
	NetworkBroke
)

// String is the name of e in words.
func (e SimEnd) String() string {
	return [...]string{"server closed", "server aborted", "client closed", "network broke"}[e]
}

// Script is a SimClient that sends Out whole and expects Want, byte for byte: all
// of it, or less when the connection broke.
type Script struct {
	Out, Want []byte
	// KeepOpen tells that the server closes after Want, not the client.
	KeepOpen bool

	sent bool
	got  int
}

// Send returns Out, the first time.
func (s *Script) Send() ([]byte, bool) {
	if s.sent {
		return nil, true
	}
	s.sent = true
	return s.Out, true
}

// Received compares data with what is due.
func (s *Script) Received(data []byte) error {
	due := s.Want[s.got:]
	if !bytes.HasPrefix(due, data) {
		return fmt.Errorf("at byte %d: received %.80q, want %.80q", s.got, data, due)
	}
	s.got += len(data)
	return nil
}

// Done tells whether all of Want is there.
func (s *Script) Done() bool { return s.got == len(s.Want) && !s.KeepOpen }

// Ended finds what is missing.
func (s *Script) Ended(how SimEnd) error {
	switch {
	case how == ServerAborted:
		return fmt.Errorf("%v after %d of %d bytes", how, s.got, len(s.Want))
	case how != NetworkBroke && s.got < len(s.Want):
		return fmt.Errorf("%v: received %d of %d bytes", how, s.got, len(s.Want))
	}
	return nil
}

var _ SimClient = (*Script)(nil)
