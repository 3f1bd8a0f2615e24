package proxy

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/reactor"
	"spindle/resource"
)

// This file is one request that is passed on, and its answer.

// exchange joins a Request with a request to an upstream: it is told of the content of
// the one and of the answer to the other.
type exchange struct {
	p     *Proxy
	r     *resource.Request
	u     *Upstream
	fixed *Upstream // of a Forward: there is no choice
	call  *agent.Call
	ch    protocol.ClientChannel
	head  protocol.RequestHead

	tried     []*Upstream
	early     []byte // content that came before there was a connection
	complete  bool   // all content has come
	sent      bool   // some of it has been written
	answered  bool   // the final head has come
	over      bool
	upgrading bool // WebSocket or another protocol is asked for
	downPush  bool // it is a producer of the Request
	upPush    bool // it is a producer of the channel
	trailers  protocol.Fields
	room      [16]protocol.Field // of head.Fields
	pre       *string            // what prefix says, when r is gone
	cached
}

// queueAtMost is how much may wait at the other end before the source is slowed down. Most
// messages never come to that, and need no producer.
const queueAtMost = 32 << 10

// begin sends the request.
func (x *exchange) begin() error {
	if err := x.choose(); err != nil {
		return err
	}
	x.hold()
	x.r.NotifyLost(x.giveUp)
	x.ask()
	return nil
}

// hold has the content wait until there is a connection.
func (x *exchange) hold() {
	if !x.complete && x.r.Head().ContentLength != 0 {
		x.r.PauseBody()
	}
}

// choose picks an upstream, and makes the head for it.
func (x *exchange) choose() error {
	u := x.fixed
	if u == nil {
		u = x.p.choose(x.r, x.tried)
	}
	if u == nil {
		return &resource.Error{Status: 502, Err: errors.New("proxy: there is no upstream left to try")}
	}
	x.u = u
	return x.makeHead()
}

// ask asks the upstream that was chosen. It may be told of anything from inside.
func (x *exchange) ask() {
	if x.key != "" {
		x.asked = x.r.Now()
		x.condition()
	}
	x.tried = append(x.tried, x.u)
	x.u.busy++
	origin := x.u.origin
	origin.NoHTTP2 = x.head.Upgrade && origin.Scheme == "https"
	call := x.p.Pool.Ask(origin, &x.head, x)
	if !x.over && x.call == nil {
		x.call = call
	}
}

// makeHead makes the head of the request to the upstream.
func (x *exchange) makeHead() error {
	r, h := x.r, x.r.Head()
	target, err := x.target()
	if err != nil {
		return err
	}
	x.head = protocol.RequestHead{
		Method:        h.Method,
		Scheme:        x.u.scheme,
		Authority:     string(h.Authority),
		Target:        target,
		ContentLength: h.ContentLength,
	}
	if x.p.RewriteHost || x.head.Authority == "" {
		x.head.Authority = x.u.authority
	}
	if x.fixed != nil {
		x.head.Fields = x.p.ownFields(x.room[:0], r)
		x.head.Fields.Add("Via", "1.1 spindle") // RFC 9110 §7.6.3
	} else {
		x.head.Fields = x.p.addForwarded(x.p.ownFields(x.room[:0], r), r)
	}
	switch {
	case x.u.origin.Scheme == "h2c" && (h.Method == "CONNECT" || isWebSocket(h)):
		x.openStream()
	case h.Method == "CONNECT":
		x.openWebSocket()
	case h.Upgrade && h.ContentLength == 0 && !toHTTP(h.List("Upgrade")):
		x.upgrading = true
		x.head.Upgrade = true
		x.head.Fields.Add("Upgrade", string(h.List("Upgrade")))
	}
	if x.p.EditRequest != nil {
		if err := x.p.EditRequest(r, &x.head); err != nil {
			return err
		}
		return x.head.Check()
	}
	return nil
}

