package dev

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file guards the console of a ticket. Who evaluates expressions can read whatever
// the program knows, so that several things are asked for, each of which another site, or
// somebody in the network, lacks: a name that is ours (see hostIsOurs), a page of ours as
// the origin, the secret that only the page itself has, and the PIN that the terminal
// shows, once, for which there is a cookie.

// console is the guard of one run of the development server. Loop only.
type console struct {
	s      *Supervisor
	pin    string // 9 digits
	secret string // of the pages
	key    []byte // of cookies
	cookie string // its name, other than that of an earlier run
	fails  int    // wrong PINs and forged cookies, until a right one
}

const (
	mostFails    = 10
	slowFails    = 5 // from the next one on, the answer takes longer
	shortDelay   = 500 * time.Millisecond
	longDelay    = 5 * time.Second
	cookieLasts  = 7 * 24 * time.Hour
	mostAsked    = 1000 // bytes of an expression
	pinDigits    = 9
	secretPrefix = "spindle-console-"
)

func newConsole(s *Supervisor) *console {
	c := &console{s: s, secret: rand.Text(), key: []byte(rand.Text()), cookie: secretPrefix + strings.ToLower(rand.Text()[:8])}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000_000))
	if err != nil { // it never is: rand ends the process before
		n = new(big.Int)
	}
	digits := n.String()
	c.pin = strings.Repeat("0", pinDigits-len(digits)) + digits
	return c
}

// PIN is what the console asks for, as a person reads it. Loop only.
func (s *Supervisor) PIN() string {
	p := s.console.pin
	return p[:3] + "-" + p[3:6] + "-" + p[6:]
}

// ours refuses what does not come from one of our pages.
func (c *console) ours(r *resource.Request) error {
	if !hmac.Equal([]byte(r.Field("X-Spindle-Secret")), []byte(c.secret)) {
		return &resource.Error{Status: 403, Detail: "This is for the page of a ticket."}
	}
	return ofThisServer(r)
}

// signature makes of a time what only we can make.
func (c *console) signature(at string) string {
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte(at + "\x00" + c.pin))
	return hex.EncodeToString(h.Sum(nil))
}

// trust tells whether the browser has given the PIN before. A cookie that we did not make
// counts as a wrong PIN, and is taken away.
func (c *console) trust(r *resource.Request) bool {
	value, ok := r.Cookie(c.cookie)
	if !ok {
		return false
	}
	at, sum, _ := strings.Cut(value, "|")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !hmac.Equal([]byte(sum), []byte(c.signature(at))) {
		c.fails++
		r.SetCookie(protocol.Cookie{Name: c.cookie, Path: Prefix, MaxAge: -1, HTTPOnly: true, SameSite: protocol.SameSiteStrict})
		return false
	}
	return r.Now().Sub(time.Unix(seconds, 0)) < cookieLasts
}

// locked tells that nobody is let in until the development server is started again.
func (c *console) locked() bool { return c.fails >= mostFails }

func errLocked() error {
	return &resource.Error{Status: 429, Detail: "There were too many wrong PINs. Start spindle dev again."}
}

// unlocking is POST pin: the PIN as the argument pin.
type unlocking struct {
	resource.Leaf
	c *console
}

// RenderPOST counts a wrong PIN when it comes, and answers later: many at once gain
// nothing.
func (x unlocking) RenderPOST(r *resource.Request) ([]byte, error) {
	c := x.c
	if err := c.ours(r); err != nil {
		return nil, err
	}
	if c.locked() {
		return nil, errLocked()
	}
	pin := strings.NewReplacer("-", "", " ", "").Replace(r.Arg("pin"))
	if hmac.Equal([]byte(pin), []byte(c.pin)) {
		c.fails = 0
		at := strconv.FormatInt(r.Now().Unix(), 10)
		r.SetCookie(protocol.Cookie{Name: c.cookie, Value: at + "|" + c.signature(at), Path: Prefix, MaxAge: int(cookieLasts / time.Second),
			HTTPOnly: true, Secure: r.Secure(), SameSite: protocol.SameSiteStrict})
		r.SetStatus(204)
		return nil, nil
	}
	c.fails++
	delay := shortDelay
	if c.fails > slowFails {
		delay = longDelay
	}
	if c.locked() {
		c.s.notice("The console is locked: there were too many wrong PINs.")
	}
	d := reactor.NewDeferred[[]byte]()
	call := r.Loop().CallLater(delay, func() {
		settleWith(d, nil, error(&resource.Error{Status: 403, Detail: "This is not the PIN."}))
	})
	return r.Later(d.OnCancel(func() { call.Cancel() }))
}

// asking is POST console: an expression in a frame of a ticket.
type asking struct {
	resource.Leaf
	c *console
}

func (x asking) RenderPOST(r *resource.Request) ([]byte, error) {
	c := x.c
	if err := c.ours(r); err != nil {
		return nil, err
	}
	if c.locked() {
		return nil, errLocked()
	}
	if !c.trust(r) {
		return nil, &resource.Error{Status: 401, Detail: "The console asks for the PIN that the terminal shows."}
	}
	t := c.s.tickets.find(r.Arg("ticket"))
	if t == nil {
		return nil, &resource.Error{Status: 404, Detail: "This ticket is not kept any more."}
	}
	if t.talk != nil {
		return say(r, t.talk)
	}
	m := t.moment
	if m == nil {
		return nil, errNoMoment(t)
	}
	frame, expression := number(r.Arg("frame")), strings.TrimSpace(r.Arg("expression"))
	if expression == "" || len(expression) > mostAsked {
		return nil, &resource.Error{Status: 422, Detail: "This is no expression."}
	}
	r.SetField("Content-Type", "text/html; charset=utf-8")
	return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) {
		return evaluated(m, frame, expression), nil
	}))
}

// errNoMoment is why there is no memory to ask.
func errNoMoment(t *Ticket) error {
	if t.Why != "" {
		return &resource.Error{Status: 404, Detail: "There are no variables to ask for: " + t.Why + "."}
	}
	return &resource.Error{Status: 410, Detail: "The memory of this moment is not kept any more: only of the last three panics is it."}
}

// evaluated is a value, or what is wrong with the expression, as HTML.
func evaluated(m Moment, frame int, expression string) []byte {
	v, err := m.Eval(frame, expression)
	if err != nil {
		v = Value{Text: err.Error(), Unreadable: true}
	}
	var b strings.Builder
	b.WriteString(`<ul class="tree">`)
	valueHTML(&b, &v)
	b.WriteString(`</ul>`)
	return []byte(b.String())
}
