// Package locals reads the arguments and variables of a goroutine of another process, from
// a copy of its memory: nothing is stopped, nothing is written, and the copy can be asked
// when the process has long gone on.
//
//	copy (see inspect) ───────────────────┐
//	the program's file (code, constants) ─┴─► Delve: frames, variables, expressions
//
// Delve is used as a library; what it reads of a program's debug information is kept and
// shared by all copies. It is for the helper, a process of its own.
package locals
