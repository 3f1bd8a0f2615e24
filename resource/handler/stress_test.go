package handler_test

import (
	"context"
	"errors"
	"io"
	"math/rand"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource/handler"
	"spindle/site"
)

// This file has many clients that leave when they like, and sites that stop.

// busy does one of the things that handlers do, by the path.
func busy(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/echo":
		_, _ = io.Copy(w, r.Body)
	case "/flush":
		for i := range 50 {
			_, _ = io.WriteString(w, strings.Repeat(strconv.Itoa(i), 500))
			w.(http.Flusher).Flush()
		}
	case "/much":
		for range 64 {
			if _, err := w.Write(make([]byte, 40000)); err != nil {
				return
			}
		}
	case "/file":
		r.URL.Path = "/large.bin"
		serveFiles(w, r)
	case "/wait":
		<-r.Context().Done()
	case "/panic":
		_, _ = io.WriteString(w, "x")
		panic("oh")
	case "/abort":
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/hijack":
		h, ok := w.(http.Hijacker)
		if !ok {
			return
		}
		if c, brw, err := h.Hijack(); err == nil {
			_, _ = io.Copy(c, brw)
			_ = c.Close()
		}
	default:
		_, _ = io.WriteString(w, "hello")
	}
}

// leave sends part of a request, reads part of the answer, and goes.
func leave(addr string, chance *rand.Rand) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	path := []string{"", "echo", "flush", "much", "file", "wait", "panic", "abort", "hijack"}[chance.Intn(9)]
	raw := "POST /" + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + strings.Repeat("a", 30000)
	if path == "hijack" || chance.Intn(3) == 0 {
		raw = "GET /" + path + " HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("b", chance.Intn(2)*1000)
	}
	cut := len(raw)
	if chance.Intn(3) == 0 {
		cut = chance.Intn(len(raw))
	}
	_, _ = io.WriteString(c, raw[:cut])
	if chance.Intn(4) == 0 {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Duration(chance.Intn(20)) * time.Millisecond))
	_, _ = io.CopyN(io.Discard, c, int64(chance.Intn(300000)))
}

func TestClientsLeave(t *testing.T) {
	var under atomic.Int64
	leaf := handler.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		under.Add(1)
		defer under.Add(-1)
		busy(w, r)
	}))
	leaf.ErrorLog, leaf.MaxRunning, leaf.MaxWaiting = quiet, 20, 5
	// Who is gone and who has closed a half only look the same to a handler that writes nothing.
	addr := serve(t, plain, leaf, func(s *site.Site) { s.HalfCloseTimeout = 100 * time.Millisecond })
	var clients sync.WaitGroup
	for n := range 16 {
		clients.Go(func() {
			chance := rand.New(rand.NewSource(int64(n)))
			for range 40 {
				leave(addr, chance)
			}
		})
	}
	clients.Wait()
	for end := time.Now().Add(patience); under.Load() > 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	if n := under.Load(); n > 0 {
		t.Errorf("%d handlers are still called", n)
	}
	resp, err := http.Get("http://" + addr + "/")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
}

// stopped serves h, has it asked once, and stops the site while it is at work. It tells
// what the client got.
func stopped(t *testing.T, patience time.Duration, h func(begun func()) handle) (string, error) {
	r := reactor.New()
	r.Logger = quiet
	begun := make(chan bool)
	leaf := handler.New(http.HandlerFunc(h(func() { close(begun) })))
	leaf.ErrorLog = quiet
	s := site.New(leaf)
	s.DrainTimeout, s.ErrorLog = patience, quiet
	port, err := r.Listen(plain, s)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-begun
		r.Stop()
	}()
	ended := make(chan error)
	go func() { ended <- r.Run() }()
	resp, err := http.Get("http://" + port.Addr().String())
	var got []byte
	if err == nil {
		got, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return string(got), err
}

// TestStopWaits: what ends in time is delivered.
func TestStopWaits(t *testing.T) {
	got, err := stopped(t, time.Minute, func(begun func()) handle {
		return func(w http.ResponseWriter, _ *http.Request) {
			begun()
			<-time.After(50 * time.Millisecond)
			_, _ = io.WriteString(w, "in time")
		}
	})
	if got != "in time" || err != nil {
		t.Error(got, err)
	}
}

// TestStopGivesUp: beyond DrainTimeout the handler is told in whatever it waits, and Run
// returns.
func TestStopGivesUp(t *testing.T) {
	for name, wait := range map[string]func(w http.ResponseWriter, r *http.Request) error{
		"context": func(_ http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() },
		"hijacked": func(w http.ResponseWriter, r *http.Request) error {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return nil
			}
			_, err = c.Read(make([]byte, 1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan error, 1)
			_, err := stopped(t, 20*time.Millisecond, func(begun func()) handle {
				return func(w http.ResponseWriter, r *http.Request) { begun(); told <- wait(w, r) }
			})
			if err == nil {
				t.Error("the client sees nothing of it")
			}
			if err := <-told; err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}
