package dev

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file makes sense of what compilers and programs print when something is wrong.

// Fault is one thing that is wrong, with its place if it has one.
type Fault struct {
	File    string `json:"file,omitempty"` // absolute
	Line    int    `json:"line,omitempty"` // from 1
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"` // what to do, where that is known
}

// Failure is why there is no new program: faults of its source, or the last words of
// what could not start.
type Failure struct {
	Stage   string  `json:"stage"` // list, build, start, run, vet
	Title   string  `json:"title"`
	Faults  []Fault `json:"faults,omitempty"`
	Output  string  `json:"output,omitempty"` // as it was printed, bounded
	Command string  `json:"command,omitempty"`
	Dir     string  `json:"dir,omitempty"`
	Ticket  string  `json:"ticket,omitempty"` // which has the variables of the end of the program
	late    bool    // it runs, and was not ready in time
	pid     int     // of the program that has ended, 0 for none
}

func (f *Failure) Error() string { return f.Title }

// mostFaults is how many faults of one build are kept.
const mostFaults = 50

// pattern is an expression that is compiled when it is first needed: most programs that link
// this package never need any, and should not pay for them when they begin.
type pattern struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) get() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.text) })
	return p.re
}

var goPlace = pattern{text: `^(?:vet: )?((?:[A-Za-z]:)?[^:\s][^:]*\.(?:go|mod|work|c|cc|cpp|cxx|h|s|S|y|sum)):(\d+)(?::(\d+))?: (.*)$`}

// parseGoOutput finds the faults in what the go command printed, run in dir.
func parseGoOutput(out, dir string) (faults []Fault) {
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		switch m := goPlace.get().FindStringSubmatch(line); {
		case m != nil:
			faults = append(faults, placed(m, dir))
		case strings.HasPrefix(line, "\t") && len(faults) > 0:
			faults[len(faults)-1].Message += "\n" + strings.TrimSpace(line)
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" || line == "note: module requires Go":
		case strings.HasPrefix(line, "go: downloading "), strings.HasPrefix(line, "go: finding "):
		default:
			faults = append(faults, Fault{Message: strings.TrimPrefix(line, "go: ")})
		}
		if len(faults) == mostFaults {
			break
		}
	}
	module := ""
	if goGet.get().MatchString(out) {
		module = moduleAround(dir)
	}
	for i := range faults {
		faults[i] = mended(faults[i], module)
	}
	return faults
}

// mended is f with what to do about it, in place of the words of the go command that say
// that. module is the path of the own one, "" when it is not known.
func mended(f Fault, module string) Fault {
	if m := goGet.get().FindStringSubmatch(f.Message); m != nil && module != "" && below(m[1], module) {
		dir := "." + strings.TrimPrefix(m[1], module)
		f.Message = "there is no package " + m[1] + " in this module"
		f.Mend = "correct the import, or put a Go file into " + dir + ": that directory is gone, empty, or was never there"
		return f
	}
	if f.Mend = goMend(f.Message); f.Mend != "" {
		f.Message = goAdvice.get().ReplaceAllString(f.Message, "")
	}
	return f
}

