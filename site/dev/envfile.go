package dev

import (
	"fmt"
	"strings"
)

// This file reads files of variables, as shells and other tools write them.

// ParseEnv reads a NAME=value a line, and gives them as NAME=value. "export" before it, blank
// lines and comments are passed over. A value may stand in single quotes, which keep all that
// is in them, or in double ones, in which \n, \r, \t, \", \$ and \\ are what they are
// elsewhere; both may go over several lines. Outside of single quotes ${NAME} is what
// before knows of it, or what the file gave above, or what behind knows, and ${NAME:-other}
// is other when that is nothing; a $ alone is a $, as keys have them. before and behind may
// be nil. The error names the line.
func ParseEnv(text string, before, behind func(name string) (string, bool)) ([]string, error) {
	above := map[string]string{}
	p := envParser{rest: strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")}
	p.lookups = []func(string) (string, bool){before, func(name string) (string, bool) { v, ok := above[name]; return v, ok }, behind}
	var env []string
	for p.rest != "" {
		p.line++
		at := p.line
		name, value, err := p.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		if name != "" {
			above[name] = value
			env = append(env, name+"="+value)
		}
	}
	return env, nil
}

// envParser is at the start of a line.
type envParser struct {
	rest    string
	line    int // lines that are done
	lookups []func(name string) (string, bool)
}

// next takes a line, or several that a quote holds together; name is "" when it is empty.
func (p *envParser) next() (name, value string, err error) {
	line, rest, _ := strings.Cut(p.rest, "\n")
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '#' {
		p.rest = rest
		return "", "", nil
	}
	name, text, ok := strings.Cut(strings.TrimPrefix(trimmed, "export "), "=")
	name = strings.TrimSpace(name)
	if !ok || !isVariable(name) {
		return "", "", fmt.Errorf("%q is not NAME=value", trimmed)
	}
	text = strings.TrimSpace(text)
	if text == "" || text[0] != '"' && text[0] != '\'' {
		p.rest = rest
		if i := strings.Index(text, " #"); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
		return name, p.expand(strings.Trim(text, "\x00")), nil
	}
	// From the quote on, to the end of the file.
	_, after, _ := strings.Cut(p.rest, "=")
	value, err = p.quoted(strings.TrimLeft(after, " \t"))
	return name, value, err
}

// quoted is the value of which text begins with the quote; it takes its lines.
func (p *envParser) quoted(text string) (string, error) {
	quote := text[0]
	var b, plain strings.Builder
	flush := func() {
		b.WriteString(p.expand(plain.String()))
		plain.Reset()
	}
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote:
			behind, rest, _ := strings.Cut(text[i+1:], "\n")
			if behind = strings.TrimSpace(behind); behind != "" && behind[0] != '#' {
				return "", fmt.Errorf("there is more behind the quote: %q", behind)
			}
			p.rest = rest
			flush()
			return b.String(), nil
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			flush()
			b.WriteString(unescaped(text[i]))
		case quote == '\'':
			b.WriteByte(c)
		default:
			plain.WriteByte(c)
		}
		if text[i] == '\n' {
			p.line++
		}
	}
	return "", fmt.Errorf("the quote %c is not closed", quote)
}

// expand replaces each ${NAME} and ${NAME:-other}.
func (p *envParser) expand(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		inside, rest, closed := strings.Cut(after, "}")
		name, other, _ := strings.Cut(inside, ":-")
		if !found || !closed || !isVariable(name) {
			b.WriteString(before)
			if !found {
				return b.String()
			}
			b.WriteString("${")
			text = after
			continue
		}
		b.WriteString(before)
		if value := p.lookup(name); value != "" {
			other = value
		}
		b.WriteString(other)
		text = rest
	}
}

func (p *envParser) lookup(name string) string {
	for _, f := range p.lookups {
		if f == nil {
			continue
		}
		if v, ok := f(name); ok {
			return v
		}
	}
	return ""
}

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func unescaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return "\\" + string(c)
}
