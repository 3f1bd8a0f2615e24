package dev

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"spindle/protocol/postmortem"
)

// This file shows a ticket: as a page, as text, as JSON. All that is not our own text is
// escaped.

// ticketView is a ticket with all that is needed to show it, on any goroutine.
type ticketView struct {
	failureView
	t       *Ticket
	live    bool   // its moment can be asked
	secret  string // that the console wants to be told
	trusted bool   // it is shown under a name of ours
}

// ticketView is how t is shown. Loop only.
func (s *Supervisor) ticketView(t *Ticket) *ticketView {
	return &ticketView{failureView: failureView{root: s.target.root(), highlight: s.opts.Highlight}, t: t,
		live: t.moment != nil || t.talk != nil && t.talk.Kept(), secret: s.console.secret}
}

func (v *ticketView) kind() string {
	if v.t.Report.Panic {
		return "Panic"
	}
	if len(v.t.Frames) > 0 {
		return "Exception"
	}
	return "Error"
}

func (v *ticketView) json() string {
	text, err := json.Marshal(v.t.whole())
	if err != nil {
		return "{}\n"
	}
	return string(text) + "\n"
}

// pageHead is what comes in front of the content of a page.
func pageHead(title, more string) string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + html.EscapeString(title) +
		`</title><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="` + Prefix + `page.css">` +
		`<script src="` + Prefix + `live.js" data-spindle="panic"></script>` + more + `</head><body class="spindle-failure">`
}

// page is the whole page.
func (v *ticketView) page() string {
	v.t = v.t.whole()
	var b strings.Builder
	b.WriteString(pageHead(v.t.Title(), `<script src="`+Prefix+`ticket.js" defer></script>`+v.talkScript()))
	fmt.Fprintf(&b, `<main class="failure ticket" data-ticket="%s" data-secret="%s"%s>`, html.EscapeString(v.t.ID), v.secret, v.talkState())
	v.headHTML(&b)
	v.causesHTML(&b)
	if v.t.Why != "" {
		b.WriteString(`<p class="why">Without variables: ` + html.EscapeString(v.t.Why) + `.</p>`)
	}
	if v.t.talk != nil && !v.live {
		b.WriteString(`<p class="why">` + talkGone + ` What it told of them is below, without a console.</p>`)
	}
	v.framesHTML(&b)
	v.logHTML(&b)
	v.requestHTML(&b)
	b.WriteString(`</main></body></html>`)
	return b.String()
}

// headHTML appends what has happened, where, and what can be done.
func (v *ticketView) headHTML(b *strings.Builder) {
	t := v.t
	b.WriteString(`<header><p class="stage">` + v.kind())
	if len(t.Report.Causes) > 0 {
		b.WriteString(` <code>` + html.EscapeString(t.Report.Causes[0].Type) + `</code>`)
	}
	b.WriteString(`</p><h1>`)
	if len(t.Report.Causes) > 0 {
		b.WriteString(html.EscapeString(t.Report.Causes[0].Text))
	}
	b.WriteString(`</h1><p class="hint">`)
	if f := t.place(); f != nil {
		fmt.Fprintf(b, `in <code>%s</code> at %s `, html.EscapeString(shortFunction(f.Function)), v.placeLink(f))
	}
	if x := t.Report.Exchange; x != nil {
		b.WriteString(`<span class="asked"><b>` + html.EscapeString(x.Method) + `</b> ` + html.EscapeString(x.Target) + `</span>`)
	}
	b.WriteString(`</p></header><nav class="tools"><button type="button" data-copy>Copy as text</button>`)
	fmt.Fprintf(b, `<a href="%stickets/%s">Ticket %s</a><a href="%stickets/">All tickets</a><time>%s</time>`,
		Prefix, html.EscapeString(t.ID), html.EscapeString(t.ID), Prefix, t.Time.Format("15:04:05"))
	if t.Stood > 0 {
		fmt.Fprintf(b, `<span>the goroutine stood for %.1f ms</span>`, t.Stood.Seconds()*1000)
	}
	b.WriteString(`</nav>`)
}

// placeLink is a link that opens the editor.
func (v *ticketView) placeLink(f *Frame) string {
	return fmt.Sprintf(`<a href="%s" data-file="%s" data-line="%d">%s<b>:%d</b></a>`, html.EscapeString(editorURL(f.File, f.Line, 1)),
		html.EscapeString(f.File), f.Line, html.EscapeString(v.shownPath(f.File)), f.Line)
}

// shownPath is a path without what says nothing: the root, where modules are kept.
func (v *ticketView) shownPath(path string) string {
	path = v.shortPath(path)
	if _, rest, ok := strings.Cut(path, "/pkg/mod/"); ok {
		return rest
	}
	if _, rest, ok := strings.Cut(path, "-packages/"); ok {
		return rest
	}
	if _, rest, ok := strings.Cut(path, "/go/src/"); ok {
		return rest
	}
	return path
}

