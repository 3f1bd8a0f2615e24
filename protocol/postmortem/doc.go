// Package postmortem tells a development server of a panic while the frames that led to
// it are still there.
//
//	goroutine that panicked     its coroutine          development server
//	recover ──► OfPanic ──────► its number ─ socket ─► copies the memory of this process
//	            is parked
//	            goes on ◄───────────────────── "seen" ─┘
//	            describes the value and the exchange ──► reads the frames, draws the page
//	            goes on; the answer is it ◄────────────┘
//
// A goroutine that has recovered keeps the frames of the panic until its deferred function
// returns. OfPanic therefore does next to nothing before they have been copied: it takes
// the stack as text and waits. The page it does not wait for. A program that nobody
// supervises pays one comparison for it.
//
// Where somebody else has recovered, as the middleware of a router does, OfRecovered is called
// while his deferred function has not returned: then the development server finds the
// value in the copy, and says where it is.
//
// Of a panic that nobody recovers from the runtime itself tells, by what it prints: see fatal.go,
// which only programs have that are built with the tag spindle_dev.
//
// Pointers into the stack that the compiler takes for dead are not moved with it: who may
// panic calls GrowStack first, and the development server sets gcshrinkstackoff.
//
// The package stands on the standard library and probe alone, and not on net/http.
package postmortem
