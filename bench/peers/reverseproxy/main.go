// Reverseproxy is httputil.ReverseProxy of the standard library, in front of -upstream.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"

	"spindle-bench-peers/peer"
)

func main() {
	upstream := flag.String("upstream", "", "`URL` that everything is passed on to")
	listen, _ := peer.Flags()
	to, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256 // with the default, of 2, it connects for nearly every request
	transport.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
	}
	log.SetOutput(io.Discard) // it tells of every client that leaves
	peer.Serve(listen, (&http.Server{Handler: proxy}).Serve)
}
