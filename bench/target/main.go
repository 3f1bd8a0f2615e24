// Target is the server that conformance suites and load tools talk to. It is
// built from the public packages alone, with every limit and time-out at its
// default, so that what is measured is what a user gets.
//
//	go run ./bench/target -listen 127.0.0.1:8080 [-root DIR] [-loops N] [-cpuprofile FILE]
//		[-tls 127.0.0.1:8443 [-cert FILE -key FILE]] [-h2c 127.0.0.1:8081] [-upgrade]
//
//	/, /plaintext   Hello, World!
//	/json           {"message":"Hello, World!"}
//	/echo           POST: the content back, with its Content-Type
//	/big            1 MiB of 'x'
//	/slow           "slow", after a second
//	/goroutines     how many goroutines there are
//	/files/…        the files below DIR
//	/ws             WebSocket: every message comes back; permessage-deflate is offered
//	/all            WebSocket: every message goes to all who are connected
//	/events         server-sent events: one a second, with an id
//
// It prints "listening on ADDR", and with -tls "listening with TLS on ADDR", with -h2c
// "listening for HTTP/2 on ADDR", when clients may connect. Without -cert and -key it makes a certificate (P-256) on the
// spot. It ends with status 0 on SIGTERM.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime/pprof"

	"spindle/reactor"
	"spindle/reactor/cert"
	"spindle/site"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on; port 0 lets the system choose")
	root := flag.String("root", "", "`directory` to serve below /files/")
	loops := flag.Int("loops", 1, "number of loops, each with a tree of its own; 0 is one for each core")
	profile := flag.String("cpuprofile", "", "`file` for a profile of the CPU, as default.pgo is made of")
	secure := flag.String("tls", "", "`address` to listen on with TLS, too")
	h2c := flag.String("h2c", "", "`address` to listen on for HTTP/2 alone, without TLS, too; the others take it beside HTTP/1.1")
	upgrade := flag.Bool("upgrade", false, "take the upgrade from HTTP/1.1 to HTTP/2 (Upgrade: h2c)")
	files := cert.Files{}
	flag.StringVar(&files.Cert, "cert", "", "certificate `file` in the form PEM")
	flag.StringVar(&files.Key, "key", "", "`file` with its key")
	flag.Parse()
	if *profile != "" {
		stop, err := profileTo(*profile)
		if err != nil {
			log.Fatal("target: ", err)
		}
		defer stop()
	}
	if err := serve(*listen, *secure, *h2c, files, *root, *loops, *upgrade); err != nil {
		log.Fatal("target: ", err)
	}
}

func serve(listen, secure, h2c string, files cert.Files, root string, loops int, upgrade bool) error {
	group := reactor.NewGroup(loops)
	sites := map[*reactor.Reactor]*site.Site{}
	for _, r := range group.Reactors() {
		sites[r] = site.New(tree(r, root))
		sites[r].UpgradeHTTP2 = upgrade
	}
	open := func(what, address string, options *reactor.TLSOptions, factory func(s *site.Site) reactor.Factory) error {
		e, err := endpointOf(address)
		if err != nil {
			return err
		}
		e.TLS = options
		ports, err := group.ListenEndpoint(e, func(r *reactor.Reactor) (reactor.Factory, error) { return factory(sites[r]), nil })
		if err != nil {
			return err
		}
		fmt.Println(what, ports[0].Addr())
		return nil
	}
	itself := func(s *site.Site) reactor.Factory { return s }
	if err := open("listening on", listen, nil, itself); err != nil {
		return err
	}
	if secure != "" {
		options := new(reactor.TLSOptions)
		if files.Cert != "" {
			options.Files = []cert.Files{files}
		}
		if err := open("listening with TLS on", secure, options, itself); err != nil {
			return err
		}
	}
	if h2c != "" {
		known := func(s *site.Site) reactor.Factory { return reactor.FactoryFunc(s.BuildHTTP2) }
		if err := open("listening for HTTP/2 on", h2c, nil, known); err != nil {
			return err
		}
	}
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
func endpointOf(listen string) (reactor.Endpoint, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || host == "" {
		port = "tcp:" + port
	} else {
		port = "tcp:" + port + ":interface=" + reactor.QuoteEndpoint(host)
	}
	if err != nil {
		return reactor.Endpoint{}, err
	}
	return reactor.ParseEndpoint(port)
}
