package handler_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spindle/resource"
	"spindle/site"
)

// This file measures what leaving the loop costs: the same answer by net/http's server, by
// a handler on ours, by a resource on the loop, and by that resource under net/http. The
// client, of 16 connections, is part of what is measured.

type onLoop struct{ resource.Leaf }

func (onLoop) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	return []byte("hello"), nil
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "hello")
}

func large(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "1048576")
	piece := make([]byte, 32<<10)
	for range 32 {
		_, _ = w.Write(piece)
	}
}

func echoAll(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, n)
}

func BenchmarkServe(b *testing.B) {
	get := "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
	upload := post("", strings.Repeat("a", 100000))
	for _, row := range []struct {
		name, raw string
		addr      func(b *testing.B) string
	}{
		{"small/nethttp", get, func(b *testing.B) string { return theirs(b, http.HandlerFunc(hello)) }},
		{"small/handler", get, func(b *testing.B) string { return ours(b, plain, http.HandlerFunc(hello)) }},
		{"small/resource", get, func(b *testing.B) string { return serve(b, plain, onLoop{}) }},
		{"small/site under nethttp", get, underNetHTTP},
		{"1MiB/nethttp", get, func(b *testing.B) string { return theirs(b, http.HandlerFunc(large)) }},
		{"1MiB/handler", get, func(b *testing.B) string { return ours(b, plain, http.HandlerFunc(large)) }},
		{"upload/nethttp", upload, func(b *testing.B) string { return theirs(b, http.HandlerFunc(echoAll)) }},
		{"upload/handler", upload, func(b *testing.B) string { return ours(b, plain, http.HandlerFunc(echoAll)) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			addr := row.addr(b)
			b.ReportAllocs()
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					b.Error(err)
					return
				}
				defer c.Close()
				in := bufio.NewReaderSize(c, 64<<10)
				for pb.Next() {
					if err := once(c, in, row.raw); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// once asks, and reads an answer whose length is told.
func once(c net.Conn, in *bufio.Reader, raw string) error {
	if _, err := io.WriteString(c, raw); err != nil {
		return err
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			_, err = in.Discard(length)
			return err
		}
		if len(line) > 16 && string(line[:16]) == "Content-Length: " {
			length = 0
			for _, d := range line[16 : len(line)-2] {
				length = length*10 + int(d-'0')
			}
		}
	}
}

func underNetHTTP(b *testing.B) string {
	s := site.New(onLoop{})
	h := httptest.NewServer(s)
	b.Cleanup(func() {
		h.Close()
		_ = s.Close()
	})
	return h.Listener.Addr().String()
}
