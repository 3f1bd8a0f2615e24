// Compare measures spindle beside its peers and says whether it is as fast as it
// has to be:
//
//	go run ./bench/compare [-only plaintext,echo] [-servers spindle,nginx]
//	                       [-windows 5] [-seconds 1] [-out bench/results]
//
// It builds all servers and the load clients, and needs Linux, two cores and a C
// compiler. wrk, h2load, nginx and Twisted are used where they are installed; what is
// missing is said. It prints a table for each workload, and writes results.json
// and results.svg.
//
// # Method
//
// What is compared is the CPU time (user and system) that a server's processes
// spend for one request. The server runs on one core, the client on another.
// Absolute times drift with the machine, by 30 % within minutes, so only ratios
// of windows side by side are used:
//
//	limit  spindle  nginx  limit  fasthttp  net/http  limit  …   one round
//
// All servers of a workload are alive at once. A window is one run of the
// client against one server. Its CPU per request is divided by the mean of the
// nearest windows of a reference, before and after it. For HTTP/1.1 in the clear that
// is the limit, a bare C loop with canned answers (bench/limit); for HTTP/2 and TLS it
// is net/http, for a WebSocket's echo gobwas/ws on gnet, for a broadcast a bare
// write(2) for each receiver. The order rotates from round to round, and
// the table gives the median of these ratios with their quartiles. A window in
// which other processes (or the hypervisor) took more than 5 % of the server's
// core or 8 % of the client's is repeated, at most -repeats times; the quietest
// one counts, and the table says how many were noisy all the same.
//
// With wrk the client's core is the one that is full: the server sleeps part of
// the time. The workload "saturated" uses a client that spins (bench/load), so
// that the server's core is full: there requests per second and CPU agree.
//
// With TLS all servers have the same certificate (P-256) and speak TLS 1.3 with
// X25519 and AES-128-GCM. Handshakes, WebSocket and their idle connections are made
// by a client in Go (bench/goload), which is told when to begin, so that a window has
// no handshake in it that it is not about.
//
// Every server is asked once before the windows, and its answer compared byte by
// byte; the load client looks at the status and length of each answer.
//
// # Files
//
//	main.go      flags, and the order of things
//	workload.go  what is asked, and the bars
//	build.go     the binaries, the files and the certificate
//	server.go    what is started for each name
//	process.go   starting on a core, stopping
//	cpu.go       CPU time and memory from /proc
//	client.go    one window of load
//	held.go      clients that hold their connections before and after it
//	check.go     one request before them
//	window.go    rounds of windows
//	idle.go      ten thousand idle connections
//	stats.go     medians, results
//	table.go, svg.go, progress.go  what is seen
package main
