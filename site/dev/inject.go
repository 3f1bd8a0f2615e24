package dev

import (
	"bytes"
	"crypto/rand"
	"strings"

	"spindle/protocol"
	"spindle/resource"
)

// This file puts one script into pages on their way to a browser, without holding them up:
// no more than the start of a page is looked at, and no more than the start of a tag is
// held back.

// injector is the filter of one answer. It implements resource.Filter.
type injector struct {
	f      *front
	nonce  string
	held   []byte // the start of the page, until it is known where the script goes
	done   bool   // it is known where it goes, or that it goes to the end
	placed bool
	page   bool   // it is a page, and no fragment: there is a doctype, html, head or body
	posted bool   // it is the answer to a form
	window bool   // a browser asked for it, to show it in a window
	ticket string // of the panic that the page is the program's own answer to; "" for none
}

// mostHeld is how far into a page the script is put at the latest.
const mostHeld = 16 << 10

func newInjector(f *front) *injector { return &injector{f: f} }

// Begin takes HTML that is sent whole and as it is.
func (i *injector) Begin(r *resource.Request, status int, fields protocol.Fields) (protocol.Fields, bool) {
	kind, _, _ := strings.Cut(fields.Get("Content-Type"), ";")
	kind = strings.TrimSpace(strings.ToLower(kind))
	if kind != "text/html" && kind != "application/xhtml+xml" || status == 206 || fields.Has(failureField) || fields.Get("Content-Encoding") != "" ||
		strings.HasPrefix(strings.ToLower(fields.Get("Content-Disposition")), "attachment") {
		return fields, false
	}
	i.window = r.FieldBytes("Sec-Fetch-Dest") != nil
	i.posted = r.Method() == "POST"
	if id := fields.Get("X-Spindle-Ticket"); ticketID.get().MatchString(id) && isHere(r) {
		i.ticket = id
	}
	i.nonce = allowScript(fields)
	if tag := fields.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		fields.Set("ETag", "W/"+tag) // it is not the same to the byte any more
	}
	fields.Del("Content-Length")
	fields.Del("Accept-Ranges")
	fields.Del("Digest")
	fields.Del("Content-Digest")
	fields.Del("Repr-Digest")
	fields.Del("Content-MD5")
	return fields, true
}

// Filter looks for the place.
func (i *injector) Filter(dst, data []byte) []byte {
	if i.done {
		return append(dst, data...)
	}
	i.held = append(i.held, data...)
	at, page, sure := scriptPlace(i.held)
	i.page = i.page || page
	if at < 0 && !sure && len(i.held) < mostHeld {
		if i.page {
			return dst // the next piece has it
		}
		return i.letGo(dst)
	}
	i.done = true
	if at >= 0 {
		i.placed = true
		dst = append(dst, i.held[:at]...)
		dst = i.element(dst)
		i.held = i.held[at:]
	}
	dst = append(dst, i.held...)
	i.held = nil
	return dst
}

// letGo sends what can not be the start of a tag any more: a stream of text must not wait.
func (i *injector) letGo(dst []byte) []byte {
	if bytes.IndexByte(i.held, '<') >= 0 || len(bytes.TrimSpace(i.held)) == 0 {
		return dst
	}
	i.done = true
	dst = append(dst, i.held...)
	i.held = nil
	return dst
}

// End puts the script behind a page that has none of the tags it could go behind; a
// browser makes a page of that, too.
func (i *injector) End(dst []byte) []byte {
	dst = append(dst, i.held...)
	if !i.placed && (i.window || i.page) {
		dst = i.element(dst)
	}
	i.held, i.done = nil, true
	return dst
}

// element appends the script.
func (i *injector) element(dst []byte) []byte {
	dst = append(dst, `<script src="`+Prefix+`live.js"`...)
	if i.nonce != "" {
		dst = append(dst, ` nonce="`+i.nonce+`"`...)
	}
	if i.ticket != "" {
		dst = append(dst, ` data-ticket="`+i.ticket+`"`...)
	}
	if i.posted {
		return append(dst, ` data-spindle="posted"></script>`...)
	}
	return append(dst, ` data-spindle></script>`...)
}

