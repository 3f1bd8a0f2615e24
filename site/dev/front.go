package dev

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
)

// This file is the tree that browsers see: the program, and below Prefix what the
// development server has to say itself.

// Prefix is the path below which no request goes to the program.
const Prefix = "/__spindle__/"

//go:embed page/live.js
var liveScript []byte

//go:embed page/page.css
var pageStyle []byte

// front is the root. It belongs to the Supervisor.
type front struct {
	resource.Leaf
	s     *Supervisor
	own   *resource.Tree
	token string // that the dashboard knows: what is asked for with it came from there
	// inPages is the token in live.js, which every page of the program has, also in
	// browsers elsewhere: with it a file is opened, or the program started again.
	inPages  string
	instance string // tells pages this process from the one before
	dash     *dashboard
	lines    pageLines
}

// newFront makes the tree.
func newFront(s *Supervisor) *front {
	f := &front{s: s, own: new(resource.Tree), token: rand.Text(), inPages: rand.Text(), instance: rand.Text()}
	scripts := slices.Concat(liveScript, consoleScript)
	if s.opts.Toolbar {
		scripts = append(scripts, toolbarScript...)
	}
	f.own.PutChild("made", madePage{s: s})
	f.own.PutChild("live.js", file{pageType: "text/javascript; charset=utf-8", body: bytes.ReplaceAll(scripts, []byte("{{token}}"), []byte(f.inPages))})
	f.own.PutChild("browser", complaint{f: f})
	f.own.PutChild("page.css", file{pageType: "text/css; charset=utf-8", body: pageStyle})
	f.own.PutChild("events", f.stream())
	f.own.PutChild("failure", failureFragment{s: s})
	f.own.PutChild("checked", foundFragment{s: s})
	f.own.PutChild("open", opening{f: f})
	f.own.PutChild("restart", restarting{f: f})
	f.own.PutChild("tickets", ticketTree{s})
	f.own.PutChild("live", livePage{s: s})
	f.own.PutChild("coverage", coveragePage{s: s})
	f.own.PutChild("ticket.js", file{pageType: "text/javascript; charset=utf-8", body: ticketScript})
	f.own.PutChild("talk.js", file{pageType: "text/javascript; charset=utf-8", body: talkFile})
	f.own.PutChild("console", asking{c: s.console})
	f.own.PutChild("pin", unlocking{c: s.console})
	f.dash = newDashboard(s, f.own, f.token)
	f.lines = pageLines{s: s}
	return f
}

// Own is the tree below Prefix, for more pages.
func (s *Supervisor) Own() *resource.Tree { return s.front.own }

// stream is what the script in the pages listens to.
func (f *front) stream() *events.Events {
	f.s.live.Retry = 300 * time.Millisecond
	f.s.live.Opened = func(stream *events.Stream, r *resource.Request) error {
		stream.SendPrepared(f.hello())
		f.lines.joined(stream, r)
		return nil
	}
	return f.s.live
}

// hello tells a page that comes how things are.
func (f *front) hello() *protocol.Message {
	return message("hello", map[string]any{
		"instance": f.instance, "generation": f.s.served(), "failed": f.s.failure != nil, "checked": f.s.checks.title()})
}

// served is the number of the generation that answers.
func (s *Supervisor) served() int {
	if s.current == nil {
		return 0
	}
	return s.answers
}

func message(name string, v any) *protocol.Message {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("{}")
	}
	return &protocol.Message{Event: name, Data: data}
}

// publish tells the pages what concerns them.
func (f *front) publish(e Event) {
	switch e.Kind {
	case EventReady, EventReload:
		f.s.live.Broadcast(message("reload", map[string]any{"generation": f.s.served(), "failed": f.s.failure != nil}))
	case EventSwap:
		f.s.live.Broadcast(message("swap", map[string]any{"paths": e.Paths}))
	case EventFailed:
		f.s.live.Broadcast(message("failed", map[string]any{"title": e.Failure.Title}))
	case EventBuild:
		f.s.live.Broadcast(message("building", map[string]any{}))
	case EventBuilt:
		f.s.live.Broadcast(message("built", map[string]any{"failed": f.s.failure != nil}))
	case EventOutput:
		f.lines.heard(e)
	}
}

