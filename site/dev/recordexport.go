package dev

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"spindle/protocol"
)

// This file writes a recorded request down: as a command of the shell, and as a test.
// Secrets of fields, queries and forms are left out of both.

// notWritten are fields that the client makes itself.
var notWritten = append(slices.Clone(notSentAgain), "Accept-Encoding")

func isWritten(name string) bool {
	return !slices.ContainsFunc(notWritten, func(s string) bool { return protocol.EqualFold(name, s) })
}

// curl is the request as a command line for a POSIX shell.
func (x *record) curl() string {
	words := []string{"curl -i"}
	if strings.ContainsAny(x.target, "[]{}") {
		words[0] += " -g"
	}
	if strings.Contains(x.target, "/.") {
		words[0] += " --path-as-is"
	}
	if x.fields.Has("Accept-Encoding") {
		words[0] += " --compressed"
	}
	switch {
	case x.method == "HEAD":
		words[0] += " -I"
	case x.method != "GET" || x.body.size > 0:
		words[0] += " -X " + shellQuote(x.method)
	}
	words[0] += " " + shellQuote(x.scheme+"://"+x.authority+x.maskedTarget())
	for _, f := range maskedFields(x.fields) {
		if isWritten(f.Name) {
			words = append(words, "-H "+shellQuote(curlField(f)))
		}
	}
	switch {
	case x.body.size == 0:
	case x.body.why != "":
		words = append(words, "--data-binary @body # the content was "+x.body.why)
	case bytes.IndexByte(x.body.data, 0) >= 0:
		words = append(words, "--data-binary @body # the content has bytes that no command line can have")
	default:
		words = append(words, "--data-raw "+shellQuote(x.maskedBody()))
	}
	return strings.Join(words, " \\\n  ") + "\n"
}

// curlField is a field as curl takes it: one without a value ends in a semicolon.
func curlField(f protocol.Field) string {
	if f.Value == "" {
		return f.Name + ";"
	}
	return f.Name + ": " + f.Value
}

// shellQuote makes one word of s for a POSIX shell.
func shellQuote(s string) string {
	plain := s != ""
	for _, c := range s {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_./:=@%+,", c) {
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// testTemplate is a test of a tree of resources.
const testTemplate = `package main

import (
	"testing"

	"spindle/protocol"
	"spindle/resource/resourcetest"
)

// %[1]s asks as somebody has asked once. root is the tree of the program.
func %[1]s(t *testing.T) {
	a := resourcetest.Do(root, %[2]q, %[3]q, %[4]s, %[5]s)
	if a.Status != %[6]d {
		t.Errorf("status %%d, want %[6]d", a.Status)
	}
%[7]s}
`

// test is the request as a test of a program that is made with this library.
func (x *record) test() string {
	var checks strings.Builder
	if kind := x.answer.Get("Content-Type"); kind != "" {
		fmt.Fprintf(&checks, "\tif got := a.Field(\"Content-Type\"); got != %q {\n\t\tt.Errorf(\"Content-Type %%q\", got)\n\t}\n", kind)
	}
	if c := &x.content; c.why == "" && c.size > 0 && c.size <= 4096 && utf8.Valid(c.data) { // too little to be packed
		fmt.Fprintf(&checks, "\tif want := %s; string(a.Body) != want {\n\t\tt.Errorf(\"%%q, want %%q\", a.Body, want)\n\t}\n", goText(string(c.data)))
	}
	return fmt.Sprintf(testTemplate, x.testName(), x.method, x.maskedTarget(), x.testFields(), x.testBody(), x.status, checks.String())
}

// testName is a name made of method and path.
func (x *record) testName() string {
	path, _, _ := strings.Cut(x.target, "?")
	var b strings.Builder
	b.WriteString("Test" + strings.ToUpper(x.method[:1]) + strings.ToLower(x.method[1:]))
	up := true
	for _, c := range path {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			up = true
			continue
		}
		if up {
			c = unicode.ToUpper(c)
		}
		up = false
		if b.Len() < 60 {
			b.WriteRune(c)
		}
	}
	name := strings.Map(func(c rune) rune {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return '_'
		}
		return c
	}, b.String())
	if path == "/" {
		name += "Root"
	}
	return name
}

func (x *record) testFields() string {
	var b strings.Builder
	fmt.Fprintf(&b, "protocol.Fields{\n\t\t{Name: \"Host\", Value: %q},\n", x.authority)
	for _, f := range maskedFields(x.fields) {
		if isWritten(f.Name) {
			fmt.Fprintf(&b, "\t\t{Name: %q, Value: %q},\n", f.Name, f.Value)
		}
	}
	return b.String() + "\t}"
}

func (x *record) testBody() string {
	switch {
	case x.body.size == 0:
		return "nil"
	case x.body.why != "":
		return "nil /* the content was " + x.body.why + " */"
	}
	return "[]byte(" + goText(x.maskedBody()) + ")"
}

// goText is s as Go writes it.
func goText(s string) string {
	if strings.Contains(s, "\n") && strconv.CanBackquote(strings.ReplaceAll(s, "\n", "")) && !strings.Contains(s, "\r") {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}