// shortFunction is a function without the path of its package.
func shortFunction(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// causesHTML appends what the error wraps.
func (v *ticketView) causesHTML(b *strings.Builder) {
	if len(v.t.Report.Causes) < 2 {
		return
	}
	b.WriteString(`<ol class="causes">`)
	for _, c := range v.t.Report.Causes[1:] {
		b.WriteString(`<li><span>` + html.EscapeString(linkText(c)) + `</span> ` + html.EscapeString(c.Text) + ` <code>` + html.EscapeString(c.Type) + `</code></li>`)
	}
	b.WriteString(`</ol>`)
}

// framesHTML appends the frames; those of libraries, as many as follow each other, are
// folded. Own ones are open.
func (v *ticketView) framesHTML(b *strings.Builder) {
	frames := v.t.Frames
	for i, cause := 0, 0; i < len(frames); {
		if frames[i].Cause != cause {
			cause = frames[i].Cause
			v.causeHTML(b, cause)
		}
		if frames[i].Own {
			v.frameHTML(b, i)
			i++
			continue
		}
		end := i
		for end < len(frames) && !frames[end].Own && frames[end].Cause == cause {
			end++
		}
		fmt.Fprintf(b, `<details class="library"><summary>%s <span>%s</span></summary>`, frameCount(end-i), html.EscapeString(packagesOf(frames[i:end])))
		for ; i < end; i++ {
			v.frameHTML(b, i)
		}
		b.WriteString(`</details>`)
	}
}

func frameCount(n int) string {
	if n == 1 {
		return "1 frame of"
	}
	return fmt.Sprintf("%d frames of", n)
}

// packagesOf names the packages of frames, each once.
func packagesOf(frames []Frame) string {
	var names []string
	seen := map[string]bool{}
	for _, f := range frames {
		name := f.Function
		slash := strings.LastIndexByte(name, '/') + 1
		if i := strings.IndexByte(name[slash:], '.'); i >= 0 {
			name = name[:slash+i]
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return strings.Join(names, ", ")
}

// frameHTML appends one frame.
func (v *ticketView) frameHTML(b *strings.Builder, i int) {
	f := &v.t.Frames[i]
	fmt.Fprintf(b, `<section class="fault frame"><p class="place"><code>%s</code>%s</p>`, html.EscapeString(shortFunction(f.Function)), v.placeLink(f))
	if e := f.excerpt(); e != nil {
		v.sourceHTML(b, faultWithSource{Fault: Fault{File: f.sourceName(), Line: f.Line, Column: f.Column}, Source: e, end: f.End})
	}
	if len(f.Args)+len(f.Locals) > 0 {
		b.WriteString(`<div class="vars">`)
		varsHTML(b, "Arguments", f.Args)
		varsHTML(b, "Variables", f.Locals)
		b.WriteString(`</div>`)
	}
	if v.live && v.t.talk != nil {
		v.talkHTML(b, i)
	} else if v.live {
		fmt.Fprintf(b, `<form class="console" data-frame="%d"><output></output><label><span>&gt;</span><input name="expression" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="an expression in this frame" aria-label="Expression in %s"></label></form>`,
			i, html.EscapeString(shortFunction(f.Function)))
	}
	b.WriteString(`</section>`)
}

func varsHTML(b *strings.Builder, title string, list []Value) {
	if len(list) == 0 {
		return
	}
	b.WriteString(`<h2>` + title + `</h2><ul class="tree">`)
	for i := range list {
		valueHTML(b, &list[i])
	}
	b.WriteString(`</ul>`)
}

// valueHTML appends a value, which opens when it has parts that its line does not show.
func valueHTML(b *strings.Builder, v *Value) {
	line := `<span class="name">` + html.EscapeString(v.Name) + `</span>`
	if v.Name == "" {
		line = ``
	}
	class := "value"
	if v.Unreadable {
		class = "value lost"
	}
	line += `<span class="` + class + `">` + html.EscapeString(v.Text) + `</span> <span class="type">` + html.EscapeString(v.Type)
	if v.Shadowed {
		line += ` shadowed`
	}
	line += `</span>`
	if len(v.Parts) == 0 {
		if v.Ref != 0 {
			line = fmt.Sprintf(`<details data-ref="%d"><summary>`, v.Ref) + line + `</summary><ul></ul></details>`
		}
		b.WriteString(`<li>` + line + `</li>`)
		return
	}
	b.WriteString(`<li><details><summary>` + line + `</summary><ul>`)
	for i := range v.Parts {
		valueHTML(b, &v.Parts[i])
	}
	moreHTML(b, v.More, v.Ref, len(v.Parts))
	b.WriteString(`</ul></details></li>`)
}

// requestHTML appends what was asked, and where the program runs.
func (v *ticketView) requestHTML(b *strings.Builder) {
	r := &v.t.Report
	if x := r.Exchange; x != nil {
		b.WriteString(`<section class="fault asked"><p class="place"><code>Request</code><span>` + html.EscapeString(x.Method+" "+x.Target+" "+x.Version) + `</span></p>`)
		if x.Peer != "" {
			pairsHTML(b, "", []postmortem.Pair{{Name: "from", Value: x.Peer}})
		}
		pairsHTML(b, "Fields", x.Fields)
		pairsHTML(b, "Cookies", x.Cookies)
		pairsHTML(b, "Arguments", x.Form)
		pairsHTML(b, "Session", x.Session)
		for _, s := range v.t.Sections {
			pairsHTML(b, s.Title, s.Pairs)
		}
		b.WriteString(`</section>`)
	}
	if len(r.Environment) > 0 {
		b.WriteString(`<details class="output"><summary>Environment of process ` + fmt.Sprint(r.PID) + `</summary>`)
		pairsHTML(b, "", r.Environment)
		b.WriteString(`</details>`)
	}
	if r.Stack != "" {
		b.WriteString(`<details class="output"><summary>The stack as it is printed</summary><pre>` + html.EscapeString(r.Stack) + `</pre></details>`)
	}
}

func pairsHTML(b *strings.Builder, title string, list []postmortem.Pair) {
	if len(list) == 0 {
		return
	}
	if title != "" {
		b.WriteString(`<h2>` + title + `</h2>`)
	}
	b.WriteString(`<dl>`)
	for _, p := range list {
		b.WriteString(`<dt>` + html.EscapeString(p.Name) + `</dt><dd>` + html.EscapeString(p.Value) + `</dd>`)
	}
	b.WriteString(`</dl>`)
}
