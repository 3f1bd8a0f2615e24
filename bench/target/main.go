// Target is the server that conformance suites and load tools talk to. It is
// built from the public packages alone, with every limit and time-out at its
// default, so that what is measured is what a user gets.
//
//	go run ./bench/target -listen 127.0.0.1:8080 [-root DIR] [-loops N] [-cpuprofile FILE]
//
//	/, /plaintext   Hello, World!
//	/json           {"message":"Hello, World!"}
//	/echo           POST: the content back, with its Content-Type
//	/big            1 MiB of 'x'
//	/slow           "slow", after a second
//	/files/…        the files below DIR
//
// It prints "listening on ADDR" when clients may connect, and ends with status 0
// on SIGTERM.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime/pprof"

	"spindle/reactor"
	"spindle/site"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on; port 0 lets the system choose")
	root := flag.String("root", "", "`directory` to serve below /files/")
	loops := flag.Int("loops", 1, "number of loops, each with a tree of its own; 0 is one for each core")
	profile := flag.String("cpuprofile", "", "`file` for a profile of the CPU, as default.pgo is made of")
	flag.Parse()
	if *profile != "" {
		stop, err := profileTo(*profile)
		if err != nil {
			log.Fatal("target: ", err)
		}
		defer stop()
	}
	if err := serve(*listen, *root, *loops); err != nil {
		log.Fatal("target: ", err)
	}
}

func serve(listen, root string, loops int) error {
	endpoint, err := endpointOf(listen)
	if err != nil {
		return err
	}
	group := reactor.NewGroup(loops)
	ports, err := group.Listen(endpoint, func(*reactor.Reactor) (reactor.Factory, error) {
		return site.New(tree(root)), nil
	})
	if err != nil {
		return err
	}
	fmt.Println("listening on", ports[0].Addr())
	return group.Run()
}

// profileTo begins a profile; stop writes its end.
func profileTo(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			log.Print("target: ", err)
		}
	}, nil
}

// endpointOf makes an endpoint of HOST:PORT.
func endpointOf(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || host == "" {
		return "tcp:" + port, err
	}
	return "tcp:" + port + ":interface=" + reactor.QuoteEndpoint(host), nil
}