// Pass goes on to the own pages, or to what serves.
func (f *front) Pass(r *resource.Request) (resource.Resource, error) {
	if !f.s.hostIsOurs(r) {
		return nil, &resource.Error{Status: 403, Detail: foreignHost(hostName(r.Authority()))}
	}
	if bytes.HasPrefix(r.PathBytes(), []byte(Prefix)) || string(r.PathBytes()) == Prefix[:len(Prefix)-1] {
		if !isHere(r) && !forEveryPage(string(r.PathBytes()[min(len(Prefix), len(r.PathBytes())):])) {
			return nil, &resource.Error{Status: 403, Detail: "What requests, tickets and logs hold is shown on the machine that runs the development server, or through a tunnel to it such as ssh -L makes."}
		}
		if ofAnotherPage(r) {
			return nil, &resource.Error{Status: 403, Detail: "This is for pages of this server."}
		}
		r.Descend(1)
		r.SetField("Cache-Control", "no-store")
		r.SetField("X-Frame-Options", "SAMEORIGIN")
		r.SetField("Cross-Origin-Resource-Policy", "same-origin")
		return f.own, nil
	}
	if !isHere(r) {
		r.AddFilter(new(onlyTicket))
	}
	f.follow(r)
	f.dash.rec.watch(r)
	f.s.leave(r)
	d := f.s.whatServes()
	if d.Settled() {
		return f.settled()
	}
	return resource.DeferredChild(f.held(d)), nil
}

// follow has a page get the script, and what belongs to one asked for anew.
func (f *front) follow(r *resource.Request) {
	switch page := isNavigation(r); {
	case page && !f.s.opts.NoReload:
		dropField(r.Head(), "Accept-Encoding") // what is compressed can not be added to
		r.AddFilter(newInjector(f))
	case page:
	case isPart(r):
		r.AddFilter(askedAnew{})
	}
}

// forEveryPage tells whether what is asked for below Prefix belongs to the script that is
// put into pages: it shows no more than a page in front of somebody does.
func forEveryPage(name string) bool {
	switch name {
	case "live.js", "page.css", "events", "failure", "checked", "browser":
		return true
	}
	return false
}

// held is d, with an answer for who has waited too long.
func (f *front) held(d *reactor.Deferred[resource.Resource]) *reactor.Deferred[resource.Resource] {
	h := reactor.NewDeferred[resource.Resource]().OnCancel(d.Cancel)
	d.Timeout(f.s.loop, f.s.opts.hold()).Then(func(res resource.Resource) { settleWith(h, res, nil) }, func(error) {
		settleWith(h, nil, error(&resource.Error{Status: 503, Detail: "The program has not come up yet: " + f.s.State() + ".",
			Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}))
	})
	return h
}

// settled is what serves now.
func (f *front) settled() (resource.Resource, error) {
	if f.s.serves != nil {
		return f.s.serves, nil
	}
	if f.s.stopped {
		return stoppedPage{s: f.s}, nil
	}
	return failurePage{f.s}, nil
}

// isNavigation tells whether a browser asks for a page to show, in a window or a frame:
// not for a fragment that a script puts into one, not for data. Browsers say so
// (Sec-Fetch-Dest); of those that do not, who asks for HTML by name is believed.
func isNavigation(r *resource.Request) bool {
	if r.Method() != "GET" && r.Method() != "POST" && r.Method() != "HEAD" {
		return false
	}
	if r.FieldBytes("Range") != nil || r.FieldBytes("HX-Request") != nil || r.FieldBytes("X-Requested-With") != nil {
		return false
	}
	switch dest := r.Field("Sec-Fetch-Dest"); dest {
	case "document", "iframe", "frame":
		return true
	case "":
		return strings.Contains(r.Field("Accept"), "text/html") && r.FieldBytes("Upgrade") == nil
	}
	return false
}

// isPart tells whether a browser asks for what belongs to a page: a style sheet, also one
// that another imports, an image, a script.
func isPart(r *resource.Request) bool {
	switch r.Field("Sec-Fetch-Dest") {
	case "style", "image", "script", "font", "manifest", "track":
		return true
	}
	return false
}

// askedAnew has a browser ask for such a part each time it is used, unless the program says
// otherwise: what a sheet imports has no name of its own that could be changed, and a
// browser would guess that it is still fresh. It implements resource.Filter.
type askedAnew struct{}

