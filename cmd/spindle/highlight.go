package main

import (
	"html"
	"path/filepath"
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"

	"spindle/site/dev"
)

// This file colours sources on pages.

// highlight makes HTML of lines of the file name; nil when its language is not known.
func highlight(name string, lines []string) []string {
	lexer := lexerFor(name)
	if lexer == nil {
		return nil
	}
	tokens, err := lexer.Tokenise(nil, strings.Join(lines, "\n")+"\n")
	if err != nil {
		return nil
	}
	var list []string
	for _, line := range chroma.SplitTokensIntoLines(tokens.Tokens()) {
		var b strings.Builder
		for _, token := range line {
			text := html.EscapeString(strings.TrimRight(token.Value, "\n"))
			if class := tokenClass(token.Type); class != "" && text != "" {
				b.WriteString(`<span class="` + class + `">` + text + `</span>`)
			} else {
				b.WriteString(text)
			}
		}
		list = append(list, b.String())
	}
	if len(list) > len(lines) {
		list = list[:len(lines)]
	}
	return list
}

// lexersByExtension keeps what lexerFor has found: it compares a name with hundreds of
// patterns, which is slow for a page of many frames.
var lexersByExtension sync.Map

// lexerFor is that of the language of a file; nil when that is not known.
func lexerFor(name string) chroma.Lexer {
	ext := filepath.Ext(name)
	if found, ok := lexersByExtension.Load(ext); ok && ext != "" {
		return found.(chroma.Lexer)
	}
	lexer := lexers.Match(name)
	if ext == dev.TemplateExt {
		lexer = chroma.DelegatingLexer(lexers.HTML, lexers.Get("jinja"))
	}
	if lexer == nil {
		return nil
	}
	lexer = chroma.Coalesce(lexer)
	if ext != "" {
		lexersByExtension.Store(ext, lexer)
	}
	return lexer
}

// tokenClass is the class that the style sheet knows.
func tokenClass(t chroma.TokenType) string {
	switch {
	case t.InCategory(chroma.Keyword), t == chroma.NameTag, t == chroma.CommentPreproc:
		return "k"
	case t.InSubCategory(chroma.String):
		return "s"
	case t.InSubCategory(chroma.Number):
		return "n"
	case t.InCategory(chroma.Comment):
		return "c"
	case t == chroma.NameFunction || t == chroma.NameAttribute || t == chroma.NameBuiltin || t == chroma.NameClass:
		return "f"
	}
	return ""
}
