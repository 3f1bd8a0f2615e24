package fastcgi

import (
	"errors"

	"spindle/protocol/cgi"
	"spindle/protocol/fastcgi"
	"spindle/resource/gateway"
)

// wire is FastCGI as the gateway speaks it.
type wire struct{}

// id is that of the one request on a connection.
const id = 1

func (wire) Name() string          { return "fastcgi" }
func (wire) NeedsLength() bool     { return false }
func (wire) Keeps() bool           { return true }
func (wire) NewTalk() gateway.Talk { return new(talk) }

func (wire) Head(env *cgi.Env, keep bool) []byte {
	head := fastcgi.AppendBegin(make([]byte, 0, env.Size()+4*env.Len()+64), id, fastcgi.Responder, keep)
	return fastcgi.AppendParams(head, id, env)
}

// talk is the records of one connection.
type talk struct {
	dec fastcgi.Decoder
	end []byte // of the content of an EndRequest, what has come
}

func (*talk) AppendBefore(dst []byte, n int) []byte {
	return fastcgi.AppendHeader(dst, fastcgi.Stdin, id, n)
}

func (*talk) AppendEnd(dst []byte) []byte { return fastcgi.AppendHeader(dst, fastcgi.Stdin, id, 0) }

func (*talk) AppendAbort(dst []byte) []byte {
	return fastcgi.AppendHeader(dst, fastcgi.AbortRequest, id, 0)
}

func (t *talk) Between() bool { return t.dec.Between() }

func (*talk) EndsWithConnection() bool { return false }

// Read reads a piece of a record.
func (t *talk) Read(data []byte) (n int, s gateway.Said, err error) {
	n, p, ok, err := t.dec.Read(data)
	if err != nil || !ok || p.ID != id {
		return n, gateway.Said{Idle: true}, err
	}
	switch p.Type {
	case fastcgi.Stdout:
		s.Out = p.Data
	case fastcgi.Stderr:
		s.Err = p.Data
	case fastcgi.EndRequest:
		t.end = append(t.end, p.Data[:min(len(p.Data), 8-len(t.end))]...)
		if p.Last {
			s.End = endOf(t.end)
			t.end = t.end[:0]
		}
	}
	return n, s, nil
}

// endOf is what the content of an EndRequest says.
func endOf(content []byte) *gateway.End {
	appStatus, status, ok := fastcgi.ParseEnd(content)
	switch {
	case !ok:
		return &gateway.End{Err: errors.New("an EndRequest that is too short")}
	case status == fastcgi.RequestComplete:
		return &gateway.End{AppStatus: appStatus}
	}
	return &gateway.End{
		AppStatus: appStatus, Err: errors.New(status.String()),
		Busy: status == fastcgi.Overloaded || status == fastcgi.CantMultiplex,
	}
}

var (
	_ gateway.Wire = wire{}
	_ gateway.Talk = (*talk)(nil)
)
