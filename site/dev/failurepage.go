package dev

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"

	"spindle/protocol"
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
	f := p.s.failure
	if f == nil {
		return nil, &resource.Error{Status: 503, Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}
	}
	r.SetStatus(500)
	r.SetField("Cache-Control", "no-store")
	r.SetField("Vary", "Accept")
	r.SetField("X-Spindle-Failure", f.Stage)
	switch protocol.BestMedia(r.FieldBytes("Accept"), "text/plain", "text/html", "application/json") {
	case 1:
		return r.HTML(p.s.failureHTML(f))
	case 2:
		return r.JSON(p.s.withExcerpts(f))
	}
	return r.Text(p.s.failureText(f))
}

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
	if protocol.BestMedia(r.FieldBytes("Accept"), "text/html", "application/json") == 1 {
		return r.JSON(p.s.withExcerpts(p.s.failure))
	}
	return r.HTML(p.s.failureBody(p.s.failure))
}

// faultWithSource is a fault as it is shown.
type faultWithSource struct {
	Fault
	Path   string   `json:"path,omitempty"` // of File, as seen from the root
	Source *Excerpt `json:"source,omitempty"`
}

type failureWithSources struct {
	*Failure
	Faults []faultWithSource `json:"faults,omitempty"`
}

// withExcerpts adds the source.
func (s *Supervisor) withExcerpts(f *Failure) failureWithSources {
	shown := failureWithSources{Failure: f}
	for _, fault := range f.Faults {
		w := faultWithSource{Fault: fault}
		if fault.File != "" {
			w.Path = s.shortPath(fault.File)
			w.Source = excerptOf(fault.File, fault.Line)
		}
		shown.Faults = append(shown.Faults, w)
	}
	return shown
}

// shortPath is path as seen from the root, if it is below.
func (s *Supervisor) shortPath(path string) string {
	if below(path, s.target.root()) {
		return relativeTo(s.target.root(), path)
	}
	return path
}

// failureHTML is the page.
func (s *Supervisor) failureHTML(f *Failure) string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + html.EscapeString(f.Title) +
		`</title><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="` + Prefix + `page.css">` +
		`<script src="` + Prefix + `live.js" data-spindle="failure"></script></head><body class="spindle-failure">` +
		s.failureBody(f) + `</body></html>`
}

// failureBody is what the page and the fragment have in common. All of it that is not our
// own text is escaped.
func (s *Supervisor) failureBody(f *Failure) string {
	var b strings.Builder
	b.WriteString(`<main class="failure"><header><p class="stage">` + stageText(f.Stage) + `</p><h1>` + html.EscapeString(f.Title) + `</h1>`)
	b.WriteString(`<p class="hint">This goes away by itself when the next save works.` + s.stillServes() + `</p></header>`)
	shown := s.withExcerpts(f)
	for _, fault := range shown.Faults {
		s.faultHTML(&b, fault)
	}
	if f.Output != "" {
		open := ""
		if len(f.Faults) == 0 {
			open = " open"
		}
		b.WriteString(`<details class="output"` + open + `><summary>What was printed</summary><pre>` + ansiHTML(f.Output) + `</pre></details>`)
	}
	b.WriteString(`<footer><button type="button" data-restart>Start again</button><span>` + html.EscapeString(s.target.describe()) + `</span></footer></main>`)
	return b.String()
}

func (s *Supervisor) stillServes() string {
	if s.current == nil {
		return ""
	}
	return " Until then the program from before it answers."
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
	}
	return html.EscapeString(stage)
}

// faultHTML appends one fault with its source.
func (s *Supervisor) faultHTML(b *strings.Builder, f faultWithSource) {
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
		s.sourceHTML(b, f)
	}
	if f.Mend != "" {
		b.WriteString(`<p class="mend"><span>Mend</span> <code>` + html.EscapeString(f.Mend) + `</code></p>`)
	}
	b.WriteString(`</section>`)
}

// sourceHTML appends the lines around a fault, in colour where the options know how.
func (s *Supervisor) sourceHTML(b *strings.Builder, f faultWithSource) {
	lines := s.coloured(f.File, f.Source.Lines)
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
			fmt.Fprintf(b, `<span class="line caret"><i></i>%s<b>^</b>`+"\n"+`</span>`, html.EscapeString(before))
		}
	}
	b.WriteString(`</code></pre>`)
}

// coloured is the lines as HTML.
func (s *Supervisor) coloured(path string, lines []string) []string {
	if s.opts.Highlight != nil {
		if list := s.opts.Highlight(filepath.Base(path), lines); len(list) == len(lines) {
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

// failureText is the page for who reads it in a terminal.
func (s *Supervisor) failureText(f *Failure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", stageText(f.Stage), f.Title)
	for _, fault := range s.withExcerpts(f).Faults {
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
