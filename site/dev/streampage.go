package dev

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"spindle/reactor"
	"spindle/resource"
)

// This file is what a page asks for about streams:
//
//	GET  streams                     the list
//	POST streams/clear               forgets those that have ended, and all messages
//	GET  streams/7?after=12&find=x   its messages behind number 12, in short
//	GET  streams/7/13                one of them, as far as it is kept
//	POST streams/7/send              has the program get a text as if the client had sent it
//	POST streams/7/clear             forgets its messages

// streamPages is the tree of them.
type streamPages struct {
	resource.Leaf
	s *Supervisor
	c *streams
}

// Pass finds what is asked for.
func (p streamPages) Pass(r *resource.Request) (resource.Resource, error) {
	rest := r.Postpath()
	switch {
	case len(rest) == 0:
		return streamList{c: p.c}, nil
	case len(rest) == 1 && rest[0] == "clear":
		return dashAction{s: p.s, do: p.c.clear}, nil
	case len(rest) > 2:
		return nil, resource.ErrNotFound
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	st := p.c.find(id)
	switch {
	case err != nil || st == nil:
		return nil, &resource.Error{Status: 404, Detail: "This stream is not kept any more."}
	case len(rest) == 1:
		return streamPage{st: st}, nil
	case rest[1] == "send":
		return streamSend{s: p.s, st: st}, nil
	case rest[1] == "clear":
		return dashAction{s: p.s, do: st.clear}, nil
	}
	n, err := strconv.ParseInt(rest[1], 10, 64)
	i := slices.IndexFunc(st.messages, func(m passed) bool { return m.id == n })
	if err != nil || i < 0 {
		return nil, &resource.Error{Status: 404, Detail: "This message is not kept any more."}
	}
	return messagePage{m: st.messages[i]}, nil
}

// shownStream is the line of the list.
type shownStream struct {
	ID         int64  `json:"id"`
	Kind       string `json:"kind"`
	Target     string `json:"target"`
	Version    string `json:"version"`
	Client     string `json:"client"`
	Generation int    `json:"gen"`
	Request    int64  `json:"request,omitempty"` // the number of its record
	At         int64  `json:"at"`                // ms since 1970
	Ended      int64  `json:"ended,omitempty"`
	Why        string `json:"why,omitempty"`
	Note       string `json:"note,omitempty"`
	Up         count  `json:"up"`
	Down       count  `json:"down"`
	CanSend    bool   `json:"can_send,omitempty"`
	Left       int64  `json:"left,omitempty"` // messages that are not kept any more
}

func (st *stream) line() shownStream {
	v := shownStream{ID: st.id, Kind: st.kind, Target: cut(st.x.target, 400), Version: st.x.version, Client: st.x.client, Generation: st.x.generation,
		Request: st.x.id, At: st.began.UnixMilli(), Why: st.why, Note: st.note, Up: st.up, Down: st.down,
		CanSend: st.tap != nil && !st.tap.shut, Left: st.last - int64(len(st.messages))}
	if !st.ended.IsZero() {
		v.Ended = st.ended.UnixMilli()
	}
	return v
}

// streamList is GET of all.
type streamList struct {
	resource.Leaf
	c *streams
}

func (p streamList) RenderGET(r *resource.Request) ([]byte, error) {
	list := make([]shownStream, 0, len(p.c.list))
	for _, st := range p.c.list {
		list = append(list, st.line())
	}
	return sendJSON(r, map[string]any{"version": p.c.version, "streams": list})
}

// shownMessage is a message in short.
type shownMessage struct {
	ID         int64  `json:"id"`
	At         int64  `json:"at"` // µs since 1970
	Up         bool   `json:"up,omitempty"`
	Hand       bool   `json:"hand,omitempty"`
	Kind       string `json:"kind"`
	Name       string `json:"name,omitempty"`
	EventID    string `json:"event_id,omitempty"`
	Retry      string `json:"retry,omitempty"`
	Size       int64  `json:"size"`
	Wire       int64  `json:"wire"`
	Frames     int    `json:"frames"`
	Compressed bool   `json:"compressed,omitempty"`
	Code       uint16 `json:"code,omitempty"`
	Note       string `json:"note,omitempty"`
	Start      string `json:"start"` // of its text; of what is no text, in hexadecimal
	Binary     bool   `json:"binary,omitempty"`
}

// How much is shown of a message, in bytes.
const (
	shortMessage = 240 // in the list
	mostHex      = 4 << 10
)

func (m *passed) short() shownMessage {
	v := shownMessage{ID: m.id, At: m.at.UnixMicro(), Up: m.up, Hand: m.hand, Kind: m.kind, Name: m.name, EventID: m.eventID, Retry: m.retry,
		Size: m.size, Wire: m.wire, Frames: m.frames, Compressed: m.compressed, Code: m.code, Note: m.note}
	if v.Binary = !isText(m.data); v.Binary {
		v.Start = hexOf(m.data[:min(len(m.data), shortMessage/3)])
		return v
	}
	v.Start = cut(string(m.data), shortMessage)
	return v
}

// isText tells whether data, which may be cut in a character, is text.
func isText(data []byte) bool {
	for i := len(data) - 1; i >= 0 && i >= len(data)-utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				data = data[:i]
			}
			break
		}
	}
	return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
}

