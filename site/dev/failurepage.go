package dev

import (
	"encoding/json"
	"fmt"
	"html"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file shows why there is no new program: as a page that goes away by itself when
// there is one, as text, or as JSON.

// failurePage answers every request while nothing runs.
type failurePage struct{ s *Supervisor }

func (failurePage) Child(string, *resource.Request) resource.Resource { return nil }
func (failurePage) IsLeaf() bool                                      { return true }

// Render answers in the form that the client likes best.
func (p failurePage) Render(r *resource.Request) ([]byte, error) {
	if p.s.failure == nil {
		return nil, &resource.Error{Status: 503, Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}
	}
	r.SetStatus(500)
	r.SetField("Cache-Control", "no-store")
	r.SetField("Vary", "Accept")
	r.SetField(failureField, p.s.failure.Stage)
	v := p.s.view()
	switch protocol.BestMedia(r.FieldBytes("Accept"), "text/plain", "text/html", "application/json") {
	case 1:
		return v.answer(r, "text/html; charset=utf-8", v.page)
	case 2:
		return v.answer(r, "application/json", v.json)
	}
	return v.answer(r, "text/plain; charset=utf-8", v.text)
}

// failureField marks pages that are ours.
const failureField = "X-Spindle-Failure"

// failureFragment is what a page shows above itself while the program that made it is
// older than its source.
type failureFragment struct {
	resource.Leaf
	s *Supervisor
}

func (p failureFragment) RenderGET(r *resource.Request) ([]byte, error) {
	if p.s.failure == nil {
		r.SetStatus(204)
		return nil, nil
	}
	v := p.s.view()
	if protocol.BestMedia(r.FieldBytes("Accept"), "text/html", "application/json") == 1 {
		return v.answer(r, "application/json", v.json)
	}
	return v.answer(r, "text/html; charset=utf-8", v.body)
}

// failureView is a failure with all that is needed to show it: files are read and coloured
// on a thread.
type failureView struct {
	f         *Failure
	root      string
	what      string // that is run
	serves    bool   // an older program answers
	besides   bool   // the program answers; the fault was found beside it
	highlight func(name string, lines []string) []string
}

func (s *Supervisor) view() *failureView {
	return &failureView{f: s.failure, root: s.target.root(), what: s.target.describe(), serves: s.current != nil, highlight: s.opts.Highlight}
}

// answer answers with what make makes, on a thread.
func (v *failureView) answer(r *resource.Request, kind string, make func() string) ([]byte, error) {
	r.SetField("Content-Type", kind)
	return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) { return []byte(make()), nil }))
}

func (v *failureView) json() string {
	text, err := json.Marshal(v.withExcerpts())
	if err != nil {
		return "{}\n"
	}
	return string(text) + "\n"
}

// faultWithSource is a fault as it is shown.
type faultWithSource struct {
	Fault
	Path   string   `json:"path,omitempty"` // of File, as seen from the root
	Source *Excerpt `json:"source,omitempty"`
	end    int      // the column behind the fault; 0: it has no length
}

type failureWithSources struct {
	*Failure
	Faults []faultWithSource `json:"faults,omitempty"`
}

// withExcerpts adds the source.
func (v *failureView) withExcerpts() failureWithSources {
	shown := failureWithSources{Failure: v.f}
	for _, fault := range v.f.Faults {
		w := faultWithSource{Fault: fault}
		if fault.File != "" {
			w.Path = v.shortPath(fault.File)
			w.Source = excerptOf(fault.File, fault.Line)
		}
		shown.Faults = append(shown.Faults, w)
	}
	return shown
}

// shortPath is path as seen from the root, if it is below.
func (v *failureView) shortPath(path string) string {
	if below(path, v.root) {
		return relativeTo(v.root, path)
	}
	return path
}

// page is the whole page.
func (v *failureView) page() string {
	f := v.f
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + html.EscapeString(f.Title) +
		`</title><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="` + Prefix + `page.css">` +
		`<script src="` + Prefix + `live.js" data-spindle="failure"></script></head><body class="spindle-failure">` +
		v.body() + `</body></html>`
}

// body is what the page and the fragment have in common. All of it that is not our own
// text is escaped.
func (v *failureView) body() string {
	f := v.f
	var b strings.Builder
	b.WriteString(`<main class="failure"><header><p class="stage">` + stageText(f.Stage) + `</p><h1>` + html.EscapeString(f.Title) + `</h1>`)
	b.WriteString(`<p class="hint">This goes away by itself when ` + v.untilWhen() + `</p></header>`)
	if f.Ticket != "" {
		fmt.Fprintf(&b, `<p class="why"><a href="%stickets/%s">Ticket %s</a> has the variables of each frame, and a console.</p>`, Prefix, f.Ticket, f.Ticket)
	}
	for _, fault := range v.withExcerpts().Faults {
		v.faultHTML(&b, fault)
	}
	if f.Output != "" {
		open := ""
		if len(f.Faults) == 0 {
			open = " open"
		}
		b.WriteString(`<details class="output"` + open + `><summary>What was printed</summary><pre>` + ansiHTML(f.Output) + `</pre></details>`)
	}
	b.WriteString(`<footer><button type="button" data-restart>Start again</button><span>` + html.EscapeString(v.what) + `</span></footer></main>`)
	return b.String()
}

