// Chi is net/http behind the router chi.
package main

import (
	"io"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"spindle-bench-peers/peer"
)

func main() {
	listen, root := peer.Flags()
	r := chi.NewRouter()
	r.Get("/", text("text/plain", peer.Hello))
	r.Get("/plaintext", text("text/plain", peer.Hello))
	r.Get("/json", text("application/json", peer.JSON))
	r.Get("/big", big)
	r.Post("/echo", echo)
	if root != "" {
		r.Get("/files/*", http.StripPrefix("/files/", http.FileServer(http.Dir(root))).ServeHTTP)
	}
	peer.Serve(listen, func(l net.Listener) error { return http.Serve(l, r) })
}

func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "chi")
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

func big(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "1048576")
	w.Write(peer.Big)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Server", "chi")
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.Write(body)
}
