package dev

import (
	"bytes"
	"encoding/json"
)

// This file puts JSON on lines of its own, as far as that can be shown: indented, a value is
// as wide as it is deep, so that 1 MiB can become 10 GB.

// Of JSON that is indented.
const (
	mostLevels   = 100
	mostIndented = 2 * mostContent // bytes, indented
)

// indentedJSON is data on lines of its own. It is not ok if data is no JSON, or too deep or
// too large for that. It takes a while: for a thread.
func indentedJSON(data []byte) (text string, ok bool) {
	size, ok := indentedSize(data)
	if !ok {
		return "", false
	}
	var b bytes.Buffer
	b.Grow(size)
	if json.Indent(&b, data, "", indentation) != nil {
		return "", false
	}
	return b.String(), true
}

const indentation = "  "

// indentedSize is how many bytes data has when it is indented, or a few more. It is not ok
// beyond the limits.
func indentedSize(data []byte) (size int, ok bool) {
	levels, quoted, opened := 0, false, false // opened: the last was a bracket that opens
	line := func() int { return 1 + levels*len(indentation) }
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case quoted:
			if size++; c == '\\' {
				size++
				i++
			}
			quoted = c != '"'
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		size++
		switch c {
		case '}', ']':
			if levels--; levels < 0 {
				return 0, false
			}
			if !opened {
				size += line()
			}
			opened = false
			continue
		case '"':
			quoted = true
		}
		if opened {
			size += line()
		}
		switch opened = c == '{' || c == '['; {
		case opened:
			levels++
		case c == ',':
			size += line()
		case c == ':':
			size++
		}
		if levels > mostLevels || size > mostIndented {
			return 0, false
		}
	}
	return size, size <= mostIndented
}
