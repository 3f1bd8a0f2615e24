// Package postmortem tells a development server of a panic while the frames that led to
// it are still there.
//
//	goroutine that panicked       a goroutine of its own         development server
//	recover ──► OfPanic ───────► its number ── UNIX socket ────► copies the memory of
//	            parks on a channel                               this process
//	            goes on ◄────────────────────── "seen" ────────┘ reads the frames
//	            describes the value and the exchange ──────────► draws the page
//	            answers with it ◄──────────────────────────────┘
//
// A goroutine that has recovered keeps the frames of the panic until its deferred function
// returns. OfPanic therefore does next to nothing before they have been looked at: it takes
// the stack as text and waits. A program that nobody supervises pays one
// comparison for it.
//
// Pointers into the stack that the compiler takes for dead are not moved with it: who may
// panic calls GrowStack first, and the development server sets gcshrinkstackoff.
//
// The package stands on the standard library alone, and not on net/http.
package postmortem
