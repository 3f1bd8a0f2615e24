package dev

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"spindle/protocol"
	"spindle/protocol/lint"
	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// This file shows a record: without its secrets, and its content as text where it is text.

// masked stands in the place of a secret.
const masked = "[masked]"

// secretFields are those whose value is not shown, nor written into a test or a command,
// beside those whose name says it.
var secretFields = []string{"Cookie", "Set-Cookie"}

func isSecret(name string) bool {
	return postmortem.IsSecret(name) || slices.ContainsFunc(secretFields, func(s string) bool { return protocol.EqualFold(name, s) })
}

// maskedTarget is the target without the secrets of its query.
func (x *record) maskedTarget() string { return withoutPairs(x.target) }

// maskedBody is the content of the request; of a form without its secrets.
func (x *record) maskedBody() string {
	kind, ok := protocol.ParseMediaType(x.fields.Get("Content-Type"))
	if !ok || !kind.Is("application/x-www-form-urlencoded") {
		return string(x.body.data)
	}
	return withoutPairs("?" + string(x.body.data))[1:]
}

// withoutPairs masks the values of secret names behind a question mark.
func withoutPairs(target string) string {
	return strings.ReplaceAll(postmortem.MaskTarget(target), postmortem.Mask, url.QueryEscape(masked))
}

// maskedFields is a copy without secrets. Name and attributes of a cookie that is set are
// no secret.
func maskedFields(list protocol.Fields) protocol.Fields {
	shown := make(protocol.Fields, 0, len(list))
	for _, f := range list {
		switch {
		case protocol.EqualFold(f.Name, "Set-Cookie"):
			f.Value = maskedCookie(f.Value)
		case isSecret(f.Name):
			f.Value = masked
		case strings.Contains(f.Value, "://"): // Referer, Location
			f.Value = withoutPairs(f.Value)
		}
		shown = append(shown, f)
	}
	return shown
}

func maskedCookie(value string) string {
	pair, rest, has := strings.Cut(value, ";")
	name, _, _ := strings.Cut(pair, "=")
	if has {
		rest = ";" + rest
	}
	return name + "=" + masked + rest
}

// listed is the line of the list.
type listed struct {
	ID         int64  `json:"id"`
	At         int64  `json:"at"` // ms since 1970
	Method     string `json:"method"`
	Target     string `json:"target"`
	Status     int    `json:"status"`
	Took       int64  `json:"took"` // µs
	Bytes      int64  `json:"bytes"`
	Generation int    `json:"gen"`
	Version    string `json:"version"`
	Lost       string `json:"lost,omitempty"`
	Again      int64  `json:"again,omitempty"`
	Hints      int    `json:"hint_count,omitempty"`
}

func (x *record) line() listed {
	return listed{ID: x.id, At: x.began.UnixMilli(), Method: x.method, Target: cut(x.maskedTarget(), 400), Status: x.status, Took: x.took.Microseconds(),
		Bytes: x.bytes, Generation: x.generation, Version: x.version, Lost: x.lost, Again: x.again, Hints: len(x.hints)}
}

// cut is no more than n bytes of s, and whole letters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// shownContent is content for a page.
type shownContent struct {
	Size   int64  `json:"size"`
	Text   string `json:"text"`
	Note   string `json:"note,omitempty"` // why it is not there, or what was done to it
	Binary bool   `json:"binary,omitempty"`
}

// show makes text of content: gzip is undone, JSON is indented.
func (k *kept) show(fields protocol.Fields) (c shownContent) {
	c.Size = k.size
	if k.why != "" {
		c.Note = k.why
		return c
	}
	data := k.bytes()
	if protocol.EqualFold(fields.Get("Content-Encoding"), "gzip") && len(data) > 0 {
		if plain, ok := gunzip(data); ok {
			data, c.Note = plain, "was gzip"
		}
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		c.Binary = true
		c.Text = hexDump(data, 1<<10)
		return c
	}
	c.Text = indented(data, fields.Get("Content-Type"))
	return c
}

