package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// check asks a server once, and compares the answer byte by byte with what the
// workload expects. A server that answers something else is not measured.
func check(wl *workload, addr string) error {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(wl.request.bytes()); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: wl.request.method})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return err
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("status %s to %s %s", r.Status, wl.request.method, wl.request.target)
	case r.ContentLength != int64(len(wl.answer)):
		return fmt.Errorf("Content-Length %d, not %d", r.ContentLength, len(wl.answer))
	case !bytes.Equal(body, wl.answer):
		return fmt.Errorf("the content of %s is not what it has to be", wl.request.target)
	case wl.fresh != r.Close:
		return fmt.Errorf("the answer says Connection: close: %v, not %v", r.Close, wl.fresh)
	}
	return nil
}