func hexOf(data []byte) string {
	var b []byte
	for i, c := range data {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return string(b)
}

// streamPage is GET of one.
type streamPage struct {
	resource.Leaf
	st *stream
}

func (p streamPage) RenderGET(r *resource.Request) ([]byte, error) {
	st, find := p.st, bytes.ToLower([]byte(r.Arg("find")))
	after, _ := strconv.ParseInt(r.Arg("after"), 10, 64) // 0: all
	list := slices.Clone(st.messages)
	answer := struct {
		shownStream
		Messages []shownMessage `json:"messages"`
	}{st.line(), []shownMessage{}}
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) {
		for i := range list {
			if list[i].id > after && list[i].has(find) {
				answer.Messages = append(answer.Messages, list[i].short())
			}
		}
		return json.Marshal(answer)
	}))
}

// has tells whether words, in lower case, are in the message.
func (m *passed) has(words []byte) bool {
	return len(words) == 0 || bytes.Contains(bytes.ToLower(m.data), words) || bytes.Contains(bytes.ToLower([]byte(m.name+"\n"+m.kind)), words)
}

// messagePage is GET of a message.
type messagePage struct {
	resource.Leaf
	m passed
}

func (p messagePage) RenderGET(r *resource.Request) ([]byte, error) {
	m := p.m
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) { return json.Marshal(m.whole()) }))
}

// wholeMessage is a message as far as it is kept.
type wholeMessage struct {
	shownMessage
	Text string `json:"text"`
	JSON string `json:"json,omitempty"` // on lines of its own, if it is that
	Hex  string `json:"hex"`
	Kept int    `json:"kept"` // bytes
}

// whole takes a while: for a thread.
func (m *passed) whole() wholeMessage {
	v := wholeMessage{shownMessage: m.short(), Hex: hexDump(m.data, mostHex), Kept: len(m.data)}
	if !v.Binary {
		v.Text = string(bytes.ToValidUTF8(m.data, nil))
		if t := bytes.TrimSpace(m.data); len(t) > 0 && (t[0] == '{' || t[0] == '[') {
			v.JSON, _ = indentedJSON(t)
		}
	}
	return v
}

// streamSend is POST of a text.
type streamSend struct {
	resource.Leaf
	s  *Supervisor
	st *stream
}

// HeadReceived bounds the text.
func (p streamSend) HeadReceived(r *resource.Request) error {
	r.SetBodyLimit(mostContent)
	return p.s.front.trusted(r)
}

func (p streamSend) RenderPOST(r *resource.Request) ([]byte, error) {
	text, err := r.BodyBytes()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, &resource.Error{Status: 400, Detail: "A text is UTF-8."}
	}
	if err := p.st.tap.send(bytes.Clone(text)); err != nil {
		return nil, &resource.Error{Status: 409, Detail: "It was not sent: " + err.Error() + "."}
	}
	r.SetStatus(204)
	return nil, nil
}

var _ resource.HeadReceiver = streamSend{}
