// Nethttp is the standard library's server, with HTTP/2 by prior knowledge and over TLS.
package main

import (
	"io"
	"net/http"

	"spindle-bench-peers/peer"
)

func main() {
	secure := peer.SecureFlags()
	listen, root := peer.Flags()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /plaintext", hello)
	mux.HandleFunc("GET /json", json)
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("GET /big", big)
	mux.HandleFunc("GET /goroutines", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, peer.Goroutines()) })
	if root != "" {
		mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(root))))
	}
	s := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	secure.Serve(s.ServeTLS)
	peer.Serve(listen, s.Serve)
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "net/http")
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, peer.Hello)
}

func json(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "net/http")
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, peer.JSON)
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
	w.Header().Set("Server", "net/http")
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.Write(body)
}