// toHTTP tells whether an Upgrade asks for another version of HTTP, which is about one hop: in
// a tunnel to the upstream nobody would look at the requests any more.
func toHTTP(list []byte) bool {
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return false
		}
		name, _, _ := bytes.Cut(member, []byte{'/'})
		if protocol.EqualFold(name, "h2c") || protocol.EqualFold(name, "h2") || protocol.EqualFold(name, "http") || protocol.EqualFold(name, "tls") {
			return true
		}
		list = rest
	}
}

// isWebSocket tells whether the client of HTTP/1.1 opens a WebSocket.
func isWebSocket(h *protocol.Head) bool {
	return h.Upgrade && h.Method == "GET" && h.ContentLength == 0 && protocol.HasMember(h.List("Upgrade"), "websocket")
}

// openStream opens a WebSocket on a stream of HTTP/2 at the upstream (RFC 8441 §5).
func (x *exchange) openStream() {
	x.upgrading = true
	x.head.Method, x.head.Protocol, x.head.ContentLength = "CONNECT", "websocket", 0
	x.head.Fields.Del("Sec-WebSocket-Key")
}

// openWebSocket makes the extended CONNECT of HTTP/2 (RFC 8441 §5) the GET that HTTP/1.1
// opens a WebSocket with (RFC 6455 §4.1).
func (x *exchange) openWebSocket() {
	var key [16]byte
	_, _ = rand.Read(key[:]) // it never fails
	x.upgrading = true
	x.head.Method, x.head.ContentLength, x.head.Upgrade = "GET", 0, true
	x.head.Fields.Add("Upgrade", "websocket")
	x.head.Fields.Add("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key[:]))
}

// target is path and query at the upstream.
func (x *exchange) target() (string, error) {
	rest, query := x.r.PostpathBytes(), x.r.QueryBytes()
	if x.u.base != "" && climbs(rest) {
		return "", &resource.Error{Status: 400, Detail: "The path of this address leads out of where it is."}
	}
	b := make([]byte, 0, len(x.u.base)+len(rest)+len(query)+2)
	b = append(b, x.u.base...)
	if b = append(b, rest...); len(b) == 0 {
		b = append(b, '/')
	}
	if query != nil {
		b = append(append(b, '?'), query...)
	}
	return string(b), nil
}

// climbs tells whether a path has a segment "..", however it is written.
func climbs(path []byte) bool {
	if bytes.IndexByte(path, '.') < 0 && bytes.IndexByte(path, '%') < 0 {
		return false
	}
	plain, err := protocol.UnescapeSegment(nil, path)
	if err != nil {
		return true
	}
	for _, segment := range bytes.FieldsFunc(plain, func(c rune) bool { return c == '/' || c == '\\' }) {
		if string(segment) == ".." {
			return true
		}
	}
	return false
}

// ChannelReady sends what has come of the content.
func (x *exchange) ChannelReady(ch protocol.ClientChannel) {
	x.ch = ch
	if x.head.ContentLength == 0 {
		return
	}
	if len(x.early) > 0 {
		x.send(x.early)
		x.early = nil
	}
	if x.complete {
		ch.Finish(x.trailers)
		return
	}
	if !x.upPush {
		x.r.ResumeBody()
	}
}

// content passes a piece of the request's content on.
func (x *exchange) content(data []byte) {
	switch {
	case x.over:
	case x.ch == nil:
		x.early = append(x.early, data...)
		x.r.PauseBody()
	default:
		x.send(data)
	}
}

func (x *exchange) send(data []byte) {
	x.sent = true
	x.ch.Write(data)
	if !x.upPush && x.ch.Buffered() > queueAtMost {
		x.upPush = true
		x.ch.RegisterProducer((*upload)(x))
	}
}

// contentEnd is the end of the request's content.
func (x *exchange) contentEnd(err error) {
	switch {
	case x.over:
	case err != nil:
		x.giveUp(err)
	default:
		x.complete = true
		x.trailers = x.r.Trailers()
		if x.ch != nil {
			if x.upPush {
				x.upPush = false
				x.ch.UnregisterProducer()
			}
			x.ch.Finish(x.trailers)
		}
	}
}

// giveUp ends the request to the upstream: nobody waits for its answer. It is told when the
// client leaves.
func (x *exchange) giveUp(err error) {
	if x.over {
		return
	}
	x.end()
	if x.call != nil {
		x.call.Abort(err)
	}
}

// end notes that it is over.
func (x *exchange) end() {
	x.over = true
	x.u.busy--
}

// InformationalReceived passes 1xx answers on, but for 100 (Continue), which the Request
// sends itself.
func (x *exchange) InformationalReceived(h *protocol.ResponseHead) {
	if h.Status == 100 {
		return
	}
	x.r.WriteInformational(h.Status, x.p.answerFields(nil, x.r, h))
}

// HeadReceived passes the head of the answer on.
func (x *exchange) HeadReceived(h *protocol.ResponseHead) {
	x.answered = true
	x.u.answered()
	if o := x.r.Origin(); o != nil {
		o.OriginHead(h)
	}
	if h.Switching {
		x.join(h)
		return
	}
	if x.answerFromCache(h) {
		return
	}
	if h.Status > 599 { // RFC 9110 §15: no class that anybody knows
		x.refuse(&resource.Error{Status: 502, Err: &upstreamError{x.u.Text, fmt.Errorf("it answers with status %d", h.Status)}})
		return
	}
	a := Answer{Status: h.Status, Fields: x.p.answerFields(make(protocol.Fields, 0, len(h.Fields)), x.r, h)}
	if x.p.RewriteAnswers {
		x.rewrite(&a)
	}
	if x.p.EditAnswer != nil {
		if err := x.p.EditAnswer(x.r, &a); err != nil {
			x.refuse(err)
			return
		}
		if err := a.Fields.Check(); err != nil {
			x.refuse(err)
			return
		}
	}
	if x.p.Cache != nil {
		x.startFill(&a)
	}
	x.writeHead(&a, h)
}

// refuse answers with err in place of the upstream.
func (x *exchange) refuse(err error) {
	x.giveUp(err)
	x.r.Fail(err)
}

// writeHead gives the Request status, fields and length.
func (x *exchange) writeHead(a *Answer, h *protocol.ResponseHead) {
	r := x.r
	r.SetStatus(a.Status)
	r.AddFields(a.Fields)
	r.Untyped()
	switch {
	case r.Method() == "HEAD":
		if n, ok := contentLength(h); ok {
			r.SetContentLength(n)
		}
	case h.ContentLength > 0 && a.Fields.Has("Trailer"): // a length leaves no room for trailers in HTTP/1.1
	case h.ContentLength >= 0 && !protocol.NoContent(a.Status):
		r.SetContentLength(h.ContentLength)
	}
	if h.ContentLength != 0 {
		_, _ = r.Write(nil) // the head leaves before the content, which may take its time
	}
}

// contentLength is what the field says.
func contentLength(h *protocol.ResponseHead) (n int64, ok bool) {
	value := h.Fields.Get("Content-Length")
	if len(value) == 0 || len(value) > 18 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// BodyReceived passes content on.
func (x *exchange) BodyReceived(data []byte) {
	if x.over {
		return
	}
	if x.fill != nil {
		x.addToFill(x.p.Cache, data)
	}
	_, _ = x.r.Write(data) // fails after the end only, of which giveUp is told
	if !x.downPush && !x.over && x.r.Buffered() > queueAtMost {
		x.downPush = true
		x.r.RegisterProducer((*download)(x))
	}
}

// BodyFinished ends the answer.
func (x *exchange) BodyFinished(trailers protocol.Fields) {
	if x.over {
		return
	}
	x.end()
	switch {
	case x.serve:
		x.r.Answer(x.kept(x.entry, "hit; fwd=stale; fwd-status=304"), nil)
		return
	case x.fill != nil && trailers == nil:
		x.p.Cache.Put(x.key, x.r.Head(), x.fill, x.body)
	}
	for _, t := range trailers {
		x.r.AddTrailer(t.Name, t.Value)
	}
	x.r.Finish()
}

// ExchangeLost tries another upstream, or answers that there was none.
func (x *exchange) ExchangeLost(err error) {
	if x.over {
		return
	}
	x.p.failed(x.u, x.r.Now(), err)
	x.tellFault(err)
	if x.mayTryAnother(err) {
		x.u.busy--
		x.ch, x.call, x.upPush = nil, nil, false
		if x.choose() == nil {
			x.ask()
			return
		}
		x.u.busy++
	}
	x.end()
	if e := x.entry; e != nil && !x.answered && e.ForError(x.r.Now()) {
		x.r.Answer(x.kept(e, "hit; detail=stale-if-error"), nil)
		return
	}
	if !x.answered && x.p.Unanswered != nil && x.p.Unanswered(x.r, &upstreamError{x.u.Text, err}) {
		return
	}
	status := 502
	if errors.Is(err, reactor.ErrTimeout) {
		status = 504
	}
	x.r.Fail(&resource.Error{Status: status, Err: &upstreamError{x.u.Text, err}})
}

// tellFault tells who looks at the answers of the upstream why it has none.
func (x *exchange) tellFault(err error) {
	var lost *protocol.LostError
	o := x.r.Origin()
	switch {
	case o == nil || !errors.As(err, &lost) || lost.Fault == 0:
	case lost.Fault == protocol.FaultUnreadable:
		o.OriginFault(protocol.Fault{Kind: lost.Fault, Text: strings.TrimPrefix(lost.Reason, protocol.UnreadableAnswer)})
	default:
		o.OriginFault(protocol.Fault{Kind: lost.Fault})
	}
}

// WantsFaults tells whether somebody looks at the answers of the upstream. See
// protocol.FaultReceiver.
func (x *exchange) WantsFaults() bool { return x.r.Origin() != nil }

// FaultFound tells them.
func (x *exchange) FaultFound(f protocol.Fault) {
	if o := x.r.Origin(); o != nil {
		o.OriginFault(f)
	}
}

// mayTryAnother tells whether the request may go to another upstream.
func (x *exchange) mayTryAnother(err error) bool {
	if x.answered || x.sent || len(x.tried) > number(x.p.Retries, 2) || len(x.tried) == len(x.p.upstreams) {
		return false
	}
	var lost *protocol.LostError
	if errors.As(err, &lost) && lost.Unseen {
		return true
	}
	return x.head.ContentLength == 0 && agent.Idempotent(x.head.Method) && !errors.Is(err, reactor.ErrTimeout)
}

// upstreamError names who has failed.
type upstreamError struct {
	upstream string
	err      error
}

func (e *upstreamError) Error() string { return "proxy: upstream " + e.upstream + ": " + e.err.Error() }
func (e *upstreamError) Unwrap() error { return e.err }

// download is an exchange as the producer of the answer: when the client takes nothing the
// upstream has to wait.
type download exchange

func (d *download) PauseProducing() {
	if !d.over && d.ch != nil {
		d.ch.PauseBody()
	}
}

func (d *download) ResumeProducing() {
	if !d.over && d.ch != nil {
		d.ch.ResumeBody()
	}
}

// StopProducing does nothing: giveUp is told.
func (d *download) StopProducing() {}

// upload is an exchange as the producer of the request's content.
type upload exchange

func (u *upload) PauseProducing()  { u.r.PauseBody() }
func (u *upload) ResumeProducing() { u.r.ResumeBody() }

// StopProducing lets the rest of the content come: nobody wants it.
func (u *upload) StopProducing() {
	u.upPush = false
	u.r.ResumeBody()
}

var (
	_ agent.Caller         = (*exchange)(nil)
	_ reactor.PushProducer = (*download)(nil)
	_ reactor.PushProducer = (*upload)(nil)
)
