package site_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/site"
)

// Many connections to a Site on a bad day: every request gets its own answer, in
// order and whole, however the resource gives it, and nothing is left behind.

func TestSim(t *testing.T) {
	for name, noLoss := range map[string]bool{"no loss": true, "loss": false} {
		t.Run(name, func(t *testing.T) {
			open := 0 // requests that are neither finished nor lost
			s := &reactortest.Sim{
				Factory: func(*reactortest.Loop) reactor.Factory {
					open = 0
					s := site.New(simTree(&open))
					s.ErrorLog = slog.New(slog.NewTextHandler(io.Discard, nil))
					s.MemoryBodyBytes = 1000
					s.TempDir = t.TempDir()
					s.MaxQueuedBytes = 50_000
					return s
				},
				Client: func(r *rand.Rand) reactortest.SimClient {
					c := drawSimClient(r)
					c.loses = !noLoss
					return c
				},
				Check: func() error {
					if open != 0 {
						return fmt.Errorf("%d requests are still open", open)
					}
					return nil
				},
				MaxBuffered: 50_000 + simLargest + 10_000,
				HalfClose:   true,
				NoLoss:      noLoss,
				Runs:        15,
			}
			s.Run(t)
		})
	}
}

const simLargest = 1 << 16

// simFunc is a leaf for every method.
type simFunc struct {
	resource.Leaf
	render func(r *resource.Request, n int) ([]byte, error)
}

func (f simFunc) Render(r *resource.Request) ([]byte, error) {
	n, _ := strconv.Atoi(strings.Join(r.Postpath(), "/"))
	return f.render(r, n)
}

// simTree answers in the ways that there are; the rest of the path is a size.
func simTree(open *int) resource.Resource {
	root := new(resource.Tree)
	add := func(name string, render func(r *resource.Request, n int) ([]byte, error)) {
		root.PutChild(name, simFunc{render: func(r *resource.Request, n int) ([]byte, error) {
			*open++
			r.NotifyFinish(func(error) { *open-- })
			return render(r, n)
		}})
	}
	add("now", func(r *resource.Request, n int) ([]byte, error) { return simText(n), nil })
	add("echo", func(r *resource.Request, n int) ([]byte, error) { return r.BodyBytes() })
	add("panic", func(r *resource.Request, n int) ([]byte, error) { panic("bug") })
	add("error", func(r *resource.Request, n int) ([]byte, error) { return nil, errors.New("out of order") })
	add("later", func(r *resource.Request, n int) ([]byte, error) {
		d := reactor.NewDeferred[[]byte]()
		r.Loop().CallLater(time.Duration(n)*time.Microsecond, func() { d.Callback(simText(n)) })
		return r.Later(d)
	})
	add("pieces", func(r *resource.Request, n int) ([]byte, error) {
		rest := simText(n)
		var piece func()
		piece = func() {
			if r.Finished() {
				return
			}
			k := min(len(rest), 5000)
			r.Write(rest[:k])
			if rest = rest[k:]; len(rest) == 0 {
				r.Finish()
				return
			}
			r.Loop().CallLater(0, piece)
		}
		r.Loop().CallLater(0, piece)
		return nil, resource.NotDoneYet
	})
	add("pulled", func(r *resource.Request, n int) ([]byte, error) {
		r.RegisterProducer(&simPull{r, simText(n)})
		return nil, resource.NotDoneYet
	})
	return root
}

// simPull gives a piece when it is asked.
type simPull struct {
	r    *resource.Request
	rest []byte
}

func (p *simPull) ResumeProducing() {
	k := min(len(p.rest), 3000)
	p.r.Write(p.rest[:k])
	if p.rest = p.rest[k:]; len(p.rest) == 0 {
		p.r.UnregisterProducer()
		p.r.Finish()
	}
}
func (p *simPull) StopProducing() { p.rest = nil }

// simText is a text of n bytes in which every place looks different.
func simText(n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "%07d ", len(b))
	}
	return b[:n]
}

// simAsked is one request, and what has to come back.
type simAsked struct {
	method string
	status int
	body   []byte // nil: any
}

