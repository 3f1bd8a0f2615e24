// Package cert finds, checks and makes certificates for TLS.
//
//	files.go      a certificate and its key from files, and what is wrong with them
//	diagnose.go   the words for it
//	set.go        the choice among several by the name that a client asks for (SNI)
//	store.go      files that are read again when they have changed
//	adhoc.go      a certificate for this machine that nobody has signed
//	authority.go  an authority for development, whose certificates a browser can trust
//
// It knows no loop. What reads files blocks and belongs on a thread; a Set may be
// asked on any goroutine. The time is a parameter.
package cert
