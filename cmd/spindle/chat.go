package main

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"unicode"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/hub"
	"spindle/resource/wsock"
	"spindle/site/overview"
)

// This file is a chat: a page, and below it the WebSocket that the page opens. Who is on
// one loop hears those on the others.

// chat is the page, the WebSocket's handler, and the room of one loop.
type chat struct {
	loop    reactor.Loop
	all     []*chat // of all loops, this one too
	room    *hub.Hub
	socket  *wsock.Socket
	past    [][]byte     // what was said last, as it was sent
	present atomic.Int64 // read by the other loops
}

// The limits of the chat.
const (
	maxPast     = 30   // lines that somebody new is told
	maxChatName = 24   // characters
	maxChatText = 500  // characters
	maxChatLine = 4096 // bytes of a message from a page
)

// chatLine is what goes over the WebSocket, both ways: something that was said, or how
// many are here.
type chatLine struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
	At   int64  `json:"at,omitempty"` // in milliseconds since 1970
	Here int64  `json:"here,omitempty"`
}

func newChat(loop reactor.Loop) *chat {
	c := &chat{loop: loop, room: hub.New(loop)}
	c.all = []*chat{c}
	c.room.Slow = hub.Dismiss
	c.socket = wsock.New(func(*resource.Request) (websocket.Handler, error) { return c, nil })
	c.socket.MaxMessageBytes = maxChatLine
	c.socket.Deflate = new(websocket.Deflate)
	return c
}

func (*chat) About() string { return "a chat over WebSocket; open it in two windows" }

// Child is the WebSocket, "socket".
func (c *chat) Child(name string, _ *resource.Request) resource.Resource {
	if name == "socket" {
		return c.socket
	}
	return nil
}

var chatPage = startFile("chat.html")

func (*chat) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Security-Policy", overview.Policy)
	return r.HTML(chatPage)
}

// Opened tells somebody new what was said, and the others that he is here.
func (c *chat) Opened(conn *websocket.Conn) {
	for _, line := range c.past {
		conn.Send(websocket.Text, line)
	}
	c.room.Join("chat", conn)
	c.count(1)
}

// MessageReceived tells all what one says.
func (c *chat) MessageReceived(conn *websocket.Conn, kind websocket.Kind, data []byte) {
	var line chatLine
	if kind != websocket.Text || json.Unmarshal(data, &line) != nil {
		conn.Close(websocket.CodeUnsupportedData, "say it in JSON")
		return
	}
	said := chatLine{Name: printable(line.Name, maxChatName), Text: printable(line.Text, maxChatText), At: c.loop.Now().UnixMilli()}
	if said.Text == "" {
		return
	}
	if said.Name == "" {
		said.Name = "Somebody"
	}
	c.tellAll(said, (*chat).said)
}

// Closed tells the others that he is gone.
func (c *chat) Closed(*websocket.Conn, websocket.Code, string) { c.count(-1) }

// count tells all how many are here.
func (c *chat) count(more int64) {
	c.present.Add(more)
	here := int64(0)
	for _, other := range c.all {
		here += other.present.Load()
	}
	c.tellAll(chatLine{Here: here}, (*chat).hear)
}

// tellAll gives line to the rooms of all loops.
func (c *chat) tellAll(line chatLine, how func(c *chat, data []byte)) {
	data, err := json.Marshal(line)
	if err != nil {
		panic(err) // strings and numbers: it can not be
	}
	for _, other := range c.all {
		if other == c {
			how(c, data)
		} else {
			other.loop.CallFromThread(func() { how(other, data) })
		}
	}
}

// said keeps what was said for those who come later, and tells it.
func (c *chat) said(data []byte) {
	if len(c.past) == maxPast {
		c.past = append(c.past[:0], c.past[1:]...)
	}
	c.past = append(c.past, data)
	c.hear(data)
}

// hear tells those who are in the room of this loop.
func (c *chat) hear(data []byte) { c.room.Broadcast("chat", &protocol.Message{Data: data}) }

// printable is what of s is shown: n characters at most, no control characters.
func printable(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n])
	}
	return s
}