// gunzip undoes gzip, as far as it is kept.
func gunzip(data []byte) ([]byte, bool) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(z, mostContent+1))
	return plain, err == nil && len(plain) <= mostContent
}

// indented is the text of data; JSON on lines of its own, so that it can be compared, unless
// it is too deep or too large for that.
func indented(data []byte, kind string) string {
	if strings.Contains(kind, "json") {
		if text, ok := indentedJSON(data); ok {
			return text
		}
	}
	return string(data)
}

// hexDump is the first bytes of data, most at most.
func hexDump(data []byte, most int) string {
	var b strings.Builder
	const row = 16
	shown := data[:min(len(data), most)]
	for at := 0; at < len(shown); at += row {
		piece := shown[at:min(at+row, len(shown))]
		text := bytes.Map(func(c rune) rune {
			if c < ' ' || c > '~' {
				return '.'
			}
			return c
		}, bytes.ToValidUTF8(piece, []byte(".")))
		fmt.Fprintf(&b, "%06x  %-48s %s\n", at, fmt.Sprintf("% x", piece), text)
	}
	if len(data) > most {
		fmt.Fprintf(&b, "… %d bytes more\n", len(data)-most)
	}
	return b.String()
}

// shownRecord is the page of a record.
type shownRecord struct {
	listed
	Whole     bool            `json:"whole"`
	Hints     []lint.Hint     `json:"hints,omitempty"`
	FullURL   string          `json:"url"`
	Full      string          `json:"full"` // target, not cut
	Client    string          `json:"client"`
	Fields    protocol.Fields `json:"fields"`
	Body      shownContent    `json:"body"`
	RawBody   string          `json:"raw"` // of the body, to be edited
	CanEdit   bool            `json:"can_edit"`
	Answer    protocol.Fields `json:"answer"`
	Content   shownContent    `json:"content"`
	Curl      string          `json:"curl"`
	Test      string          `json:"test"`
	Reason    string          `json:"reason"`
	Diff      []diffLine      `json:"diff,omitempty"` // with the one that it repeats
	DiffNote  string          `json:"diff_note,omitempty"`
	AgainTook int64           `json:"again_took,omitempty"`
	Own       *probe.Timeline `json:"own,omitempty"`    // here
	Inner     json.RawMessage `json:"inner,omitempty"`  // in the program: a probe.Timeline
	Passed    bool            `json:"passed,omitempty"` // to a program; else it was answered here
}

// show makes the page; was is the record that x repeats, nil for none. It takes a while:
// for a thread, on copies.
func (x *record) show(was *record) shownRecord {
	v := shownRecord{listed: x.line(), Whole: x.whole, Hints: x.hints, FullURL: x.scheme + "://" + x.authority + x.maskedTarget(), Full: x.target, Client: x.client,
		Fields: maskedFields(x.fields), Body: x.body.show(x.fields), Answer: maskedFields(x.answer), Content: x.content.show(x.answer),
		Reason: protocol.StatusText(x.status)}
	if !x.whole {
		return v
	}
	v.Own, v.Inner, v.Passed = withoutOurs(x.own), x.inner, x.passed
	v.Curl, v.Test = x.curl(), x.test()
	if v.CanEdit = x.body.why == "" && !v.Body.Binary; v.CanEdit {
		v.RawBody = string(x.body.data)
	}
	if was != nil && was.whole {
		v.AgainTook = was.took.Microseconds()
		v.Diff, v.DiffNote = diffLines(was.answerText(), x.answerText())
	}
	return v
}

// notCompared are fields that differ each time.
var notCompared = []string{"Date", "X-Request-Id", "X-Spindle-Ticket"}

// answerText is an answer to be compared.
func (x *record) answerText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", x.status, protocol.StatusText(x.status))
	for _, f := range maskedFields(x.answer) {
		if !slices.ContainsFunc(notCompared, func(name string) bool { return protocol.EqualFold(f.Name, name) }) {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
		}
	}
	c := x.content.show(x.answer)
	if c.Note != "" {
		fmt.Fprintf(&b, "(%s)\n", c.Note)
	}
	b.WriteString("\n" + c.Text)
	return b.String()
}
