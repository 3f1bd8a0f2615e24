// Package resourcetest drives a tree of resources in memory: no port, no parser, a
// clock that the test moves.
//
//	test ──Get, Do, Start──▶ Server ──Head──▶ resource.Request ──▶ tree
//	test ◀── Response ◀───── Exchange ◀── status, fields, content ──┘
//
// Get and Do follow an answer that comes later: they move the clock from timer to
// timer and wait for threads. A test that wants to look in between uses Start:
//
//	s := resourcetest.New(root)
//	x := s.Start("GET", "/slow", nil, nil)
//	s.Loop.Advance(4 * time.Second)
//	x.Lose(nil) // the client leaves
package resourcetest
