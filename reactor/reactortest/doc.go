// Package reactortest runs protocols in memory: a clock that a test moves, a
// loop that turns when it is told, and transports whose other end is the test.
// No descriptor, no goroutine, no sleep; the same input gives the same run.
//
//	test ── Deliver, DeliverEOF, Lose ──▶ Transport ── DataReceived … ──▶ Protocol
//	test ◀── Bytes, Take, Closed ──────── Transport ◀── Write, … ──────── Protocol
//	test ── Advance, Turn, Run ─────────▶ Loop ── timers, CallFromThread ─▶ Protocol
//
// The doubles keep the rules of the real reactor: nothing calls back from inside
// a call, what one callback writes leaves together when it ends, producers are
// paused and resumed at the same marks, ConnectionLost comes exactly once. They
// are stricter where that finds bugs: bytes lent to a callback are overwritten
// when it returns, and bytes lent to WriteShared are checked to be unchanged.
//
// All of it belongs to the goroutine of the test, which plays the loop; only
// CallFromThread may be called by others. Between two calls of the test's side
// (Deliver, Bytes, Turn, …) the test itself counts as one callback: it may call
// the protocol or the transport directly, and what follows from that happens at
// its next call of the test's side.
package reactortest
