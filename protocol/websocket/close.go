package websocket

// This file is the end of a connection: the close handshake (RFC 6455 §7), and what is
// done with a client that breaks the rules.

// Close begins the close handshake. reason, 123 bytes at most, is for the client's log.
// A code that may not be sent (CanSend) becomes CodeInternalError; 0 sends none. What
// the client still sends is not told any more, but for Closed. A second Close does
// nothing.
func (c *Conn) Close(code Code, reason string) {
	if c.state != stateOpen {
		return
	}
	if code == 0 {
		code = CodeNone
	} else if !code.CanSend() {
		code = CodeInternalError
	}
	c.sendClose(code, reason)
	c.state = stateClosing
	c.flags &^= paused
	c.watch()
	c.readOn() // for the client's answer
}

// sendClose writes the last frame.
func (c *Conn) sendClose(code Code, reason string) {
	c.t.Write(appendClose(c.t.AvailableBuffer(), code, reason))
	c.silence()
}

// silence ends the producing: the transport may end when all is delivered.
func (c *Conn) silence() {
	if c.flags&silenced == 0 {
		c.flags = c.flags&^choked | silenced
		c.t.UnregisterProducer()
	}
}

// Abort ends the connection at once, without a close frame.
func (c *Conn) Abort() {
	if c.state != stateLost && c.t != nil {
		c.silence()
		c.t.AbortConnection()
	}
}

// Dismiss closes the connection of a client that is too slow for what it gets.
func (c *Conn) Dismiss(reason string) { c.Close(CodePolicyViolation, reason) }

// NotifyClosed has f called when the connection is closed, before Closed is. After that
// it is not called any more.
func (c *Conn) NotifyClosed(f func()) { c.onClosed = append(c.onClosed, f) }

// closeReceived deals with the client's close frame.
func (c *Conn) closeReceived(payload []byte) *failure {
	code, reason, err := parseClose(payload)
	if err != nil {
		return err
	}
	if c.state == stateOpen {
		c.sendClose(code, "")
	}
	c.over(code, reason)
	c.t.LoseConnection() // RFC 6455 §7.1.1: the server ends it first
	return nil
}

// fail ends the connection of a client that has broken the rules. It is told, and what
// it still sends is thrown away until it ends too, so that it sees what it is told.
// RFC 6455 §7.1.7.
func (c *Conn) fail(err *failure) {
	if c.state == stateOpen {
		c.sendClose(err.code, err.reason)
	}
	c.t.LoseWriteConnection()
	c.over(err.code, err.reason)
}

// over tells of the end. The transport still has to deliver what was written.
func (c *Conn) over(code Code, reason string) {
	c.state = stateOver
	c.flags &^= paused | choked | holding
	if c.in != nil {
		c.f.giveBack(c.in)
		c.in = nil
	}
	c.watch()
	c.tell(code, reason)
}

// tell calls who wants to know of the end.
func (c *Conn) tell(code Code, reason string) {
	told := c.onClosed
	c.onClosed = nil
	for _, f := range told {
		f()
	}
	c.h.Closed(c, code, reason)
}
