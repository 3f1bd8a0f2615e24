package http1_test

import (
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

func TestContinue(t *testing.T) {
	const in = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Continue(); x.Continue() }}
	s.OnDone = func(x *protocoltest.Exchange) { x.Text(string(x.Body)) }
	c := dial(t, s)
	c.Send(in)
	c.Want("HTTP/1.1 100 Continue\r\n\r\n")
	c.Send("abc")
	c.Want(helloOK + "Content-Length: 3\r\n\r\nabc")
	c.WantOpen()
}

// A refusal instead of 100: the client may or may not send the content, so the
// connection can not go on.
func TestNoContinue(t *testing.T) {
	const in = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(403, nil, nil) }}
	c := dial(t, s)
	c.Send(in)
	c.Want("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	c.WantLingering()
}

// A client that does not wait after all is not told to go on.
func TestContinueTooLate(t *testing.T) {
	s := &protocoltest.Server{OnBody: func(x *protocoltest.Exchange, _ []byte) { x.Continue() }}
	s.OnDone = func(x *protocoltest.Exchange) { x.Continue(); x.Text("") }
	c := dial(t, s)
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
	c.Want(helloOK + "Content-Length: 0\r\n\r\n")
	c.WantOpen()
}

func TestContinueThatNobodyWaitsFor(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Continue(); x.WriteInformational(100, nil) }}
	c := dial(t, s)
	c.Send(postRequest)
	c.Want("")
}

// raw is the protocol after a switch.
type raw struct {
	t    reactor.Transport
	got  []byte
	lost error
}

func (r *raw) ConnectionMade(t reactor.Transport) { r.t = t }
func (r *raw) DataReceived(data []byte)           { r.got = append(r.got, data...) }
func (r *raw) ConnectionLost(reason error)        { r.lost = reason }

func TestSwitch(t *testing.T) {
	const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
	for _, row := range []struct{ name, in, want string }{
		{"upgrade", upgrade, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n"},
		{"CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
	} {
		for _, when := range []string{"at once", "later"} {
			for cut, split := range reactortest.Splits() {
				t.Run(row.name+"/"+when+"/"+cut, func(t *testing.T) {
					r := &raw{}
					change := func(x *protocoltest.Exchange) {
						if row.name == "CONNECT" {
							x.WriteHead(200, nil, -1)
						} else {
							x.WriteHead(101, fields("Upgrade", "raw"), -1)
						}
						x.Write([]byte("no content"))
						x.Switch(r)
						x.Write([]byte("too late"))
					}
					s := &protocoltest.Server{}
					if when == "at once" {
						s.OnDone = change
					}
					f := http1.NewFactory(s, &http1.Settings{MaxPipelinedBytes: 4})
					c := protocoltest.Dial(t, nil, f)
					c.SetSplit(split)
					c.Send(row.in + "unread")
					if when == "later" {
						change(s.Last())
					}
					c.Send(" more")
					c.Want(row.want)
					if string(r.got) != "unread more" {
						t.Errorf("the new protocol got %q", r.got)
					}
					if f.Stats().Open != 0 || c.Loop.Pending() != 0 {
						t.Errorf("the channel still has it: %+v, %d timers", f.Stats(), c.Loop.Pending())
					}
					c.Lose(nil)
					if r.lost == nil || s.Last().Lost != nil {
						t.Errorf("the new protocol was told %v, the Receiver %v", r.lost, s.Last().Lost)
					}
				})
			}
		}
	}
}

// A switch without the head for it, or before the content is read, is a mistake.
func TestSwitchByMistake(t *testing.T) {
	for name, row := range map[string]struct {
		in string
		do func(x *protocoltest.Exchange)
	}{
		"no head":   {getRequest, func(x *protocoltest.Exchange) {}},
		"a 200":     {getRequest, func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1) }},
		"a 204":     {getRequest, func(x *protocoltest.Exchange) { x.WriteHead(204, nil, -1) }},
		"a 403":     {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", func(x *protocoltest.Exchange) { x.WriteHead(403, nil, 0) }},
		"a content": {postRequest + "01", func(x *protocoltest.Exchange) { x.WriteHead(101, nil, -1) }},
	} {
		s := &protocoltest.Server{}
		c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{Logger: quiet}))
		c.Send(row.in)
		row.do(s.Last())
		s.Last().Switch(&raw{})
		if !c.Closed() || !c.Aborted() {
			t.Errorf("%s: the connection goes on", name)
		}
	}
}

// TestHijack: the connection goes without an answer, at whatever point the exchange is,
// with what has not been used.
func TestHijack(t *testing.T) {
	for _, row := range []struct {
		name, in, unread, want string
		before                 func(x *protocoltest.Exchange)
	}{
		{"no head", getRequest, "unread more", "", nil},
		{"an unread content", postRequest, "unread more", "", nil},
		{"a 101", getRequest, "unread more", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n",
			func(x *protocoltest.Exchange) { x.WriteHead(101, fields("Upgrade", "raw"), -1) }},
		{"half an answer", getRequest, "unread more", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
			func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 5); x.Write([]byte("abc")) }},
	} {
		for _, when := range []string{"at once", "later"} {
			t.Run(row.name+"/"+when, func(t *testing.T) {
				r := &raw{}
				hijack := func(x *protocoltest.Exchange) {
					if row.before != nil {
						row.before(x)
					}
					if !x.Channel.(protocol.Hijacker).Hijack(r) {
						t.Error("refused")
					}
					x.Write([]byte("too late"))
				}
				s := &protocoltest.Server{}
				if when == "at once" {
					s.OnHead = hijack
				}
				f := http1.NewFactory(s, nil)
				c := protocoltest.Dial(t, nil, f)
				c.Send(row.in)
				if when == "later" {
					s.Last().PauseBody()
					c.Send("unread")
					hijack(s.Last())
				} else {
					c.Send("unread")
				}
				c.Send(" more")
				c.Want(row.want)
				if string(r.got) != row.unread || f.Stats().Open != 0 || c.Loop.Pending() != 0 {
					t.Errorf("got %q, %+v, %d timers", r.got, f.Stats(), c.Loop.Pending())
				}
				c.Lose(nil)
				if r.lost == nil || s.Last().Lost != nil {
					t.Errorf("the new protocol was told %v, the Receiver %v", r.lost, s.Last().Lost)
				}
			})
		}
	}
}
