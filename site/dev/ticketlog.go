package dev

import (
	"fmt"
	"html"
	"slices"
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
	// Crowded is that other requests ran, too: it may be one of theirs.
	Crowded bool `json:"crowded,omitempty"`
}

// text is l for a terminal.
func (l *LogLine) text() string {
	return fmt.Sprintf("%9s  %-7s  %s%s", l.at(), l.Kind, l.doubt(), l.named())
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

// logPart is some of the lines of a ticket.
type logPart struct {
	title, note string
	lines       []LogLine
}

// logParts is those that the request has printed, and those that it may have.
func (t *Ticket) logParts() (list []logPart) {
	if len(t.Log) > 0 {
		list = append(list, logPart{"What this request has said", "", t.Log})
	}
	if len(t.Beside) == 0 {
		return list
	}
	p := logPart{"What the program has printed while this request ran", "no other request ran", t.Beside}
	if len(t.Log) > 0 {
		p.title = "What else the program has printed while it ran"
	}
	if slices.ContainsFunc(t.Beside, func(l LogLine) bool { return l.Crowded }) {
		p.note = "lines with a ? may be of other requests"
	}
	return append(list, p)
}

// doubt is the mark of a line that may be another request's.
func (l *LogLine) doubt() string {
	if l.Crowded {
		return "? "
	}
	return ""
}

// logHTML appends the lines of the request.
func (v *ticketView) logHTML(b *strings.Builder) {
	for _, p := range v.t.logParts() {
		b.WriteString(`<section class="fault log"><p class="place"><code>` + p.title + `</code><span>` + p.note + `</span></p><ol>`)
		stamp := "" // of the line before
		for i := range p.lines {
			l := &p.lines[i]
			at, kind := l.at(), l.Kind
			if s := at + kind; s == stamp {
				at, kind = "", ""
			} else {
				stamp = s
			}
			class, doubt := l.grade(), ""
			if l.Crowded {
				class, doubt = strings.TrimLeft(class+" doubt", " "), `<i title="may be of another request">?</i> `
			}
			fmt.Fprintf(b, `<li class="%s"><time>%s</time><b>%s</b><span>%s%s</span></li>`, class, at, html.EscapeString(kind), doubt, html.EscapeString(l.named()))
		}
		b.WriteString(`</ol></section>`)
	}
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
