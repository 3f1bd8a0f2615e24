package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// The split law: what a decoder makes of its input does not depend on how the
// input is cut. It holds for refusals and limits too.

// smallLimits are limits that fuzzing can reach.
func smallLimits() *Settings {
	return &Settings{
		ServerName:          "-",
		MaxRequestLineBytes: 40,
		MaxFieldBytes:       100,
		MaxFields:           4,
		MaxChunkLineBytes:   20,
		MaxTrailerBytes:     30,
		MaxPipelinedBytes:   64,
		MaxDiscardBytes:     20,
		MaxLingerBytes:      1000,
	}
}

// seeds are requests in all shapes, for the corpora of all targets.
var seeds = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a?b HTTP/1.1\r\nHost: x:80\r\nA: b\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
	"\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: y\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nT: v\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
	"HEAD http://h/p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nleft",
	"OPTIONS * HTTP/1.1\r\nHost:\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
	"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\nraw",
	"GET / HTTP/1.1\r\n X: y\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX:\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
	"GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n",
	"\x16\x03\x01",
	"\r\n\r\n",
	"GET / HTTP/1.1\nHost: x\n\n",
}

// FuzzHead holds the tokenizer to the split law, and to what may never be: a
// head with bytes in it that have no place there.
func FuzzHead(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint16(7))
	}
	set := smallLimits().resolve()
	run := func(in []byte, cuts ...int) string {
		tok := newTokenizer(&set)
		var scan headScan
		for _, end := range append(cuts, len(in)) {
			n, err := tok.scan(in[:end], &scan)
			if err != nil {
				return err.Reason
			}
			if n > 0 {
				h, err := tok.tokenize(in[:n], &scan)
				if err != nil {
					return err.Reason
				}
				if own := fmt.Sprintf("%q", cutFields(in[:n])); own != fmt.Sprintf("%q", h.Fields) {
					panic(fmt.Sprintf("the tokens %q are not %s", h.Fields, own))
				}
				return fmt.Sprint(n, showHead(h))
			}
		}
		return "more"
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		n := int(at) % (len(in) + 1)
		whole := run(in)
		if cut := run(in, n); cut != whole {
			t.Errorf("cut at %d: %s\nwhole: %s", n, cut, whole)
		}
		var every []int
		for i := range in {
			every = append(every, i)
		}
		if cut := run(in, every...); cut != whole {
			t.Errorf("byte by byte: %s\nwhole: %s", cut, whole)
		}
	})
}

// cutFields is what the tokens have to be: a second reading of a head that
// scan has let through, which shares nothing with the first.
func cutFields(head []byte) []protocol.RawField {
	fields := []protocol.RawField{}
	for {
		_, head, _ = bytes.Cut(head, []byte("\r\n"))
		if len(head) == 2 {
			return fields
		}
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		fields = append(fields, protocol.RawField{Name: name, Value: bytes.Trim(value, " \t")})
	}
}

// showHead tells all of a head, and panics when it is not clean.
func showHead(h *protocol.Head) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", []any{h.Method, h.Target, h.Form, h.Scheme, h.Authority, h.Path, h.Query, h.Version,
		h.ContentLength, h.ExpectContinue, h.KeepAlive, h.Upgrade})
	for _, f := range h.Fields {
		if !protocol.IsToken(f.Name) || !protocol.IsValue(f.Value) {
			panic(fmt.Sprintf("the field %q: %q came through", f.Name, f.Value))
		}
		fmt.Fprintf(&b, " %q=%q", f.Name, f.Value)
	}
	return b.String()
}

// FuzzChunked holds the decoder to the split law, and to its limits.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"3\r\nabc\r\n0\r\n\r\n", "3;a=b;c=\"\\\"\"\r\nabc\r\n00\r\nA: b\r\nHost: c\r\n\r\n",
		"1\r\na\r\n1\r\nb\r\n", "ffffffffffffffff\r\n", "3\nabc", "3\r\nabcd", "0\r\nCookie: a\r\n\r\nrest",
		"0\r\nA: 0123456789\r\nB: 0123456789\r\nC: 0123456789\r\n\r\n", "1;aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
	} {
		f.Add([]byte(s), uint16(3))
	}
	set := smallLimits().resolve()
	run := func(in []byte, cuts ...int) string {
		d := new(chunked)
		d.reset(&set)
		var data []byte
		used, from := 0, 0
		for _, end := range append(cuts, len(in)) {
			for part := in[from:end]; len(part) > 0; {
				n, piece, err := d.read(part)
				if err != nil {
					return fmt.Sprintf("%q %s", data, err.Reason)
				}
				if n == 0 {
					panic("the decoder took nothing")
				}
				data = append(data, piece...)
				used += n
				if d.done {
					return fmt.Sprintf("%d %q %q", used, data, d.trailers)
				}
				if len(d.line) > set.MaxTrailerBytes+1 {
					panic("the decoder keeps more than the limit")
				}
				part = part[n:]
			}
			from = end
		}
		return fmt.Sprintf("%q more", data)
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		n := int(at) % (len(in) + 1)
		whole := run(in)
		if cut := run(in, n); cut != whole {
			t.Errorf("cut at %d: %s\nwhole: %s", n, cut, whole)
		}
		var every []int
		for i := range in {
			every = append(every, i)
		}
		if cut := run(in, every...); cut != whole {
			t.Errorf("byte by byte: %s\nwhole: %s", cut, whole)
		}
	})
}

