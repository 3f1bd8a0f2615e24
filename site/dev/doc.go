// Package dev runs a program while it is being written: it watches what the program is made
// of, builds and starts it anew at every change, and never refuses a request meanwhile.
//
//	files ─▶ Watcher ─▶ Supervisor ─▶ target: build ─▶ generation n+1 ─▶ ready
//	                       │                                              │
//	browser ─▶ front ──────┴─▶ generation n ──── until then; then it ends ┘
//	   ▲         │ Prefix: the script of the pages, events, the editor
//	   └─────────┴── what has changed is taken anew, without a reload where that can be
//
// The Supervisor holds the public port. A generation of a Go program listens at a port of its own: one of our
// programs takes over a socket that is open already (LISTEN_FDS) and says when it is ready (NOTIFY_SOCKET);
// any other is given the variable PORT, and is ready when somebody listens there. A Python
// application is hosted by this process. Requests go to the generation that answers until the next
// one can; when there is none yet they wait. A build or a start that fails changes
// nothing but that the pages say so.
//
// A Go program is built by the go command first. From then on, while nothing changes that it
// would have to look at, the compiler and the linker are run as it says that it would run them: a
// goRecipe, which is prepared while nothing else is to be done (see gorecipe.go).
//
// With Options.Direct a program is given the public socket itself. That is not the default, though
// it costs a request nothing: scripts in pages, records, and pages of failures need requests
// to come through here.
//
// What passes is recorded, and shown at Prefix: the dashboard, where a request can be looked
// at, sent again to the newest program, and taken along as a command or a test.
//
// A program that panics says so over a socket (see postmortem) and waits while an Inspector
// copies its memory; what is read from the copy is a Ticket, kept for later, whose console is
// guarded as console.go tells. A hosted application keeps the frames of an exception itself;
// the console of such a Ticket is a Talk, behind the same guard.
//
// A Go program of net/http that does neither, nor has a probe, is built with a witness
// (witness.go): a package beside its own that has each of its servers do both.
//
// A program that has a probe (see protocol/probe: those of site, and of net/http with report) tells of
// itself over another socket: of each request that was passed on, by a mark that only the two
// know, and once a second of loops and memory, while somebody looks at the dashboard.
//
// With Options.Debugger each program that is ready is given a Delve, and answers when the breakpoints
// of the editors that are connected are set in it: package dap keeps their sessions. With
// Options.Cover it writes which statements have run, when a page asks (coverage.go).
//
// Everything runs on one loop; builds and programs are processes, and files are read on
// threads. No program outlives the Supervisor: the keeper sees to that.
package dev
