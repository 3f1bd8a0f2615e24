package dev

import (
	_ "embed"
	"fmt"
	"html"
	"strings"

	"spindle/reactor"
	"spindle/resource"
)

// This file is the console of frames that the program itself still has: an entry there
// runs in it, so that it may change what it finds. Who may do so is up to console.go.

//go:embed page/talk.js
var talkFile []byte

// Talk is an exception whose frames the program keeps. Loop only.
type Talk interface {
	// Kept tells whether the process that has it is still there.
	Kept() bool
	// Run runs source in a frame, which is counted from 0. The error tells that this can
	// not be done any more.
	Run(frame int, source string) *reactor.Deferred[Said]
	// Parts gives the parts of the Value that has ref, from one on.
	Parts(ref, from int) *reactor.Deferred[Said]
}

// Said is what comes back.
type Said struct {
	Output string  // that was printed
	Value  *Value  // of the last expression; nil for none
	Error  string  // a traceback, or why there is nothing
	More   bool    // the source is not complete
	Parts  []Value // that were asked for
	Left   int64   // parts behind them
}

const (
	mostEntry = 20_000 // bytes
	talkGone  = "The worker that had these frames is gone."
)

// say hands what is asked on to the program. That r may ask is known.
func say(r *resource.Request, t Talk) ([]byte, error) {
	done := reactor.NewDeferred[[]byte]()
	gone := func(err error) {
		settleWith(done, nil, error(&resource.Error{Status: 410, Detail: sentence(err)}))
	}
	r.SetField("Content-Type", "text/html; charset=utf-8")
	if ref := number(r.Arg("ref")); ref > 0 {
		from := number(r.Arg("from"))
		t.Parts(ref, from).Then(func(s Said) { settleWith(done, []byte(s.partsHTML(ref, from)), nil) }, gone)
		return r.Later(done)
	}
	source := strings.ReplaceAll(r.Arg("expression"), "\r\n", "\n")
	if strings.TrimSpace(source) == "" || len(source) > mostEntry {
		return nil, &resource.Error{Status: 422, Detail: fmt.Sprintf("An entry has 1 to %d bytes.", mostEntry)}
	}
	t.Run(number(r.Arg("frame")), source).Then(func(s Said) {
		if s.More {
			r.SetStatus(202) // the page goes on to another line
		}
		settleWith(done, []byte(s.html()), nil)
	}, gone)
	return r.Later(done)
}

// sentence is an error for a person.
func sentence(err error) string {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "wsgi: "); ok {
		text = rest
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// html is the answer to an entry.
func (s *Said) html() string {
	var b strings.Builder
	if s.Output != "" {
		b.WriteString(`<pre class="said">` + html.EscapeString(s.Output) + `</pre>`)
	}
	if s.Value != nil {
		b.WriteString(`<ul class="tree">`)
		valueHTML(&b, s.Value)
		b.WriteString(`</ul>`)
	}
	if s.Error != "" {
		b.WriteString(`<pre class="said lost">` + html.EscapeString(s.Error) + `</pre>`)
	}
	return b.String()
}

// partsHTML is items of a list.
func (s *Said) partsHTML(ref, from int) string {
	var b strings.Builder
	for i := range s.Parts {
		valueHTML(&b, &s.Parts[i])
	}
	moreHTML(&b, s.Left, ref, from+len(s.Parts))
	if s.Error != "" {
		b.WriteString(`<li class="lost">` + html.EscapeString(s.Error) + `</li>`)
	}
	return b.String()
}

// moreHTML appends that there are more parts, which can be asked for when they have a ref.
func moreHTML(b *strings.Builder, more int64, ref, from int) {
	switch {
	case more <= 0:
	case ref == 0:
		fmt.Fprintf(b, `<li class="more">… %d more</li>`, more)
	default:
		fmt.Fprintf(b, `<li class="more"><button type="button" data-ref="%d" data-from="%d">… %d more</button></li>`, ref, from, more)
	}
}

// talkHTML appends the console of a frame.
func (v *ticketView) talkHTML(b *strings.Builder, i int) {
	fmt.Fprintf(b, `<form class="console talk" data-frame="%d"><output></output><label><span>&gt;</span><textarea name="expression" rows="1" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="Python in this frame" aria-label="Python in %s"></textarea></label></form>`,
		i, html.EscapeString(shortFunction(v.t.Frames[i].Function)))
}

// talkState is the attribute that tells its script whether there is somebody to ask.
func (v *ticketView) talkState() string {
	if v.t.talk != nil && !v.live {
		return ` data-gone="` + talkGone + `"`
	}
	return ""
}

// talkScript is the element that loads the script of these consoles.
func (v *ticketView) talkScript() string {
	if v.t.talk == nil {
		return ""
	}
	return `<script src="` + Prefix + `talk.js" defer></script>`
}
