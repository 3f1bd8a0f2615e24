package main

import (
	"bytes"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/resource/hub"
	"spindle/resource/wsock"
)

// This file is what stays connected.

// newEcho is /ws: every message comes back. permessage-deflate is agreed to when it is
// offered, with context take-over both ways.
func newEcho() resource.Resource {
	s := wsock.New(func(*resource.Request) (websocket.Handler, error) { return wsEcho{}, nil })
	s.Deflate = &websocket.Deflate{ServerWindowBits: 15, ClientWindowBits: 15}
	return s
}

type wsEcho struct{}

func (wsEcho) Opened(*websocket.Conn) {}

func (wsEcho) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	c.Send(kind, data)
}

func (wsEcho) Closed(*websocket.Conn, websocket.Code, string) {}

// newAll is /all: every message goes to all who are connected, encoded once.
func newAll(l reactor.Loop) resource.Resource {
	all := &toAll{hub: hub.New(l)}
	return wsock.New(func(*resource.Request) (websocket.Handler, error) { return all, nil })
}

type toAll struct{ hub *hub.Hub }

func (a *toAll) Opened(c *websocket.Conn) { a.hub.Join("all", c) }

func (a *toAll) MessageReceived(_ *websocket.Conn, kind websocket.Kind, data []byte) {
	a.hub.Broadcast("all", &protocol.Message{Data: bytes.Clone(data), Binary: kind == websocket.Binary})
}

func (a *toAll) Closed(*websocket.Conn, websocket.Code, string) {}

// newTicker is /events: an event a second.
func newTicker(l reactor.Loop) resource.Resource {
	e := events.New(l)
	n := 0
	reactor.NewLoopingCall(l, func() {
		n++
		e.Publish(events.Event{ID: strconv.Itoa(n), Data: "tick " + strconv.Itoa(n)})
	}).Start(time.Second, false)
	return e
}