// moduleAround is the path of the module that dir belongs to; "" when there is none.
func moduleAround(dir string) string {
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if m := modulePath.get().FindSubmatch(text); err == nil && m != nil {
			return string(m[1])
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// placed is the fault of a line that begins with its place.
func placed(m []string, dir string) Fault {
	f := Fault{File: m[1], Message: m[4]}
	if !filepath.IsAbs(f.File) {
		f.File = filepath.Join(dir, f.File)
	}
	f.Line, _ = strconv.Atoi(m[2])
	f.Column, _ = strconv.Atoi(m[3])
	return f
}

var (
	goGet      = pattern{text: `no required module provides package ([^\s;:]+)`}
	goAdvice   = pattern{text: `;? ?(?:to add(?: it)?|to update it|try):\s+go (?:get|mod) [^\n]*$`}
	goGetSum   = pattern{text: `missing go\.sum entry|verifying .* checksum mismatch`}
	goTooOld   = pattern{text: `requires go >= ([\d.a-z]+) \(running go ([\d.a-z]+)`}
	goNotFound = pattern{text: `package ([^\s]+) is not in (?:std|GOROOT)(?: \(([^)]+)\))?`}
)

// goMend says what to do about a message of the go command.
func goMend(message string) string {
	switch m := goGet.get().FindStringSubmatch(message); {
	case m != nil:
		return "go get " + m[1]
	case strings.HasPrefix(message, "no Go files in "):
		return "write one that begins with 'package main', or name another directory"
	case goGetSum.get().MatchString(message):
		return "go mod tidy"
	case strings.Contains(message, "updates to go.mod needed"):
		return "go mod tidy"
	case strings.Contains(message, "go.mod file not found"), strings.Contains(message, "cannot find main module"):
		return "go mod init example.com/app"
	case strings.Contains(message, "no space left on device"):
		return "make room on the disk (go clean -cache frees what old builds left); the next save builds again"
	case strings.Contains(message, "imported and not used"), strings.Contains(message, "declared and not used"):
		return "remove it, or use it"
	}
	if m := goTooOld.get().FindStringSubmatch(message); m != nil {
		return "install Go " + m[1] + ", or let the go command fetch it (GOTOOLCHAIN=auto), or, if " + m[2] + " will do, say so in go.mod: go mod edit -go=" + m[2]
	}
	if m := goNotFound.get().FindStringSubmatch(message); m != nil {
		if info, err := os.Stat(m[2]); err == nil && info.IsDir() {
			return "it is there: the go command can not read it, or not write what it keeps; is the disk full? ('go env GOCACHE' says where that is, 'go clean -cache' makes room)"
		}
		return "there is no package " + m[1] + " in the standard library: a path of another module begins with a host name"
	}
	return ""
}

var (
	pyFrame = pattern{text: `^\s*File "([^"]+)", line (\d+)`}
	jsPlace = pattern{text: `^(/[^:]+\.[cm]?[jt]s):(\d+)$`}
	pyError = pattern{text: `^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning)): ?(.*)$`}
)

// parsePythonOutput finds the last exception in what an interpreter printed: its place
// is the innermost frame below one of roots, else the innermost.
func parsePythonOutput(out string, roots []string) []Fault {
	var f, own Fault
	found, compiled := false, false // compiled: the last place was not run yet
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if at := strings.IndexByte(line, '^'); compiled && at >= pyIndent && strings.Trim(line, " ^") == "" {
			own.Column = pyColumn(&own, at)
		} else if m := pyFrame.get().FindStringSubmatch(line); m != nil {
			f.File = m[1]
			f.Line, _ = strconv.Atoi(m[2])
			compiled = !strings.Contains(line, ", in ")
			if slices.ContainsFunc(roots, func(r string) bool { return below(f.File, r) }) || compiled {
				own = f // the second: it can not be compiled, which is not the fault of who imports it
			}
		} else if strings.HasPrefix(line, "Traceback ") {
			own = Fault{}
		} else if m := jsPlace.get().FindStringSubmatch(line); m != nil { // Node's are alike
			f.File = m[1]
			f.Line, _ = strconv.Atoi(m[2])
		} else if m := pyError.get().FindStringSubmatch(line); m != nil {
			f.Message = strings.TrimSpace(line)
			found = true
		}
	}
	if !found {
		return nil
	}
	if own.File != "" {
		f.File, f.Line, f.Column = own.File, own.Line, own.Column
	}
	return []Fault{f}
}

// pyIndent is where an interpreter prints a line, without its own indentation.
const pyIndent = 4

// pyColumn is the column of f that a caret below its line marks at that place.
func pyColumn(f *Fault, at int) int {
	raw := rawLine(f.File, f.Line)
	return len(raw) - len(strings.TrimLeft(raw, " \t\f")) + at - pyIndent + 1
}

var (
	goPanic = pattern{text: `(?m)^(panic: .*|fatal error: .*)$`}
	goFrame = pattern{text: `(?m)^(\S.*)\n\t(\S.*\.go):(\d+)(?: \+0x[0-9a-f]+)?$`}
)

const mostCallers = 8 // that are shown of the end of a program

// parsePanic finds the end of a Go program in what it printed: its place is the first
// frame below root, else the first of all. Behind it are the frames below root that have
// called it. Without an end there is none.
func parsePanic(out, root string) []Fault {
	at := goPanic.get().FindStringIndex(out)
	if at == nil {
		return nil
	}
	list := []Fault{{Message: out[at[0]:at[1]]}}
	place := &list[0]
	for _, m := range goFrame.get().FindAllStringSubmatch(firstGoroutine(out[at[1]:]), -1) {
		own := below(m[2], root) && !OfWitness(m[1])
		line, _ := strconv.Atoi(m[3])
		switch {
		case place != nil && (own || place.File == ""):
			place.File, place.Line = m[2], line
			if own {
				place = nil
			}
		case place == nil && list[len(list)-1].File == m[2] && list[len(list)-1].Line == line && strings.HasPrefix(m[1], "created by "):
			list[len(list)-1].Message += ", " + calledBy(m[1]) // on one line: it is shown once
		case place == nil && own && len(list) <= mostCallers:
			list = append(list, Fault{File: m[2], Line: line, Message: calledBy(m[1])})
		}
	}
	return list
}

// firstGoroutine is the part of a stack that is of the first goroutine.
func firstGoroutine(stack string) string {
	if i := strings.Index(stack, "\ngoroutine "); i >= 0 {
		stack = stack[i+1:]
		stack, _, _ = strings.Cut(stack, "\n\n")
	}
	return stack
}

// calledBy is what a line of a stack says of the frame before it.
func calledBy(line string) string {
	if name, ok := strings.CutPrefix(line, "created by "); ok {
		name, _, _ = strings.Cut(name, " in goroutine ")
		return "in a goroutine that " + shortFunction(name) + " has started"
	}
	return "called by " + shortFunction(withoutArguments(line))
}

// PythonFaults is what a traceback says, of an application whose sources are below dir;
// what is said otherwise where there is none.
func PythonFaults(trace, otherwise, dir string) []Fault {
	if list := parsePythonOutput(trace, []string{dir}); list != nil {
		return list
	}
	return []Fault{{Message: otherwise}}
}

// asFailure makes a failure of any error.
func asFailure(err error, stage string) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	text := strings.TrimPrefix(err.Error(), "dev: ")
	return &Failure{Stage: stage, Title: strings.ToUpper(text[:1]) + text[1:]}
}
