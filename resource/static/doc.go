// Package static serves files: a directory of the machine, one file, or any fs.FS.
//
//	root := new(resource.Tree)
//	root.PutChild("", &static.Dir{Path: "public", MaxAge: time.Hour})
//	root.PutChild("assets", static.FS(embedded))
//
// The way of a request:
//
//	path ──▶ key ──▶ cache ── fresh page ───────────────▶ answer ──▶ memory, one write
//	                   │                                    ▲  │
//	                   └─ none, or older than Revalidate    │  └──▶ sendfile, or pieces
//	                        │                               │       that threads read
//	                        ▼                               │
//	                      load (a thread): stat ─▶ plan ─▶ page
//
// All that may wait for a disk is done by a thread of the loop's pool; all else is
// done on the loop, without a lock. A file of up to 64 KiB is kept in memory with
// the fields of its answers, so that the answer costs neither a system call beyond
// read and write nor an allocation; it is looked at again once in each Revalidate.
// A larger one is kept open and sent by sendfile: all its downloads share the one
// descriptor, which is closed when the last of them is over.
//
// Nothing outside of the root is served. A name is refused when it has an empty
// segment, "." or "..", NUL, a backslash or an encoded slash; what is left is
// resolved by os.Root, component by component below an open directory. Names that
// begin with a dot are hidden, but for /.well-known/. Devices, pipes and sockets are
// not opened.
//
// Conditions, ranges and validators are those of RFC 9110 §8.8, §13 and §14; the
// content codings of siblings those of §12.5.3. A file that turns out shorter than
// its answer promised ends the connection: the client sees that it is cut, and the
// next answer can not be taken for its rest.
package static
