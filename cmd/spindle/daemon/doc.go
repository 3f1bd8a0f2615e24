// Package daemon is what a server needs of the system to run by itself, behind no
// terminal:
//
//	pidfile.go   the file that says which process it is, held by a lock
//	detach.go    a process of its own, which tells whoever started it that it is ready
//	identity.go  the user that it becomes when its ports are open
//	output.go    where standard output and error go, opened again by a signal
//	listeners.go where a process listens, as /proc tells it
//
// It knows no HTTP and no flags. Linux, macOS and the BSDs.
package daemon
