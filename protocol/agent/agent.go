package agent

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is what a program asks with: URLs in, responses out.

// Agent asks for URLs. The fields are set before it is used. Zero means the default that
// stands beside a field, negative none. Loop only.
type Agent struct {
	// Pool keeps the connections; New makes it.
	Pool *Pool
	// Jar keeps cookies; nil keeps none. See NewJar.
	Jar http.CookieJar
	// MaxRedirects is how many redirects are followed; 10. One more is an error; when
	// negative the redirect itself is the response.
	MaxRedirects int
	// Decoders undo content codings, by name; nil is gzip and deflate. They are offered to the
	// server unless a request has an Accept-Encoding of its own; a content that was decoded has
	// neither Content-Encoding nor a length. An empty map decodes nothing.
	Decoders map[string]Decoder
	// UserAgent is that field, unless a request has its own; "Spindle", "-" sends none.
	UserAgent string
	// Proxy names the proxy for a URL, nil for none; http.ProxyFromEnvironment is one. Its
	// scheme is http.
	Proxy func(*http.Request) (*url.URL, error)
	// Timeout is the time from Do to the end of the content; none. What the steps on the way
	// may take is in the Pool.
	Timeout time.Duration
}

// Request is what to ask for.
type Request struct {
	Method string // "" is GET
	URL    string // http or https
	Fields protocol.Fields
	// Body is the content. It is kept until the exchange is over.
	Body []byte
	// Produce, in place of Body, writes the content as a stream, of ContentLength bytes, -1
	// when that is not known: it is called when ch is ready, and ch.Finish ends it. It can not
	// be sent again, so a redirect that asks for that is the response.
	Produce       func(ch protocol.ClientChannel)
	ContentLength int64
	// ExpectContinue has the content wait until the server wants it.
	ExpectContinue bool
	// Socket is a UNIX socket to connect to in place of the URL's host.
	Socket string
}

// Errors of Do.
var (
	ErrRedirects = errors.New("agent: too many redirects")
	ErrTooLong   = errors.New("agent: the content is longer than the limit")
)

// New makes an Agent with a pool of its own on l.
func New(l Loop) *Agent { return &Agent{Pool: NewPool(l)} }

// Get asks for url.
func (a *Agent) Get(url string) *reactor.Deferred[*Response] { return a.Do(&Request{URL: url}) }

// Post sends a content.
func (a *Agent) Post(url, contentType string, body []byte) *reactor.Deferred[*Response] {
	return a.Do(&Request{Method: "POST", URL: url, Body: body,
		Fields: protocol.Fields{{Name: "Content-Type", Value: contentType}}})
}

// Do asks. The Deferred gives the response as soon as its head is there, whatever its status;
// the content waits for Response.Deliver or ReadBody. It fails with a *protocol.LostError, or
// with what is wrong with the request. Cancel gives up.
func (a *Agent) Do(q *Request) *reactor.Deferred[*Response] {
	d := reactor.NewDeferred[*Response]()
	x := &asking{a: a, q: q, d: d, method: q.Method, fields: append(protocol.Fields(nil), q.Fields...), body: q.Body, produce: q.Produce}
	if x.method == "" {
		x.method = "GET"
	}
	u, err := url.Parse(q.URL)
	if err == nil {
		err = x.ask(u)
	}
	if err != nil {
		d.Errback(fmt.Errorf("agent: %w", err))
		return d
	}
	d.OnCancel(func() { x.giveUp(reactor.ErrCancelled) })
	if a.Timeout > 0 && !x.over {
		x.timer = a.Pool.loop.CallLater(a.Timeout, func() { x.giveUp(reactor.ErrTimeout) })
	}
	return d
}

// asking is one Do, over all its redirects.
type asking struct {
	a *Agent
	q *Request
	d *reactor.Deferred[*Response]

	url       *url.URL
	method    string
	fields    protocol.Fields
	body      []byte
	produce   func(protocol.ClientChannel)
	redirects int

	call  *Call
	ch    protocol.ClientChannel
	r     *Response
	next  *url.URL // where the redirect in hand leads
	seen  int64    // of the content of a redirect, which is dropped
	timer *reactor.DelayedCall
	over  bool
}

// ask asks for u, on the way of what the agent says.
func (x *asking) ask(u *url.URL) error {
	o, err := x.origin(u)
	if err != nil {
		return err
	}
	x.url, x.next, x.r, x.ch, x.seen = u, nil, nil, nil, 0
	h := &protocol.RequestHead{
		Method: x.method, Scheme: u.Scheme, Authority: u.Host, Target: target(u),
		Fields: x.allFields(u), ContentLength: int64(len(x.body)), ExpectContinue: x.q.ExpectContinue,
	}
	if h.Authority, err = ascii(u.Host); err != nil {
		return err
	}
	if x.produce != nil {
		h.ContentLength = x.q.ContentLength
	}
	if x.q.Socket != "" {
		o.Path = x.q.Socket
	} else if err := x.useProxy(u, &o, h); err != nil {
		return err
	}
	if err := h.Check(); err != nil {
		return err
	}
	x.call = nil
	if call := x.a.Pool.Ask(o, h, x); !x.over {
		x.call = call
	}
	return nil
}

func (x *asking) origin(u *url.URL) (Origin, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return Origin{}, fmt.Errorf("%s is no http or https URL", protocol.Quote(u.String()))
	}
	host, err := ascii(u.Host)
	if err != nil {
		return Origin{}, err
	}
	return parseOrigin(u.Scheme, host)
}

