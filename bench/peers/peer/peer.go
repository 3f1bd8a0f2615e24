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
	"runtime"
	"strconv"
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

// Secure is where to listen with TLS, and the files for it.
type Secure struct{ listen, cert, key string }

// SecureFlags adds -tls, -cert and -key. It is called before Flags.
func SecureFlags() *Secure {
	s := new(Secure)
	flag.StringVar(&s.listen, "tls", "", "`address` to listen on with TLS, too")
	flag.StringVar(&s.cert, "cert", "", "certificate `file`")
	flag.StringVar(&s.key, "key", "", "`file` with its key")
	return s
}

// Serve is Serve for the port with TLS, beside the other; without -tls there is none.
func (s *Secure) Serve(serve func(l net.Listener, cert, key string) error) {
	if s.listen == "" {
		return
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening with TLS on %s\n", l.Addr())
	go func() { log.Fatal(serve(l, s.cert, s.key)) }()
}

// Goroutines is the content of /goroutines: how many there are.
func Goroutines() string { return strconv.Itoa(runtime.NumGoroutine()) }

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
