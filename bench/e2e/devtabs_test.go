//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// This file has two tabs of one browser look at a program over TLS and HTTP/2, one of them with
// a WebSocket of the application's own, while it is edited.

const tabsMain = `package main

import (
	"log"

	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/wsock"
	"spindle/site"
)

const version = "one"

type echo struct{}

func (echo) Opened(c *websocket.Conn)                       { c.Send(websocket.Text, []byte("hello from "+version)) }
func (echo) MessageReceived(c *websocket.Conn, k websocket.Kind, data []byte) { c.Send(k, data) }
func (echo) Closed(*websocket.Conn, websocket.Code, string) {}

type page struct{}

func (page) RenderGET(r *resource.Request) ([]byte, error) {
	return r.HTML("<!doctype html><html><head><title>t</title></head><body><h1 id=h>" + version + "</h1>" + r.Path())
}

func (page) Child(name string, _ *resource.Request) resource.Resource {
	if name == "socket" {
		return wsock.New(func(*resource.Request) (websocket.Handler, error) { return echo{}, nil })
	}
	return page{}
}

func main() {
	if _, err := reactor.Listen("tcp:8080", site.New(page{})); err != nil {
		log.Fatal(err)
	}
	log.Fatal(reactor.Run())
}
`

func TestDevTabs(t *testing.T) {
	t.Parallel()
	secure := freePort(t)
	d := startDev(t, map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": tabsMain},
		"--listen", fmt.Sprintf("tls:%d:interface=127.0.0.1", secure), ".")
	d.until("/", "one")
	b := openChromium(t, fmt.Sprintf("https://127.0.0.1:%d/", secure))
	b.until("!!window.__spindle && document.querySelector('#h').textContent === 'one'")
	if got := b.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol"); got != "h2" {
		t.Errorf("the page came over %q", got)
	}
	b.eval("window.two = open('/two'); 1")
	b.until("!!two.__spindle && two.document.querySelector('#h').textContent === 'one'")
	connect := "window.heard = []; window.socket = new WebSocket('wss://' + location.host + '/socket'); socket.onmessage = e => heard.push(e.data); socket.onclose = e => heard.push('closed'); 1"
	b.eval(connect)
	b.until("heard.join() === 'hello from one'")
	b.eval("socket.send('mine'); window.stays = 1")
	b.until("heard.join() === 'hello from one,mine'")

	// Both tabs follow, the page is merged, and the socket of the old program is closed.
	change := func(to string) {
		d.write("main.go", strings.Replace(tabsMain, `"one"`, `"`+to+`"`, 1))
	}
	change("two")
	b.until("document.querySelector('#h').textContent === 'two'")
	b.until("two.document.querySelector('#h').textContent === 'two'")
	b.until("heard.at(-1) === 'closed'")
	if b.eval("window.stays") != "1" {
		t.Error("the page was loaded, not merged")
	}
	b.eval(connect)
	b.until("heard.join() === 'hello from two'")

	// A tab that listened for both is gone; the other follows on.
	b.eval("two.close(); 1")
	change("three")
	b.until("document.querySelector('#h').textContent === 'three'")

	// What comes back out of the browser's cache is not old.
	b.eval("location.href = '/elsewhere'; 1")
	b.until("location.pathname === '/elsewhere' && !!window.__spindle")
	change("four")
	b.until("document.querySelector('#h').textContent === 'four'")
	b.eval("history.back(); 1")
	b.until("location.pathname === '/' && document.querySelector('#h').textContent === 'four'")
	if n := d.seen(func(e devEvent) bool { return e.Event == "failed" }); n > 0 {
		t.Errorf("%d failures", n)
	}
}
