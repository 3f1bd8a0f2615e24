package dev

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

const scriptElement = `<script src="/__spindle__/live.js" data-spindle></script>`

// inject runs a page through the filter, cut at the places given.
func inject(page string, window bool, cuts ...int) string {
	i := &injector{window: window}
	var out []byte
	from := 0
	for _, to := range append(cuts, len(page)) {
		out = append(out, i.Filter(nil, []byte(page[from:to]))...)
		from = to
	}
	return string(i.End(out))
}

func TestInjection(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"head", "<!doctype html><html><head><title>x</title>", "<!doctype html><html><head>@<title>x</title>"},
		{"head with attributes", `<html><head data-x="a>b">y`, `<html><head data-x="a>b">@y`},
		{"upper case", "<!DOCTYPE HTML><HTML><HEAD><TITLE>", "<!DOCTYPE HTML><HTML><HEAD>@<TITLE>"},
		{"no head", "<!doctype html><title>x</title><p>", "<!doctype html>@<title>x</title><p>"},
		{"no head, body", "<html><body><h1>", "<html>@<body><h1>"},
		{"body alone", "<body><h1>", "@<body><h1>"},
		{"doctype and a heading", "<!doctype html>\n<h1>x</h1>", "<!doctype html>@\n<h1>x</h1>"},
		{"comment first", "<!-- a <head> in a comment --><html><head>", "<!-- a <head> in a comment --><html><head>@"},
		{"byte order mark", "\ufeff<html><head>", "\ufeff<html><head>@"},
		{"header is no head", "<html><header>x", "<html>@<header>x"},
		{"XHTML", `<?xml version="1.0"?><html xmlns="x"><head>`, `<?xml version="1.0"?><html xmlns="x"><head>@`},
		{"a page without any of it", "<h1>x</h1>", "<h1>x</h1>@"},
		{"text", "hello", "hello@"},
		{"nothing", "", "@"},
	} {
		want := strings.Replace(row.want, "@", scriptElement, 1)
		if got := inject(row.in, true); got != want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, got, want)
		}
		var every []int
		for i := range row.in {
			every = append(every, i)
		}
		if got := inject(row.in, true, every...); strings.Count(got, scriptElement) != 1 || strings.Replace(got, scriptElement, "", 1) != row.in {
			t.Errorf("%s, byte by byte: %s", row.name, got)
		}
	}
}

func TestInjectionLeavesFragments(t *testing.T) {
	for _, in := range []string{"<h1>x</h1>", "<li>a</li><li>b</li>", "text", "<script>1</script>", "<meta name=x>"} {
		if got := inject(in, false); got != in {
			t.Errorf("%s became %s", in, got)
		}
	}
}

func TestInjectionDoesNotHoldAStreamUp(t *testing.T) {
	i := &injector{window: true}
	if out := i.Filter(nil, []byte("<!doctype html><html><head><title>a</title></head><body>one")); !strings.Contains(string(out), "one") {
		t.Errorf("the first piece is held back: %q", out)
	}
	if out := i.Filter(nil, []byte("two")); string(out) != "two" {
		t.Errorf("the second piece became %q", out)
	}
	long := &injector{window: true}
	if out := long.Filter(nil, []byte("<!-- "+strings.Repeat("x", mostHeld))); len(out) < mostHeld {
		t.Errorf("a comment without an end is held back: %d bytes came", len(out))
	}
}

func TestPoliciesLetTheScriptIn(t *testing.T) {
	for _, row := range []struct{ in, want, nonce string }{
		{"default-src 'self'", "default-src 'self'; script-src 'self'; connect-src 'self'", ""},
		{"default-src 'none'", "default-src 'none'; script-src 'self'; connect-src 'self'", ""},
		{"script-src 'nonce-abc' 'strict-dynamic'", "script-src 'nonce-abc' 'strict-dynamic'", "abc"},
		{"script-src 'unsafe-inline'; connect-src example.org", "script-src 'unsafe-inline' 'self'; connect-src example.org 'self'", ""},
		{"img-src *", "img-src *", ""},
		{"Default-Src 'self'; Script-Src-Elem cdn.example", "default-src 'self'; script-src-elem cdn.example 'self'; connect-src 'self'", ""},
	} {
		fields := protocol.Fields{{Name: "Content-Security-Policy", Value: row.in}}
		nonce := allowScript(fields)
		if fields[0].Value != row.want || nonce != row.nonce {
			t.Errorf("%s:\n got %s, nonce %q\nwant %s, nonce %q", row.in, fields[0].Value, nonce, row.want, row.nonce)
		}
	}
	fields := protocol.Fields{{Name: "Content-Security-Policy", Value: "script-src 'strict-dynamic' 'sha256-x'"}}
	if nonce := allowScript(fields); nonce == "" || !strings.Contains(fields[0].Value, "'nonce-"+nonce+"'") {
		t.Errorf("a policy that goes by nonces got none: %s", fields[0].Value)
	}
}

// FuzzInject holds that a page is what it was but for one script, however it is cut.
func FuzzInject(f *testing.F) {
	for _, s := range []string{"<!doctype html><html><head>x", "<html>", "<h1>", "", "<!-- <", "<body a='>'>", "\xef\xbb\xbf<html lang=x >"} {
		f.Add(s, uint16(3), true)
	}
	f.Fuzz(func(t *testing.T, page string, at uint16, window bool) {
		n := int(at) % (len(page) + 1)
		for _, got := range []string{inject(page, window), inject(page, window, n)} {
			if strings.Contains(page, scriptElement) {
				return
			}
			if strings.Replace(got, scriptElement, "", 1) != page {
				t.Errorf("%q became %q", page, got)
			}
			if window && strings.Count(got, scriptElement) != 1 {
				t.Errorf("%q has no script: %q", page, got)
			}
		}
	})
}

func TestElementHasItsNonce(t *testing.T) {
	i := &injector{nonce: "abc", window: true}
	if got := string(i.End(i.Filter(nil, []byte("<html><head>")))); !strings.Contains(got, fmt.Sprintf("nonce=%q", "abc")) {
		t.Error(got)
	}
}

// A page that the program has made of a panic leads to the ticket, on this machine.
func TestInjectionOfATicket(t *testing.T) {
	m := supervised(t)
	for _, row := range []struct{ id, field, value, want string }{
		{"ABCDE23456", "", "", ` data-ticket="ABCDE23456" `},
		{"ABCDE23456", "X-Forwarded-For", "192.0.2.1", ""},
		{`"><script>`, "", "", ""},
	} {
		i := newInjector(m.s.front)
		root := resource.Wrap(new(resource.Tree), func(r *resource.Request) error {
			i.Begin(r, 500, protocol.Fields{{Name: "Content-Type", Value: "text/html"}, {Name: "X-Spindle-Ticket", Value: row.id}})
			return nil
		})
		fields := protocol.Fields{}
		if row.field != "" {
			fields.Set(row.field, row.value)
		}
		resourcetest.Do(root, "GET", "/", fields, nil)
		if got := string(i.element(nil)); strings.Contains(got, "data-ticket") != (row.want != "") || !strings.Contains(got, row.want) {
			t.Errorf("%q, %s: %s", row.id, row.field, got)
		}
	}
}
