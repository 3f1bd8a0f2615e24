package main

import (
	"fmt"
	"strings"
)

// This file reads files of variables, as shells and other tools write them.

// parseEnv reads a NAME=value a line, as key=value. "export" before it, blank lines and
// comments are passed over; a value may stand in single quotes, which keep all, or in
// double ones, in which \n, \t, \" and \\ are what they are elsewhere.
func parseEnv(text string) ([]string, error) {
	var env []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || !isVariable(name) {
			return nil, fmt.Errorf("line %d: %q is not NAME=value", i+1, line)
		}
		value, err := envValue(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
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

// envValue is a value without its quotes, and without the comment behind it.
func envValue(text string) (string, error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		if i := strings.Index(text, " #"); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
		return strings.Trim(text, "\x00"), nil
	}
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote:
			if rest := strings.TrimSpace(text[i+1:]); rest != "" && rest[0] != '#' {
				return "", fmt.Errorf("there is more behind the quote: %q", rest)
			}
			return b.String(), nil
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			b.WriteString(unescaped(text[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the quote %c is not closed", quote)
}

func unescaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return "\\" + string(c)
}