// scriptPlace finds where the script goes in the start of a page: behind the tag of the
// head, else behind that of html, else in front of what is neither comment nor doctype.
// page tells that it is a page; sure, that no more of it is needed to say so.
func scriptPlace(b []byte) (at int, page, sure bool) {
	pos := 0
	behind := -1 // the doctype or html
	for {
		for pos < len(b) && (b[pos] <= ' ' || b[pos] == 0xef || b[pos] == 0xbb || b[pos] == 0xbf) {
			pos++
		}
		if pos == len(b) {
			return -1, page, false
		}
		rest := b[pos:]
		switch {
		case rest[0] != '<':
			return behind, page, true
		case bytes.HasPrefix(rest, []byte("<!--")):
			end := bytes.Index(rest, []byte("-->"))
			if end < 0 {
				return -1, page, false
			}
			pos += end + 3
		case len(rest) < len("<!--") && bytes.HasPrefix([]byte("<!--"), rest):
			return -1, page, false
		default:
			end := tagEnd(rest)
			if end < 0 {
				return -1, page, false
			}
			name := tagName(rest)
			pos += end
			switch name {
			case "!doctype", "?xml":
				page, behind = true, pos
			case "html":
				page, behind = true, pos
			case "head":
				return pos, true, true
			case "body", "meta", "title", "link", "script", "style", "base", "template", "noscript":
				if behind >= 0 || name == "body" || name == "title" {
					return pos - end, true, true
				}
				return -1, page, true
			default:
				return behind, page, true
			}
		}
	}
}

// tagName is the name of the tag at the start of b, in lower case.
func tagName(b []byte) string {
	i := 1
	for i < len(b) && b[i] > ' ' && b[i] != '>' && b[i] != '/' {
		i++
	}
	return strings.ToLower(string(b[1:i]))
}

// tagEnd is where the tag at the start of b ends; -1 when it does not yet. A ">" in a
// quoted value does not end it.
func tagEnd(b []byte) int {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}

// allowScript has the policies of a page let our script in, and let it listen; it gives
// the nonce that the script needs, "" for none. A nonce is made only for a policy that
// goes by nonces: in another one it would undo 'unsafe-inline'.
func allowScript(fields protocol.Fields) (nonce string) {
	for i := range fields {
		if protocol.EqualFold(fields[i].Name, "Content-Security-Policy") && nonce == "" {
			if nonce = nonceOf(fields[i].Value); nonce == "" && strings.Contains(fields[i].Value, "'strict-dynamic'") {
				nonce = rand.Text()
			}
		}
	}
	for i := range fields {
		if protocol.EqualFold(fields[i].Name, "Content-Security-Policy") {
			fields[i].Value = allowed(fields[i].Value, nonce)
		}
	}
	return nonce
}

// nonceOf is a nonce that the policy names for scripts.
func nonceOf(policy string) string {
	for _, d := range directives(policy) {
		if d[0] != "script-src" && d[0] != "script-src-elem" && d[0] != "default-src" {
			continue
		}
		for _, source := range d[1:] {
			if n, ok := strings.CutPrefix(source, "'nonce-"); ok {
				return strings.TrimSuffix(n, "'")
			}
		}
	}
	return ""
}

// directives are the parts of a policy, in words, names in lower case.
func directives(policy string) (list [][]string) {
	for _, part := range strings.Split(policy, ";") {
		if words := strings.Fields(part); len(words) > 0 {
			words[0] = strings.ToLower(words[0])
			list = append(list, words)
		}
	}
	return list
}

// allowed is the policy with our script, by its nonce or by where it comes from, and with
// connections to there.
func allowed(policy, nonce string) string {
	list := directives(policy)
	defaults := find(list, "default-src")
	allow := func(name, source string) {
		d := find(list, name)
		switch {
		case d < 0 && defaults < 0:
			return // everything is allowed
		case d < 0:
			list = append(list, append([]string{name}, list[defaults][1:]...))
			d = len(list) - 1
		}
		if len(list[d]) == 2 && list[d][1] == "'none'" {
			list[d] = list[d][:1:1]
		}
		for _, s := range list[d][1:] {
			if s == source {
				return
			}
		}
		list[d] = append(list[d], source)
	}
	script := "script-src"
	if find(list, "script-src-elem") >= 0 {
		script = "script-src-elem"
	}
	if nonce != "" {
		allow(script, "'nonce-"+nonce+"'")
	} else {
		allow(script, "'self'")
	}
	allow("connect-src", "'self'")
	parts := make([]string, len(list))
	for i, d := range list {
		parts[i] = strings.Join(d, " ")
	}
	return strings.Join(parts, "; ")
}

func find(list [][]string, name string) int {
	for i, d := range list {
		if d[0] == name {
			return i
		}
	}
	return -1
}