func (v *failureView) untilWhen() string {
	switch {
	case v.besides:
		return "it is mended. The program runs."
	case v.serves:
		return "the next save works. Until then the program from before it answers."
	}
	return "the next save works."
}

func stageText(stage string) string {
	switch stage {
	case "list", "build":
		return "Build"
	case "start":
		return "Start"
	case "run":
		return "Run"
	case "vet":
		return "Vet"
	case "test":
		return "Test"
	case "check":
		return "Check"
	case "race":
		return "Race"
	}
	return html.EscapeString(stage)
}

// faultHTML appends one fault with its source.
func (v *failureView) faultHTML(b *strings.Builder, f faultWithSource) {
	b.WriteString(`<section class="fault">`)
	if f.File != "" {
		fmt.Fprintf(b, `<p class="place"><a href="%s" data-file="%s" data-line="%d" data-column="%d">%s`,
			html.EscapeString(editorURL(f.File, f.Line, f.Column)), html.EscapeString(f.File), f.Line, f.Column, html.EscapeString(f.Path))
		if f.Line > 0 {
			fmt.Fprintf(b, `<b>:%d</b>`, f.Line)
		}
		if f.Column > 0 {
			fmt.Fprintf(b, `:%d`, f.Column)
		}
		b.WriteString(`</a></p>`)
	}
	b.WriteString(`<p class="message">` + html.EscapeString(f.Message) + `</p>`)
	if f.Source != nil {
		v.sourceHTML(b, f)
	}
	if f.Mend != "" {
		b.WriteString(`<p class="mend"><span>Mend</span> <code>` + html.EscapeString(f.Mend) + `</code></p>`)
	}
	b.WriteString(`</section>`)
}

// sourceHTML appends the lines around a fault, in colour where the options know how.
func (v *failureView) sourceHTML(b *strings.Builder, f faultWithSource) {
	lines := v.coloured(f.File, f.Source.Lines)
	b.WriteString(`<pre class="source"><code>`)
	for i, line := range lines {
		n := f.Source.First + i
		class := "line"
		if n == f.Line {
			class = "line here"
		}
		fmt.Fprintf(b, `<span class="%s"><i>%d</i>%s`+"\n"+`</span>`, class, n, line)
		if n == f.Line && f.Column > 0 {
			before := columnText(f.Source.Lines[i], f.File, f.Line, f.Column)
			fmt.Fprintf(b, `<span class="line caret"><i></i>%s<b>%s</b>`+"\n"+`</span>`, html.EscapeString(before), caret(f.Source.Lines[i], before, f.Column, f.end))
		}
	}
	b.WriteString(`</code></pre>`)
}

// caret marks what stands in a line from column to end, as far as it is shown.
func caret(shown, before string, column, end int) string {
	return strings.Repeat("^", max(min(end-column, utf8.RuneCountInString(shown)-len(before)), 1))
}

// coloured is the lines as HTML.
func (v *failureView) coloured(path string, lines []string) []string {
	if v.highlight != nil {
		if list := v.highlight(filepath.Base(path), lines); len(list) == len(lines) {
			return list
		}
	}
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = html.EscapeString(l)
	}
	return list
}

// columnText is as many blanks as stand in front of a column, which counts bytes of the
// file; in the excerpt a tab has become four blanks.
func columnText(shown, path string, line, column int) string {
	width := 0
	if raw := rawLine(path, line); raw != "" {
		for i, c := range raw {
			if i >= column-1 {
				break
			}
			if c == '\t' {
				width += 4
			} else {
				width++
			}
		}
	} else {
		width = min(column-1, len(shown))
	}
	return strings.Repeat(" ", width)
}

// text is the page for who reads it in a terminal.
func (v *failureView) text() string {
	f := v.f
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", stageText(f.Stage), f.Title)
	for _, fault := range v.withExcerpts().Faults {
		b.WriteByte('\n')
		if fault.File != "" {
			fmt.Fprintf(&b, "%s:%d:%d: ", fault.Path, fault.Line, max(fault.Column, 1))
		}
		b.WriteString(fault.Message + "\n")
		if e := fault.Source; e != nil {
			for i, line := range e.Lines {
				mark := " "
				if e.First+i == fault.Line {
					mark = ">"
				}
				fmt.Fprintf(&b, "  %s %4d | %s\n", mark, e.First+i, line)
			}
		}
		if fault.Mend != "" {
			b.WriteString("  mend: " + fault.Mend + "\n")
		}
	}
	if f.Output != "" && len(f.Faults) == 0 {
		b.WriteString("\n" + stripANSI(f.Output) + "\n")
	}
	return b.String()
}