// answering is when and how the server of FuzzChannel answers.
var answering = []func(l *reactortest.Loop) *protocoltest.Server{
	func(*reactortest.Loop) *protocoltest.Server { // at once
		return &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text(string(x.Body)) }}
	},
	func(l *reactortest.Loop) *protocoltest.Server { // in another turn, in chunks
		return &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
			l.CallLater(0, func() {
				x.WriteHead(200, nil, -1)
				x.Write([]byte("a"))
				x.Write(x.Body)
				x.Finish(protocol.Fields{{Name: "T", Value: "v"}})
			})
		}}
	},
	func(*reactortest.Loop) *protocoltest.Server { // before the content
		return &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(403, nil, nil) }}
	},
	func(*reactortest.Loop) *protocoltest.Server { // 100, then pause after pause
		return &protocoltest.Server{
			OnHead: func(x *protocoltest.Exchange) { x.Continue() },
			OnBody: func(x *protocoltest.Exchange, _ []byte) {
				x.PauseBody()
				x.Loop().CallLater(0, x.ResumeBody)
			},
			OnDone: func(x *protocoltest.Exchange) { x.Text(string(x.Body)) },
		}
	},
}

// FuzzChannel holds the whole connection to the split law: the same answers, the
// same exchanges, the same end, and no more memory than the limits allow.
func FuzzChannel(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint64(i), byte(i))
		f.Add([]byte(s+s), uint64(i), byte(i+1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, mode byte) {
		whole := converse(t, in, reactortest.Whole, len(in), mode)
		if cut := converse(t, in, reactortest.ByteByByte, mostKeptOfBytes, mode); cut != whole {
			t.Errorf("byte by byte:\n%s\nwhole:\n%s", cut, whole)
		}
		if cut := converse(t, in, reactortest.Cut(seed), len(in), mode); cut != whole {
			t.Errorf("cut:\n%s\nwhole:\n%s", cut, whole)
		}
	})
}

// mostKeptOfBytes is what smallLimits let a channel keep of what comes byte by byte: a
// head that is not complete is the most.
const mostKeptOfBytes = 40 + 2 + 100 + 2

// converse feeds in to a connection, ends it as the high bit of mode says, and
// tells all that came of it. No more than most bytes may be kept.
func converse(t *testing.T, in []byte, split reactortest.Split, most int, mode byte) string {
	l := reactortest.NewLoop()
	s := answering[int(mode&0x7f)%len(answering)](l)
	f := NewFactory(s, smallLimits())
	c := protocoltest.Dial(t, l, f)
	c.SetSplit(split)
	c.Deliver(in)
	if mode&0x80 != 0 {
		c.DeliverEOF()
	}
	ch := c.Protocol().(*Channel)
	if n := len(ch.unread()); ch.state >= stateLinger && n > 0 || n > most {
		t.Errorf("%d bytes are kept in state %d", n, ch.state)
	}
	var b strings.Builder
	// Whether it lingers depends on what has come by then.
	fmt.Fprintf(&b, "%q closed=%v %d %d\n", c.Bytes(), c.WriteClosed(), f.Stats().Requests, f.Stats().Refused)
	for _, e := range s.Refused {
		fmt.Fprintf(&b, "%d %s\n", e.Status, e.Reason)
	}
	for _, x := range s.Exchanges {
		b.WriteString(x.String())
	}
	c.Lose(nil)
	if f.Stats().Open != 0 || l.Pending() != 0 || ch.in != nil || ch.dec != nil {
		t.Errorf("after the end: %+v, %d timers, buffer %v, decoder %v", f.Stats(), l.Pending(), ch.in, ch.dec)
	}
	if bytes.Contains(c.Bytes(), []byte("\r\n\r\nHTTP/1.1 ")) && len(s.Exchanges) == 0 {
		t.Error("more answers than requests")
	}
	return b.String()
}
