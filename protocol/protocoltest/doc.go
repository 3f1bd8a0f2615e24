// Package protocoltest has the doubles for both sides of package protocol: a
// Channel that records what a Receiver answers, a Server with Receivers that do
// what a test says, and a Client that writes and reads a connection in memory as
// a transcript.
//
//	test ──▶ Channel ◀── the Receiver under test
//	test ──▶ Client ──▶ the protocol under test ──▶ Server, Exchange ◀── test
//
// All of it belongs to the goroutine of the test, as in package reactortest.
package protocoltest
