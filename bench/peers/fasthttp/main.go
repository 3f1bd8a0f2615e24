// Fasthttp is github.com/valyala/fasthttp.
package main

import (
	"strings"

	"github.com/valyala/fasthttp"

	"spindle-bench-peers/peer"
)

func main() {
	secure := peer.SecureFlags()
	listen, root := peer.Flags()
	files := func(c *fasthttp.RequestCtx) { c.Error("no -root", fasthttp.StatusNotFound) }
	if root != "" {
		fs := &fasthttp.FS{Root: root, AcceptByteRange: true, PathRewrite: fasthttp.NewPathSlashesStripper(1)}
		files = fs.NewRequestHandler()
	}
	s := &fasthttp.Server{
		Name:               "fasthttp",
		MaxRequestBodySize: 32 << 20,
		Handler:            func(c *fasthttp.RequestCtx) { dispatch(c, files) },
	}
	secure.Serve(s.ServeTLS)
	peer.Serve(listen, s.Serve)
}

func dispatch(c *fasthttp.RequestCtx, files fasthttp.RequestHandler) {
	switch path := string(c.Path()); path {
	case "/", "/plaintext":
		c.SetContentType("text/plain")
		c.SetBodyString(peer.Hello)
	case "/json":
		c.SetContentType("application/json")
		c.SetBodyString(peer.JSON)
	case "/big":
		c.SetContentType("text/plain")
		c.Response.SetBodyRaw(peer.Big)
	case "/echo":
		c.SetContentTypeBytes(c.Request.Header.ContentType())
		c.SetBody(c.PostBody())
	case "/goroutines":
		c.SetBodyString(peer.Goroutines())
	default:
		if strings.HasPrefix(path, "/files/") {
			files(c)
			return
		}
		c.Error("not found", fasthttp.StatusNotFound)
	}
}
