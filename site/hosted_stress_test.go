package site_test

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/site"
)

// leave asks h for something, and goes at some point of it.
func leave(addr string, chance *rand.Rand) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	path := []string{"plain", "content", "pieces", "much", "trailers", "hints", "abort", "panic", "file", "pulled", "stream", "ws"}[chance.IntN(12)]
	raw := "POST /" + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + strings.Repeat("a", 30000)
	switch {
	case path == "ws":
		raw = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
	case chance.IntN(2) == 0:
		raw = "GET /" + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
	}
	if chance.IntN(3) == 0 {
		raw = raw[:chance.IntN(len(raw))]
	}
	_, _ = io.WriteString(c, raw)
	if chance.IntN(4) == 0 {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Duration(chance.IntN(20)) * time.Millisecond))
	_, _ = io.CopyN(io.Discard, c, chance.Int64N(300000))
}

// TestClientsLeaveUnderNetHTTP: no exchange is left behind, and the site goes on.
func TestClientsLeaveUnderNetHTTP(t *testing.T) {
	s := site.New(hostedTree(t))
	h := under(t, s)
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(n), 0))
			for range 50 {
				leave(h.Listener.Addr().String(), chance)
			}
		})
	}
	clients.Wait()
	w := httptest.NewRecorder()
	active := -1
	for end := time.Now().Add(10 * time.Second); active != 0 && time.Now().Before(end); runtime.Gosched() {
		w = httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/plain", nil))
		told := make(chan int)
		s.OnLoop(func() { told <- int(s.Counters().Active) })
		active = <-told
	}
	if w.Code != http.StatusOK || active != 0 {
		t.Errorf("%d, %d requests are under way", w.Code, active)
	}
}
