// Package peer is what the servers of this module share: their flags, the line
// that says where they listen, and the end on SIGTERM. They live in a module of
// their own so that nobody who uses spindle inherits what they need.
package peer

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// Hello and JSON are the contents of / and of /json.
const (
	Hello = "Hello, World!"
	JSON  = `{"message":"Hello, World!"}`
)

// Big is the content of /big: 1 MiB.
var Big = bytes.Repeat([]byte{'x'}, 1<<20)

// Flags parses -listen and -root. A root of "" serves no files.
func Flags() (listen, root string) {
	flag.StringVar(&listen, "listen", "127.0.0.1:0", "`address` to listen on")
	flag.StringVar(&root, "root", "", "`directory` below /files/")
	flag.Parse()
	return listen, root
}

// Serve listens, says where, and hands the listener to serve until SIGTERM,
// which ends the process with status 0.
func Serve(listen string, serve func(net.Listener) error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	go ExitOnTerm()
	Ready(l.Addr())
	log.Fatal(serve(l))
}

// Ready tells who started this process that it may connect.
func Ready(a net.Addr) { fmt.Printf("listening on %s\n", a) }

// ExitOnTerm waits for SIGTERM or SIGINT and ends the process.
func ExitOnTerm() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
	os.Exit(0)
}
