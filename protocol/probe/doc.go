// Package probe lets a development server look into a program while it runs: its
// goroutines, its memory, what it does with each request.
//
//	program                                         development server
//	Start ── UNIX socket ── "hello - {…}" ────────► who is there, and what it can tell
//	        ◄──────────────── "welcome - key" ───── the key of the requests that it marks
//	Tell("span", "17", …) ── "span 17 {…}" ───────► kept, and shown to who asks
//	        ◄──────────────── "watch - on" ──────── somebody looks: figures each second
//	Figures ──────────────── "figures - {…}" ─────►
//	        ◄──────────────── "ask 3 goroutines" ── once, by Handle
//	f(arg) ───────────────── "answer 3 {…}" ──────►
//
// Every message is one line of a kind, a key without spaces ("-" for none), and a rest. A
// program that nobody supervises pays one comparison for it. What is told while the
// development server does not read is dropped, never waited for.
//
// The package stands on the standard library alone, and not on net/http.
package probe
