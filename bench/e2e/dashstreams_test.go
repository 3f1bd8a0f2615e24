//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// This file looks at the WebSockets and event streams of a program, as the dashboard of
// spindle dev shows them: Chromium opens them through it.

const streamsMain = `package main

import (
	"fmt"
	"log"
	"time"

	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/resource/wsock"
	"spindle/site"
)

type echo struct{}

func (echo) Opened(c *websocket.Conn) { c.Send(websocket.Text, []byte("{\"hello\":\"you\",\"list\":[1,2,3]}")) }
func (echo) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	if string(data) == "bye" {
		c.Close(4001, "as you wish")
		return
	}
	c.Send(kind, append([]byte("echo: "), data...))
}
func (echo) Closed(*websocket.Conn, websocket.Code, string) {}

type page struct{ resource.Leaf }

func (page) RenderGET(r *resource.Request) ([]byte, error) { return r.HTML("<!doctype html><title>Streams</title><p>Streams") }

func main() {
	root := new(resource.Tree)
	root.PutChild("", page{})
	socket := wsock.New(func(*resource.Request) (websocket.Handler, error) { return echo{}, nil })
	socket.Deflate = &websocket.Deflate{MinBytes: 10, ServerWindowBits: 15, ClientWindowBits: 15}
	root.PutChild("socket", socket)
	ticks := events.New(reactor.Default())
	root.PutChild("ticks", ticks)
	n := 0
	var tick func()
	tick = func() {
		n++
		ticks.Publish(events.Event{Name: "tick", Data: fmt.Sprintf("{\"n\":%d}", n)})
		reactor.CallLater(200*time.Millisecond, tick)
	}
	reactor.CallLater(0, tick)
	reactor.ListenTCP(0, site.New(root))
	log.Fatal(reactor.Run())
}
`

func TestDashboardStreams(t *testing.T) {
	t.Parallel()
	d := &dashRun{devRun: startDev(t, map[string]string{"go.mod": spindleMod(t), "go.sum": spindleSum(t), "main.go": streamsMain}, ".")}
	d.await("ready", 1)
	_, page := d.get("/__spindle__/")
	d.token = regexp.MustCompile(`name="spindle-token" content="([A-Z0-9]+)"`).FindStringSubmatch(page)[1]
	b := openChromium(t, d.url+"/__spindle__/#streams")
	b.as(1380, 900, "light", false)
	b.until("document.querySelector('.nothing b') && !document.querySelector('.nothing').hidden")
	look(b, "streams-none")
	b.eval("window.ticks = new EventSource('/ticks'); window.ws = new WebSocket(location.origin.replace('http', 'ws') + '/socket'); window.got = []; ws.onmessage = e => got.push(e.data)")
	b.until("ws.readyState === 1 && document.querySelectorAll('#stream-list li').length === 2")
	b.eval("ws.send('short'); ws.send(JSON.stringify({words: 'a message that is compressed '.repeat(40), more: [1, 2, 3]})); ws.send(new Uint8Array([0, 1, 2, 253, 254, 255]))")
	b.until("got.length === 4")
	socket := "[...document.querySelectorAll('#stream-list button')].find(x => x.textContent.includes('/socket'))"
	b.eval(socket + ".click()")
	b.until("document.querySelectorAll('#messages .row').length === 7")
	if text := b.eval("document.getElementById('messages').textContent"); !strings.Contains(text, `{"hello":"you"`) || !strings.Contains(text, "00 01 02 fd fe ff") || !strings.Contains(text, "a message that is compressed") {
		t.Errorf("the messages are %s", text)
	}
	// One whole, by hand, and found.
	b.eval("[...document.querySelectorAll('#messages .row')].find(x => x.textContent.includes('hello')).click()")
	b.until("document.querySelector('.message pre') && document.querySelector('.message pre').textContent.includes('\"hello\": \"you\"')")
	b.eval("document.getElementById('stream-text').value = 'by hand'; document.getElementById('stream-send').click()")
	b.until("got.length === 5 && document.getElementById('messages').textContent.includes('echo: by hand')")
	look(b, "streams-light")
	b.as(1380, 900, "dark", false)
	look(b, "streams-dark")
	b.as(390, 844, "light", true)
	look(b, "streams-phone")
	if got := b.eval("document.documentElement.scrollWidth"); got != "390" {
		t.Errorf("on a phone the page is %s wide", got)
	}
	b.as(1380, 900, "light", false)
	b.eval("window.f = document.getElementById('stream-find'); f.value = 'COMPRESSED'; f.dispatchEvent(new Event('input'))")
	b.until("document.querySelectorAll('#messages .row').length === 2")
	b.eval("f.value = ''; f.dispatchEvent(new Event('input'))")
	b.until("document.querySelectorAll('#messages .row').length === 9")
	b.eval("document.getElementById('stream-pause').click(); ws.send('while it is paused')")
	b.until("got.length === 6")
	b.eval("document.getElementById('stream-pause').click()")
	b.until("document.querySelectorAll('#messages .row').length === 11")
	b.eval("document.getElementById('stream-clear').click()")
	b.until("document.querySelectorAll('#messages .row').length === 0")
	b.eval("ws.send('bye')")
	b.until("document.querySelectorAll('#messages .close').length === 2 && document.getElementById('stream-text').closest('.by-hand').hidden")
	if text := b.eval("document.getElementById('messages').textContent"); !strings.Contains(text, "4001") || !strings.Contains(text, "as you wish") {
		t.Errorf("the messages are %s", text)
	}
	// Events, as they come.
	b.eval("[...document.querySelectorAll('#stream-list button')].find(x => x.textContent.includes('/ticks')).click()")
	b.until("document.querySelectorAll('#messages .row').length > 5 && document.getElementById('messages').textContent.includes('tick')")
	look(b, "streams-events")
	b.eval("ticks.close()")
	b.until("!document.querySelector('#stream-list button:not(.over)') && document.getElementById('streams-badge').hidden")
	b.eval("document.querySelector('#views a').click()")
	b.until("!document.querySelector('main[data-view=overview]').hidden && document.getElementById('streams').hidden")
}