// simClient sends requests, all at once, and reads the answers.
type simClient struct {
	out    []byte
	asked  []simAsked
	closes bool // the server does, after the last answer
	loses  bool // the network may break, and the server may give up

	sent   bool
	gaveUp bool // the server did, with a 408
	got    []byte
}

func drawSimClient(r *rand.Rand) *simClient {
	c := &simClient{closes: r.IntN(2) == 0}
	var out bytes.Buffer
	n := 1 + r.IntN(8)
	for i := range n {
		size := r.IntN(1 << r.IntN(17))
		how := []string{"now", "echo", "panic", "error", "later", "pieces", "pulled", "missing"}[r.IntN(8)]
		q := simAsked{method: "GET", status: 200, body: simText(size)}
		switch how {
		case "echo":
			q.method = "POST"
		case "panic", "error":
			q.status, q.body = 500, nil
		case "missing":
			q.status, q.body = 404, nil
		}
		if r.IntN(6) == 0 && how != "echo" {
			q.method, q.body = "HEAD", []byte{}
		}
		fmt.Fprintf(&out, "%s /%s/%d HTTP/1.1\r\nHost: sim\r\n", q.method, how, size)
		if i == n-1 && c.closes {
			out.WriteString("Connection: close\r\n")
		}
		if q.method == "POST" {
			fmt.Fprintf(&out, "Content-Length: %d\r\n", size)
		}
		out.WriteString("\r\n")
		if q.method == "POST" {
			out.Write(q.body)
		}
		c.asked = append(c.asked, q)
	}
	c.out = out.Bytes()
	return c
}

func (c *simClient) Send() ([]byte, bool) {
	if c.sent {
		return nil, true
	}
	c.sent = true
	return c.out, true
}

func (c *simClient) Done() bool { return len(c.asked) == 0 && !c.closes }

// Received reads the answers that are there whole.
func (c *simClient) Received(data []byte) error {
	c.got = append(c.got, data...)
	for len(c.got) > 0 && !c.gaveUp {
		if len(c.asked) == 0 {
			return fmt.Errorf("%.80q comes behind the last answer", c.got)
		}
		q := c.asked[0]
		if c.loses && bytes.HasPrefix(c.got, []byte("HTTP/1.1 408 ")) {
			c.gaveUp = true
			return nil
		}
		length, whole := simAnswerLength(c.got, q.method)
		if !whole {
			return nil
		}
		if err := c.judge(c.got[:length], q); err != nil {
			return err
		}
		c.got, c.asked = c.got[length:], c.asked[1:]
	}
	return nil
}

// simAnswerLength is how long the answer at the front of b is, if it is there whole.
func simAnswerLength(b []byte, method string) (length int, whole bool) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		return 0, false
	}
	head += 4
	fields := strings.ToLower(string(b[:head]))
	switch _, after, known := strings.Cut(fields, "\r\ncontent-length: "); {
	case method == "HEAD":
		return head, true
	case known:
		n, _ := strconv.Atoi(after[:strings.Index(after, "\r\n")])
		return head + n, len(b) >= head+n
	}
	end := bytes.Index(b[head-2:], []byte("\r\n0\r\n\r\n")) // no text of ours holds it
	return head - 2 + end + 7, end >= 0
}

func (c *simClient) judge(answer []byte, q simAsked) error {
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), &http.Request{Method: q.method})
	if err != nil {
		return fmt.Errorf("%w in %.200q", err, answer)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return fmt.Errorf("content: %w", err)
	case r.StatusCode != q.status:
		return fmt.Errorf("status %d, want %d", r.StatusCode, q.status)
	case q.body != nil && !bytes.Equal(body, q.body):
		return fmt.Errorf("%d bytes %.40q, want %d bytes %.40q", len(body), body, len(q.body), q.body)
	}
	return nil
}

func (c *simClient) Ended(how reactortest.SimEnd) error {
	if !c.loses && (len(c.asked) > 0 || how == reactortest.ServerAborted) {
		return fmt.Errorf("%v with %d answers to come and %d bytes of the next", how, len(c.asked), len(c.got))
	}
	return nil
}