// ascii is a host as the wire has it.
func ascii(host string) (string, error) {
	for i := range len(host) {
		if host[i] >= 0x80 {
			return idna.Lookup.ToASCII(host)
		}
	}
	return host, nil
}

func target(u *url.URL) string {
	t := u.EscapedPath()
	if t == "" {
		t = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		t += "?" + u.RawQuery
	}
	return t
}

// allFields are those of the request, and what the agent adds.
func (x *asking) allFields(u *url.URL) protocol.Fields {
	f := append(protocol.Fields(nil), x.fields...)
	if !f.Has("User-Agent") && x.a.UserAgent != "-" {
		name := x.a.UserAgent
		if name == "" {
			name = "Spindle"
		}
		f.Add("User-Agent", name)
	}
	if !f.Has("Accept-Encoding") {
		if codings := x.a.codings(); codings != "" {
			f.Add("Accept-Encoding", codings)
		}
	}
	if user := u.User; user != nil && !f.Has("Authorization") {
		f.Add("Authorization", basic(user))
	}
	if x.a.Jar != nil {
		var pairs []string
		for _, c := range x.a.Jar.Cookies(u) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		if len(pairs) > 0 {
			if own := f.Get("Cookie"); own != "" {
				pairs = append([]string{own}, pairs...)
			}
			f.Set("Cookie", strings.Join(pairs, "; "))
		}
	}
	return f
}

func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// useProxy sends the request by way of the proxy for u, if there is one.
func (x *asking) useProxy(u *url.URL, o *Origin, h *protocol.RequestHead) error {
	if x.a.Proxy == nil {
		return nil
	}
	via, err := x.a.Proxy(&http.Request{Method: x.method, URL: u, Host: u.Host})
	if err != nil || via == nil {
		return err
	}
	if via.Scheme != "http" {
		return fmt.Errorf("the proxy %s is not one by http", protocol.Quote(via.Redacted()))
	}
	p, err := parseOrigin("http", via.Host)
	if err != nil {
		return err
	}
	auth := ""
	if via.User != nil {
		auth = basic(via.User)
	}
	if u.Scheme == "https" {
		*o = Origin{Scheme: "https", Host: p.Host, Port: p.Port, Tunnel: joinPort(o.Host, o.Port), ProxyAuth: auth}
		return nil
	}
	*o = p
	h.Absolute = true
	if auth != "" {
		h.Fields.Set("Proxy-Authorization", auth)
	}
	return nil
}

// ChannelReady sends the content.
func (x *asking) ChannelReady(ch protocol.ClientChannel) {
	x.ch = ch
	switch {
	case x.produce != nil:
		x.produce(ch)
	case len(x.body) > 0:
		ch.WriteShared(x.body)
		ch.Finish(nil)
	}
}

// InformationalReceived is of no interest.
func (x *asking) InformationalReceived(*protocol.ResponseHead) {}

// HeadReceived gives the response, or goes where it sends.
func (x *asking) HeadReceived(h *protocol.ResponseHead) {
	if x.over {
		return
	}
	fields := h.Fields.Text(make(protocol.Fields, 0, len(h.Fields)))
	x.keepCookies(fields)
	if x.follow(h.Status, fields) || x.over {
		return
	}
	x.r = &Response{x: x, Status: h.Status, Version: h.Version, Fields: fields, ContentLength: h.ContentLength, URL: x.url.String()}
	x.ch.PauseBody()
	x.r.decode(x.a)
	x.d.Callback(x.r)
}

func (x *asking) keepCookies(fields protocol.Fields) {
	if x.a.Jar == nil || !fields.Has("Set-Cookie") {
		return
	}
	r := http.Response{Header: http.Header{"Set-Cookie": fields.Values("Set-Cookie")}}
	x.a.Jar.SetCookies(x.url, r.Cookies())
}

// BodyReceived passes content on.
func (x *asking) BodyReceived(data []byte) {
	switch {
	case x.over:
	case x.next != nil:
		if x.seen += int64(len(data)); x.seen > mostDropped {
			x.call.Abort(nil)
			x.goOn()
		}
	default:
		x.r.received(data)
	}
}

// BodyFinished ends the response, or goes where a redirect leads.
func (x *asking) BodyFinished(trailers protocol.Fields) {
	switch {
	case x.over:
	case x.next != nil:
		x.goOn()
	default:
		x.end()
		x.r.finished(trailers, nil)
	}
}

// ExchangeLost fails the Deferred, or the content.
func (x *asking) ExchangeLost(err error) {
	if x.over {
		return
	}
	x.fail(err)
}

func (x *asking) fail(err error) {
	x.end()
	if x.r != nil {
		x.r.finished(nil, err)
	} else if !x.d.Settled() {
		x.d.Errback(err)
	}
}

func (x *asking) end() {
	x.over = true
	if x.timer != nil {
		x.timer.Cancel()
	}
}

// giveUp ends it from our side.
func (x *asking) giveUp(err error) {
	if x.over {
		return
	}
	if x.call != nil {
		x.call.Abort(err)
	}
	if err == reactor.ErrCancelled && x.r == nil {
		x.end()
		return // the Deferred fails by itself
	}
	x.fail(&protocol.LostError{Reason: "the exchange was given up", Err: err})
}

var _ Caller = (*asking)(nil)
