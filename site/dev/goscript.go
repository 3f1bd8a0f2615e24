package dev

import (
	"path/filepath"
	"strconv"
	"strings"
)

// This file reads the script that go build -n prints: what the go command would run, and
// the files that it would write for that.

// goScript is such a script. The directory of its own files is called $WORK there.
type goScript struct {
	files map[string]string // that it writes
	runs  []toolRun
}

// toolRun is one run of a tool of Go.
type toolRun struct {
	dir   string
	env   []string // beside that of the go command
	words []string // the first is the tool
}

// tool is the name of the tool.
func (r *toolRun) tool() string { return filepath.Base(r.words[0]) }

// parseGoScript reads a script. It is false for one that it does not understand.
func parseGoScript(text string) (s *goScript, ok bool) {
	s = &goScript{files: map[string]string{}}
	dir := ""
	for len(text) > 0 {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		switch {
		case strings.HasPrefix(line, "cd "):
			dir = line[len("cd "):]
		case strings.HasPrefix(line, "cat >"):
			name, found := strings.CutSuffix(line[len("cat >"):], " << 'EOF' # internal")
			if text, found = s.here(name, text, found); !found {
				return nil, false
			}
		case strings.HasPrefix(line, "echo "):
			s.echo(line)
		case strings.Contains(line, "/compile ") || strings.Contains(line, "/link "):
			if run, ok := parseToolRun(line, dir); ok && (run.tool() == "compile" || run.tool() == "link") {
				s.runs = append(s.runs, run)
			}
		}
	}
	return s, true
}

// here reads a file of several lines, which EOF ends, be it at the end of a line.
func (s *goScript) here(name, text string, ok bool) (rest string, _ bool) {
	content, rest, ended := strings.Cut(text, "EOF\n")
	s.files[name] = content
	return rest, ok && ended
}

// echo reads a file of one line, or of none.
func (s *goScript) echo(line string) {
	line, ok := strings.CutSuffix(line, " # internal")
	at := strings.LastIndex(line, " > ")
	if !ok || at < 0 {
		return
	}
	content, name := line[:at], line[at+len(" > "):]
	if content = strings.TrimPrefix(content, "echo "); content == "-n" {
		s.files[name] = ""
		return
	}
	s.files[name] = strings.Trim(content, "'") + "\n"
}

// parseToolRun reads the line of a command, as run in dir. A word that begins with a dot
// began with dir.
func parseToolRun(line, dir string) (r toolRun, ok bool) {
	r.dir = dir
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if name, value, rest, ok := cutSetting(line); ok && len(r.words) == 0 {
			r.env = append(r.env, name+"="+value)
			line = rest
			continue
		}
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return r, false
			}
			word, _ := strconv.Unquote(quoted)
			r.words, line = append(r.words, word), line[len(quoted):]
			continue
		}
		var word string
		word, line, _ = strings.Cut(line, " ")
		if rest, dotted := strings.CutPrefix(word, "."); dotted {
			word = dir + rest
		}
		r.words = append(r.words, word)
	}
	return r, len(r.words) > 0
}

// cutSetting cuts NAME='value' or NAME="value" off.
func cutSetting(line string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(line, "=")
	if !ok || strings.ContainsAny(name, " /\"'-") || rest == "" {
		return "", "", "", false
	}
	if rest[0] == '\'' {
		value, rest, ok = strings.Cut(rest[1:], "'")
		return name, value, rest, ok
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", "", "", false
	}
	value, err = strconv.Unquote(quoted)
	return name, value, rest[len(quoted):], err == nil
}
