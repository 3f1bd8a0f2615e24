// Package inspect has the memory of a program looked at by a helper, a process of its own:
// what a debugger knows of a program takes more memory than a whole development server.
//
//	program ── /proc/PID/mem ──► Capture ──► memfd ──┐ the program goes on
//	                                                 ▼
//	Moment ◄──── frames, values ◄──── Serve, in the helper, which has the debugger
//
// The helper is started beside the first program, and told of each that follows (Prepare):
// a look at the first panic is as fast as at those that follow. It lives as long as the
// development server. The two speak over a socket: a line of JSON each way, with the
// descriptors of the copy and of the program's file.
//
// It works on Linux on amd64, with the right to read the memory of the program, as of a
// child. Elsewhere Capture says so.
package inspect
