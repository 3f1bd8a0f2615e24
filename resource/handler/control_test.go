package handler_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// This file asks a handler that uses http.ResponseController, and files, by clients that
// are slow or go away.

// slowClient asks by each version and does not read until the test lets it.
func slowClient(t *testing.T, h handle, f func(t *testing.T, resp *http.Response)) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			addr := ours(t, secure, http.HandlerFunc(h))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+addr, nil)
			resp, err := clientOf(t, http2).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			f(t, resp)
		})
	}
}

// TestWriteDeadline: a client that reads nothing holds the handler as long as that says, and
// then sees its answer cut.
func TestWriteDeadline(t *testing.T) {
	ended := make(chan error, 1)
	slowClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		for {
			if _, err := w.Write(make([]byte, 100000)); err != nil {
				ended <- err
				return
			}
		}
	}, func(t *testing.T, resp *http.Response) {
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the answer looks whole")
		}
	})
}

// TestClientGoesWithinFile: whoever waits for a file to be sent is told, and may close it.
func TestClientGoesWithinFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(name, make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	slowClient(t, func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		ended <- err
	}, func(t *testing.T, resp *http.Response) {
		if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close()
		if err := <-ended; err == nil {
			t.Error("it was sent")
		}
	})
}

// TestReadDeadline: content that does not come holds the handler as long as that says.
func TestReadDeadline(t *testing.T) {
	ended := make(chan error, 1)
	addr := ours(t, plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := io.ReadAll(r.Body)
		ended <- err
	}))
	_, _ = io.WriteString(dial(t, addr), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