// Begin changes the fields alone.
func (askedAnew) Begin(_ *resource.Request, _ int, fields protocol.Fields) (protocol.Fields, bool) {
	if !fields.Has("Cache-Control") && !fields.Has("Expires") {
		fields.Set("Cache-Control", "no-cache")
	}
	return fields, false
}

// Filter and End are not called.
func (askedAnew) Filter(dst, data []byte) []byte { return append(dst, data...) }
func (askedAnew) End(dst []byte) []byte          { return dst }

func dropField(h *protocol.Head, name string) {
	h.Fields = slices.DeleteFunc(h.Fields, func(f protocol.RawField) bool { return protocol.EqualFold(f.Name, name) })
}

// hostIsOurs tells whether the request was made to this machine under a name that nobody
// else can give it: a page elsewhere whose name is made to lead here (DNS rebinding) has
// another one.
func (s *Supervisor) hostIsOurs(r *resource.Request) bool { return s.isOurName(r.Authority()) }

// foreignHost says how a name is allowed.
func foreignHost(name string) string {
	name = cut(name, 100)
	return fmt.Sprintf("The development server does not answer under the name %q, which a page elsewhere may have made to lead here. "+
		"If it is a name of yours, allow it: --host %s, or host = [%q] in spindle.toml; a program that runs itself, site.Dev{Hosts: …}.", name, name, name)
}

// hostName is an authority without its port, in small letters.
func hostName(host string) string {
	host = strings.ToLower(host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

// isOurName is hostIsOurs for a name, with or without a port.
func (s *Supervisor) isOurName(host string) bool {
	host = hostName(host)
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "" {
		return true
	}
	if name, err := os.Hostname(); err == nil && (host == strings.ToLower(name) || host == strings.ToLower(name)+".local") {
		return true
	}
	return slices.ContainsFunc(s.opts.Hosts, func(h string) bool {
		h = strings.ToLower(h)
		return h == "*" || h == host || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h)
	})
}

// file is one of the files of the pages.
type file struct {
	resource.Leaf
	pageType string
	body     []byte
}

func (f file) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", f.pageType)
	r.SetField("X-Content-Type-Options", "nosniff")
	return f.body, nil
}

// trusted tells whether a request that does something came from the dashboard: another
// site can not know the token, nor send the field without being asked for permission.
func (f *front) trusted(r *resource.Request) error { return f.knows(r, f.token) }

// trustedInPages is trusted for what any page with live.js may ask for, too.
func (f *front) trustedInPages(r *resource.Request) error {
	if f.knows(r, f.inPages) == nil {
		return nil
	}
	return f.trusted(r)
}

func (f *front) knows(r *resource.Request, token string) error {
	if !hmac.Equal([]byte(r.Field("X-Spindle-Token")), []byte(token)) {
		return &resource.Error{Status: 403, Detail: "This is for the pages of the development server."}
	}
	return ofThisServer(r)
}

// ofAnotherPage tells whether a page of another server has a browser ask, for an image or a
// script say: it could not read the answer, but have this process work for it. A link to
// one of our pages is followed.
func ofAnotherPage(r *resource.Request) bool {
	site := r.Field("Sec-Fetch-Site")
	return (site == "cross-site" || site == "same-site") && r.Field("Sec-Fetch-Mode") != "navigate"
}

// ofThisServer refuses what a browser says a page of another server asks for.
func ofThisServer(r *resource.Request) error {
	refused := &resource.Error{Status: 403, Detail: "This is for pages of this server."}
	if site := r.Field("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return refused
	}
	if origin := r.Field("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Authority()) {
			return refused
		}
	}
	return nil
}

// restarting is POST restart.
type restarting struct {
	resource.Leaf
	f *front
}

func (x restarting) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.f.trustedInPages(r); err != nil {
		return nil, err
	}
	x.f.s.Restart()
	r.SetStatus(204)
	return nil, nil
}

// opening is POST open?file=…&line=…: it opens a file in the editor.
type opening struct {
	resource.Leaf
	f *front
}

func (x opening) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.f.trustedInPages(r); err != nil {
		return nil, err
	}
	if err := x.f.s.OpenEditor(r.Arg("file"), number(r.Arg("line")), number(r.Arg("column"))); err != nil {
		return nil, &resource.Error{Status: 422, Detail: err.Error(), Err: err}
	}
	r.SetStatus(204)
	return nil, nil
}

func number(s string) (n int) {
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<24 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
