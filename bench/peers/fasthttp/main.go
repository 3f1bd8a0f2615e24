// Fasthttp is github.com/valyala/fasthttp.
package main

import (
	"net"
	"strings"

	"github.com/valyala/fasthttp"

	"spindle-bench-peers/peer"
)

func main() {
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
	peer.Serve(listen, func(l net.Listener) error { return s.Serve(l) })
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
	default:
		if strings.HasPrefix(path, "/files/") {
			files(c)
			return
		}
		c.Error("not found", fasthttp.StatusNotFound)
	}
}
