package dev

import (
	"fmt"
	"html"
	"strings"
	"time"

	"spindle/protocol/postmortem"
)

// This file is what a ticket has beside its frames: the lines of the request, what the
// framework knows of it, how the causes belong together.

// LogLine is a line that a request has printed or logged.
type LogLine struct {
	After time.Duration `json:"after_ns"` // since it came
	Kind  string        `json:"kind"`     // stdout, stderr, or a level
	Name  string        `json:"name,omitempty"`
	Text  string        `json:"text"`
}

// text is l for a terminal.
func (l *LogLine) text() string {
	return fmt.Sprintf("%9s  %-7s  %s", l.at(), l.Kind, l.named())
}

// at is its time, as in +12.3 ms.
func (l *LogLine) at() string { return fmt.Sprintf("+%.1f ms", float64(l.After.Microseconds())/1000) }

// named is the text behind the name of its logger.
func (l *LogLine) named() string {
	if l.Name == "" {
		return l.Text
	}
	return l.Name + ": " + l.Text
}

// grade is the class of a kind.
func (l *LogLine) grade() string {
	switch strings.ToUpper(l.Kind) {
	case "ERROR", "CRITICAL", "FATAL":
		return "bad"
	case "WARN", "WARNING", "STDERR":
		return "warn"
	}
	return ""
}

// Section is something that a framework knows of a request, such as its session.
type Section struct {
	Title string            `json:"title"`
	Pairs []postmortem.Pair `json:"pairs"`
}

// logTitle says whose the lines are.
func (t *Ticket) logTitle() string {
	if t.shared {
		return "What the program has printed while this request ran"
	}
	return "What this request has said"
}

// logHTML appends the lines of the request.
func (v *ticketView) logHTML(b *strings.Builder) {
	if len(v.t.Log) == 0 {
		return
	}
	b.WriteString(`<section class="fault log"><p class="place"><code>` + v.t.logTitle() + `</code></p><ol>`)
	for i := range v.t.Log {
		l := &v.t.Log[i]
		fmt.Fprintf(b, `<li class="%s"><time>%s</time><b>%s</b><span>%s</span></li>`, l.grade(), l.at(), html.EscapeString(l.Kind), html.EscapeString(l.named()))
	}
	b.WriteString(`</ol></section>`)
}

// linkText is how a cause belongs to the one before it.
func linkText(c postmortem.Cause) string {
	if c.Link == "" {
		return "because"
	}
	return c.Link
}

// causeHTML appends the heading of the frames of a cause.
func (v *ticketView) causeHTML(b *strings.Builder, i int) {
	if i >= len(v.t.Report.Causes) {
		return
	}
	c := v.t.Report.Causes[i]
	first, _, _ := strings.Cut(c.Text, "\n")
	fmt.Fprintf(b, `<h2 class="cause"><span>%s</span> %s <code>%s</code></h2>`, html.EscapeString(linkText(c)), html.EscapeString(first), html.EscapeString(c.Type))
}

// TemplateExt is the extension under which the lines of a template are coloured, whatever
// the name of its file is.
const TemplateExt = ".jinja"

// sourceName is the name by which its source is coloured.
func (f *Frame) sourceName() string {
	if strings.HasPrefix(f.Function, templatePrefix) {
		return f.File + TemplateExt
	}
	return f.File
}

// excerpt is the source around a frame; nil when there is none. Blocks.
func (f *Frame) excerpt() *Excerpt {
	if f.Source != nil {
		return f.Source
	}
	return excerptOf(f.File, f.Line)
}
