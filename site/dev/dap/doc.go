// Package dap stands between editors and Delve, so that a debugging session outlives the
// program that is debugged.
//
//	editor ──▶ Relay ──▶ opening ─┬─ Content-Length: … ─▶ session ──▶ link ──▶ Delve of the newest program
//	                              └─ anything else ─────▶ pipe ─────────────▶ the same, until it ends
//
// An editor that speaks the Debug Adapter Protocol keeps its connection. When the program is
// replaced its session is made anew with the Delve of the new one: initialize, attach, the
// breakpoints that were set last, configurationDone. What the editor asks meanwhile waits, and
// the numbers of breakpoints stay what they were to it. A debugger that speaks Delve's own
// protocol, as dlv connect does, is passed on as it is, and ends with the program.
//
// Messages are taken apart as far as they are dealt with, and nothing of what an adapter adds
// is lost: github.com/google/go-dap reads by pulling, and into types that drop what they do
// not know.
//
// All of it runs on the loop.
package dap
