// Package cgi runs CGI scripts (RFC 3875): one process for each request, started by the
// reactor.
//
//	root.PutChild("cgi-bin", cgi.New("/srv/cgi-bin"))
//
// serves every file there that may be executed; a Dir with Extensions serves those with
// certain endings, by the interpreter named for each. A Script is one script for all
// that is below it. What is left of the path is PATH_INFO.
//
// A script gets the environment that the RFC names, and of that of this process the
// variables in Inherit only. Its standard input is the content of the request, its
// standard output the answer, at the pace of the client; what it writes to standard error
// goes to the log, line by line. Where the name begins with "nph-" it writes the status
// line itself. A script that takes too long, writes too much, or whose client is gone,
// gets SIGTERM and then SIGKILL, with all processes that it has started.
package cgi
