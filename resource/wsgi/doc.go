// Package wsgi runs applications of Python behind WSGI (PEP 3333) as a resource: in
// worker processes of the user's own interpreter, with its virtual environment.
//
//	client ──▶ Request ──▶ App ──▶ queue, bounded ──▶ a link that is idle
//	                                                      │ socketpair
//	  ┌──────────── worker process ────────────┐          │
//	  │ thread 1: start_response, application ◀┼──────────┘  head, content ▶  ◀ answer
//	  │ thread 2: …                           ◀┼───────────  one request at a time
//	  │ control: loaded, new link, sources …  ─┼──────────▶  worker
//	  │ stdout, stderr                        ─┼──────────▶  log, line by line
//	  └────────────────────────────────────────┘
//
// The worker (directory worker, built in) needs the standard library alone, of Python 3.8 or
// later. It has one socket to the server, its control, at descriptor 3. Each of its
// threads makes a socketpair and passes one end over the control: a link. A link carries
// one request at a time and lives on between requests; when a client leaves in the
// middle the server closes it, which the application meets as an error in its next read
// or write, and the thread makes another. Since a link has one request only, the buffers
// of its socket are the window in both directions: the loop stops reading a client whose
// content the application does not take, and stops reading a link whose answer the client
// does not take; the loop itself never waits. Files of wsgi.file_wrapper are passed as
// descriptors and sent by sendfile(2), when the thread has long gone on.
//
// For a development server, which is an App with Failed, a worker has more parts of the
// program: it tells of an exception with its frames and their variables, keeps the last ten,
// and has a console, which is a socketpair and a thread of its own, to run code in them.
//
// With a Stem such an App has its workers forked: of a process which has loaded the modules
// that an earlier worker told of and that are not the application's. A fork is handed the
// descriptors of a worker, which come as descriptors do, and is a worker from then on; how it
// ended is told by that process. Where a fork would be other than an interpreter of its own,
// as far as that can be known, there is none. See stem.go.
//
// A worker that dies is started again, at once the first time and then after pauses that
// grow to a second, or to half a minute when the application can not be loaded; what it
// worked on is answered 502, and 504 when it was killed for taking too long. A worker is replaced after MaxRequests requests, or when it has
// grown to MaxMemory: it goes on until its successor has loaded the application.
//
// SCRIPT_NAME is the part of the path that the walk has used up and PATH_INFO the rest,
// both decoded, their bytes as Latin-1. A field of the client becomes HTTP_NAME unless its
// name has an underscore, or is Proxy; several of one name are joined, by a comma, or by
// "; " if they are cookies. REMOTE_ADDR is Request.ClientAddr, wsgi.url_scheme is
// Request.Scheme. Content of which nobody said the length is stored by the worker before
// the application is called, and has a CONTENT_LENGTH then.
package wsgi
