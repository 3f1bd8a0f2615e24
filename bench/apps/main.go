// Command apps serves programs that were written for net/http's server, unchanged, in one
// tree: gin, chi, echo, a gRPC server and a gateway to it, pprof, WebSockets by gorilla and
// coder, a reverse proxy and a file server. It is what the end-to-end test asks:
//
//	go run . tcp:8080
package main

import (
	"log"
	"net/url"
	"os"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/handler"
	"spindle/site"
)

func main() {
	endpoint := "tcp:8080"
	if len(os.Args) > 1 {
		endpoint = os.Args[1]
	}
	upstream := url.URL{Scheme: "http", Host: "127.0.0.1:8081"}
	if _, err := reactor.Default().Listen(endpoint, site.New(tree(&upstream, "."))); err != nil {
		log.Fatal(err)
	}
	log.Fatal(reactor.Run())
}

// tree has each program under its name. Those that believe to be at the root have the
// prefix stripped.
func tree(upstream *url.URL, dir string) *resource.Tree {
	root := new(resource.Tree)
	for name, h := range map[string]*handler.Handler{
		"gin":     handler.New(ginApp()),
		"chi":     handler.New(chiApp()),
		"echo":    handler.New(echoApp()),
		"gateway": handler.New(gateway()),
		"proxy":   handler.New(proxy(upstream)),
		"files":   handler.New(files(dir)),
		"gorilla": handler.New(gorillaEcho()),
		"coder":   handler.New(coderEcho()),
	} {
		h.StripPrefix = true
		root.PutChild(name, h)
	}
	root.PutChild("debug", handler.New(pprofMux()))
	root.PutChild("grpc.health.v1.Health", handler.New(grpcServer()))
	return root
}
