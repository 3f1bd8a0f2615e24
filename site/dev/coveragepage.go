package dev

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file is what a page asks for about coverage:
//
//	GET  coverage              the files, and how much of each has run
//	GET  coverage?file=PATH    one, line by line
//	POST coverage              counts anew

type jsonText = json.RawMessage

// coveragePage is coverage.
type coveragePage struct {
	resource.Leaf
	s *Supervisor
}

// RenderGET answers in the form that the client likes best.
func (x coveragePage) RenderGET(r *resource.Request) ([]byte, error) {
	unframed(r)
	r.SetField("Vary", "Accept")
	form := protocol.BestMedia(r.FieldBytes("Accept"), "text/plain", "text/html", "application/json")
	r.SetField("Content-Type", []string{"text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"}[max(form, 0)])
	file, colour, token := r.Arg("file"), x.s.opts.Highlight, x.s.front.token
	pool := r.Loop().ThreadPool()
	return r.Later(reactor.Chain(x.s.coverage(), func(list []*fileCover) *reactor.Deferred[[]byte] {
		return reactor.DeferToThreadPool(pool, func() ([]byte, error) {
			switch {
			case form == 2:
				text, err := json.Marshal(list)
				return append(text, '\n'), err
			case form != 1:
				return coverText(list), nil
			case file == "":
				return coverList(list, token), nil
			}
			for _, f := range list {
				if f.Name == file {
					return coverSource(f, colour)
				}
			}
			return nil, &resource.Error{Status: 404, Detail: "There is no such file in this program."}
		})
	}).Rescue(func(err error) ([]byte, error) {
		if form == 1 {
			return coverNone(err), nil
		}
		return []byte(err.Error() + "\n"), nil
	}))
}

// RenderPOST has the program count anew.
func (x coveragePage) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	return r.Later(reactor.Map(x.s.Ask("coverage-clear", ""), func(jsonText) ([]byte, error) { return []byte("{}\n"), nil }))
}

// coverLink leads there from the dashboard, where something is counted.
func coverLink(counted bool) string {
	if !counted {
		return ""
	}
	return "\n  <a href=\"" + Prefix + "coverage\" title=\"Which statements have run\">Coverage</a>"
}

func coverText(list []*fileCover) []byte {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%3d%%  %d of %d  %s\n", share(f.Ran, f.All), f.Ran, f.All, f.Name)
	}
	return []byte(b.String())
}

const coverHead = `<main class="failure ticket cover"><header><p class="stage">Coverage</p><h1>`

func coverNone(err error) []byte {
	return []byte(pageHead("Coverage", "") + coverHead + `Nothing is counted</h1><p class="hint">` + html.EscapeString(err.Error()) + `.</p></header></main></body></html>`)
}

// coverList is the page of all files.
func coverList(list []*fileCover, token string) []byte {
	ran, all := 0, 0
	for _, f := range list {
		ran, all = ran+f.Ran, all+f.All
	}
	var b strings.Builder
	b.WriteString(pageHead("Coverage", postScript) + coverHead)
	fmt.Fprintf(&b, `%d %% of the statements have run</h1><p class="hint">%d of %d, since this program has started or was told to count anew. Use it, and look again.</p></header>`, share(ran, all), ran, all)
	b.WriteString(`` + postButton("Count anew", token) + `<ul class="covered">`)
	for _, f := range list {
		percent := share(f.Ran, f.All)
		fmt.Fprintf(&b, `<li><a href="%scoverage?file=%s"><code>%s</code><meter min="0" max="100" low="50" high="80" optimum="100" value="%d"></meter><span>%d %%</span></a></li>`,
			Prefix, url.QueryEscape(f.Name), html.EscapeString(f.Name), percent, percent)
	}
	b.WriteString(`</ul></main></body></html>`)
	return []byte(b.String())
}

// coverSource is the page of one. It reads the file: not for the loop.
func coverSource(f *fileCover, colour func(string, []string) []string) ([]byte, error) {
	data, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(strings.ToValidUTF8(string(data), "�"), "\t", "    "), "\n"), "\n")
	var shown []string
	if colour != nil {
		shown = colour(f.Path, lines)
	}
	var b strings.Builder
	b.WriteString(pageHead(f.Name, "") + coverHead)
	fmt.Fprintf(&b, `%s</h1><p class="hint">%d of %d statements have run, %d %%. <a href="%scoverage">All files</a></p></header>`, html.EscapeString(f.Name), f.Ran, f.All, share(f.Ran, f.All), Prefix)
	b.WriteString(`<section class="fault"><pre class="source"><code>`)
	for i, line := range lines {
		text := html.EscapeString(line)
		if i < len(shown) {
			text = shown[i]
		}
		fmt.Fprintf(&b, `<span class="line %s"><i>%d</i>%s</span>`, f.class(i+1), i+1, text)
	}
	b.WriteString(`</code></pre></section></main></body></html>`)
	return []byte(b.String()), nil
}
