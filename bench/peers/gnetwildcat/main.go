// Gnetwildcat is gnet's own engine with the parser wildcat and ready-made
// answers: a bound for what is built on them, not a server. Files are read once
// and answered from memory, because gnet has no file server.
package main

import (
	"bytes"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/evanphx/wildcat"
	"github.com/panjf2000/gnet/v2"

	"spindle-bench-peers/peer"
)

type server struct {
	gnet.BuiltinEventEngine
	addr   string
	date   []byte
	canned map[string]content // by path
	parser wildcat.HTTPParser
	out    []byte
}

// content is what a path answers; whole is head and body for a connection that
// stays.
type content struct {
	kind        string
	body, whole []byte
}

func main() {
	listen, root := peer.Flags()
	// gnet does not tell which port it took for 0.
	l, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{addr: l.Addr().String(), canned: map[string]content{
		"/":          {kind: "text/plain", body: []byte(peer.Hello)},
		"/plaintext": {kind: "text/plain", body: []byte(peer.Hello)},
		"/json":      {kind: "application/json", body: []byte(peer.JSON)},
		"/big":       {kind: "text/plain", body: peer.Big},
	}}
	s.parser = *wildcat.NewSizedHTTPParser(32)
	l.Close()
	s.load(root)
	go peer.ExitOnTerm()
	log.Fatal(gnet.Run(s, "tcp://"+s.addr, gnet.WithTicker(true)))
}

// load reads the files of root into memory.
func (s *server) load(root string) {
	names, _ := filepath.Glob(filepath.Join(root, "*"))
	for _, name := range names {
		if body, err := os.ReadFile(name); err == nil && root != "" {
			s.canned["/files/"+filepath.Base(name)] = content{kind: "application/octet-stream", body: body}
		}
	}
}

func (s *server) OnBoot(gnet.Engine) gnet.Action {
	s.OnTick()
	a, _ := net.ResolveTCPAddr("tcp", s.addr)
	peer.Ready(a)
	return gnet.None
}

// OnTick makes the answers of this second.
func (s *server) OnTick() (time.Duration, gnet.Action) {
	s.date = time.Now().UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT")
	for path, c := range s.canned {
		c.whole = s.appendAnswer(c.whole[:0], c.kind, c.body, false)
		s.canned[path] = c
	}
	return time.Second, gnet.None
}

// OnTraffic answers all whole requests that are there with one write.
func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	data, _ := c.Peek(-1)
	s.out = s.out[:0]
	used, action := 0, gnet.None
	for used < len(data) && action == gnet.None {
		var n int
		n, action = s.answer(data[used:])
		if n == 0 {
			break
		}
		used += n
	}
	if len(s.out) > 0 {
		c.Write(s.out)
	}
	c.Discard(used)
	return action
}

// answer appends the answer to the first request in data and gives back the
// request's length; 0: it is not whole.
func (s *server) answer(data []byte) (int, gnet.Action) {
	if !bytes.Contains(data, []byte("\r\n\r\n")) {
		return 0, gnet.None
	}
	p := &s.parser
	clear(p.Headers)
	*p = wildcat.HTTPParser{Headers: p.Headers, TotalHeaders: len(p.Headers)}
	head, err := p.Parse(data)
	if err != nil {
		return len(data), gnet.Close
	}
	n := head
	if p.Post() {
		n += int(max(p.ContentLength(), 0))
	}
	if n > len(data) {
		return 0, gnet.None
	}
	closing := bytes.EqualFold(p.FindHeader([]byte("Connection")), []byte("close"))
	s.put(p, data[head:n], closing)
	if closing {
		return n, gnet.Close
	}
	return n, gnet.None
}

// put appends the answer to one request to out.
func (s *server) put(p *wildcat.HTTPParser, body []byte, closing bool) {
	c, ok := s.canned[string(p.Path)]
	switch {
	case ok && !closing:
		s.out = append(s.out, c.whole...)
	case ok:
		s.out = s.appendAnswer(s.out, c.kind, c.body, true)
	default:
		s.out = s.appendAnswer(s.out, string(p.FindHeader([]byte("Content-Type"))), body, closing)
	}
}

func (s *server) appendAnswer(to []byte, kind string, body []byte, closing bool) []byte {
	to = append(to, "HTTP/1.1 200 OK\r\nServer: gnet\r\nDate: "...)
	to = append(to, s.date...)
	to = append(to, "\r\nContent-Type: "...)
	to = append(to, kind...)
	to = append(to, "\r\nContent-Length: "...)
	to = strconv.AppendInt(to, int64(len(body)), 10)
	if closing {
		to = append(to, "\r\nConnection: close"...)
	}
	to = append(to, "\r\n\r\n"...)
	return append(to, body...)
}
