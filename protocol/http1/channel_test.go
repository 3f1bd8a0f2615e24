package http1_test

import (
	"testing"

	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
)

// hello answers every request with what it was asked.
func hello() *protocoltest.Server {
	return &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.Text(x.Head.Method + " " + string(x.Head.Target) + " " + string(x.Body))
	}}
}

func dial(t testing.TB, s *protocoltest.Server) *protocoltest.Client {
	return protocoltest.Dial(t, nil, http1.NewFactory(s, nil))
}

const helloOK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

func TestGet(t *testing.T) {
	c := dial(t, hello())
	c.Send("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n")
	c.WantExactly("HTTP/1.1 200 OK\r\nServer: Spindle\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nGET /a?b ")
	c.WantOpen()
}

func TestPipelining(t *testing.T) {
	c := dial(t, hello())
	c.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" +
		"POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: x\r\n\r\n")
	c.Want(helloOK + "Content-Length: 7\r\n\r\nGET /1 " + helloOK + "Content-Length: 11\r\n\r\nPOST /2 abc" +
		helloOK + "Content-Length: 11\r\n\r\nPOST /3 xyz" + helloOK + "Content-Length: 7\r\n\r\nGET /4 ")
	if c.Flushes() != 1 {
		t.Errorf("%d flushes", c.Flushes())
	}
	c.WantOpen()
}
