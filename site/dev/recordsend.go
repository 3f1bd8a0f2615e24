package dev

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/reactor"
)

// This file sends a recorded request again, as it was or as somebody has edited it: to our
// own port, so that it takes the way of every other one and is recorded as well.

// replayField marks a request that is one of the past, sent again. Nobody can forge it: it
// has a mark that is random, and good for once.
const replayField = "X-Spindle-Replay"

// replayPatience is how long an answer may take; a stream is cut then.
const replayPatience = 15 * time.Second

// recordAfterLoss is when the record of an exchange that was cut is there at the latest.
const recordAfterLoss = 200 * time.Millisecond

// takeMark takes the mark out of the fields: the program does not see it.
func (c *recorder) takeMark(h *protocol.Head) (again int64, mark string) {
	value := string(h.Field(replayField))
	if value == "" {
		return 0, ""
	}
	dropField(h, replayField)
	if w := c.sending[value]; w != nil {
		return w.of, value
	}
	return 0, ""
}

// draft is a request that is to be sent.
type draft struct {
	Method string  `json:"method"`
	Target string  `json:"target"`
	Fields string  `json:"fields"` // a line each
	Body   *string `json:"body"`   // nil: that of the recorded one
}

// apply makes a record of what was edited. What was masked is what it was.
func (d *draft) apply(x *record) (*record, error) {
	y := &record{method: strings.TrimSpace(d.Method), target: strings.TrimSpace(d.Target), version: x.version, authority: x.authority, body: x.body}
	for _, line := range strings.Split(d.Fields, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s is not a field: give it as Name: value", protocol.Quote(line))
		}
		f := protocol.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
		if f.Value == masked {
			f.Value = x.fields.Get(f.Name)
		}
		if protocol.EqualFold(f.Name, "Host") {
			y.authority = f.Value
			continue
		}
		y.fields = append(y.fields, f)
	}
	if d.Body != nil {
		y.body = kept{data: []byte(*d.Body), size: int64(len(*d.Body))}
	}
	return y, nil
}

// notSentAgain are fields of a connection, not of a request.
var notSentAgain = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Expect", "Upgrade", "Proxy-Connection"}

// head is that of a request that repeats x.
func (x *record) head(scheme, mark string) (*protocol.RequestHead, error) {
	h := &protocol.RequestHead{Method: x.method, Scheme: scheme, Authority: x.authority, Target: x.target, ContentLength: int64(len(x.body.data))}
	for _, f := range x.fields {
		if !slices.ContainsFunc(notSentAgain, func(name string) bool { return protocol.EqualFold(f.Name, name) }) {
			h.Fields.Add(f.Name, f.Value)
		}
	}
	h.Fields.Add(replayField, mark)
	path, _, _ := strings.Cut(x.target, "?")
	switch {
	case x.body.why != "":
		return nil, errors.New("the content of this request is not there: " + x.body.why)
	case x.method == "CONNECT":
		return nil, errors.New("CONNECT is not sent again")
	case strings.HasPrefix(path+"/", Prefix):
		return nil, errors.New("the pages of the development server are not asked for here")
	}
	return h, h.Check()
}

// sending is a request on its way. It is the agent.Caller of it.
type sending struct {
	c     *recorder
	of    int64
	mark  string
	body  []byte
	pool  *agent.Pool
	call  *agent.Call
	limit *reactor.DelayedCall
	done  *reactor.Deferred[*record]
}

// send sends x, which repeats the one with number of, to our own port; it gives the record
// of the new exchange.
func (c *recorder) send(x *record, of int64, own reactor.Addr, secure bool) *reactor.Deferred[*record] {
	l, ok := c.s.loop.(agent.Loop)
	if !ok {
		return reactor.Failed[*record](errors.New("this loop makes no connections"))
	}
	w := &sending{c: c, of: of, mark: rand.Text(), body: x.body.data, done: reactor.NewDeferred[*record]()}
	o := originOf(own, secure)
	h, err := x.head(o.Scheme, w.mark)
	if err != nil {
		return reactor.Failed[*record](err)
	}
	w.pool = agent.NewPool(l)
	w.pool.TLS = &tls.Config{InsecureSkipVerify: true} // it is this process
	w.pool.NoHTTP2 = x.version != "HTTP/2"
	c.sending[w.mark] = w
	w.limit = l.CallLater(replayPatience, w.giveUp)
	w.call = w.pool.Ask(o, h, w)
	return w.done
}

// originOf is our own port.
func originOf(own reactor.Addr, secure bool) agent.Origin {
	o := agent.Origin{Scheme: "http", Host: "127.0.0.1", Port: int(own.Port), Path: own.Path}
	if own.IP.IsValid() {
		o.Host = own.IP.String()
	}
	if secure {
		o.Scheme = "https"
	}
	return o
}

// giveUp cuts it: then the record comes, of what there was.
func (w *sending) giveUp() {
	w.call.Abort(reactor.ErrTimeout)
	w.limit = w.c.s.loop.CallLater(recordAfterLoss, func() { w.settle(nil, reactor.ErrTimeout) })
}

// is takes the record.
func (w *sending) is(x *record) { w.settle(x, nil) }

func (w *sending) settle(x *record, err error) {
	if w.c.sending[w.mark] != w {
		return
	}
	delete(w.c.sending, w.mark)
	w.limit.Cancel()
	w.pool.Close()
	settleWith(w.done, x, err)
}

// ChannelReady sends the content.
func (w *sending) ChannelReady(ch protocol.ClientChannel) {
	if len(w.body) > 0 {
		ch.Write(w.body)
	}
	ch.Finish(nil)
}

// What the answer is, the record has seen on its way here.

func (w *sending) InformationalReceived(*protocol.ResponseHead) {}
func (w *sending) HeadReceived(h *protocol.ResponseHead) {
	if h.Switching {
		w.giveUp()
	}
}
func (w *sending) BodyReceived([]byte)          {}
func (w *sending) BodyFinished(protocol.Fields) {}

// ExchangeLost tells that it did not come through, unless the record says so itself.
func (w *sending) ExchangeLost(err error) {
	w.c.s.loop.CallLater(recordAfterLoss, func() { w.settle(nil, err) })
}

var _ agent.Caller = (*sending)(nil)
