package dev

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// This file builds a witness into programs of net/http that know nothing of Spindle: the
// packages of report, as if they were of the program's own module, and a file of its main
// package that imports them. They are on no disk where somebody would see them: go build is
// told of them by -overlay.

// reportSource is the package report, and attach below it, as they are written.
//
//go:embed report/*.go report/attach/*.go
var reportSource embed.FS

// WitnessDir is the directory of the witness below the program's module. The path of every
// package of it has that in it; frames of it are not shown.
const WitnessDir = "zz_spindle_dev"

// OfWitness tells of a function whether it is the witness's.
func OfWitness(function string) bool { return strings.Contains(function, "/"+WitnessDir) }

// withoutWitness is a stack that Go has printed without the calls of the witness.
func withoutWitness(stack string) string {
	var b strings.Builder
	ours := false
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") {
			ours = OfWitness(line)
		}
		if !ours {
			b.WriteString(line)
		}
	}
	return b.String()
}

// witnessGo is the version of Go that its source is written for.
const witnessGo = 26 // 1.26

// witnessHook is what the witness needs of net/http.
const witnessHook = "testHookServerServe func(*Server, net.Listener)"

// witnessLink is what the linker has to be told.
const witnessLink = "-checklinkname=0"

// witness is what is known of it. Loop only.
type witness struct {
	off     string   // why nobody wants one; "" when it is wanted
	why     string   // why the program has none; "" when it has, or needs none
	said    string   // the last that was said of it
	overlay string   // the file for -overlay; "" for none
	held    *os.File // its directory; nil before the first
}

const witnessIsOff = "--witness is off"

// news is what there is to say of it, once.
func (w *witness) news() string {
	if w.why == w.said || w.why == "" || w.why == witnessIsOff {
		return ""
	}
	w.said = w.why
	return "Panics of the program have no variables, and its requests no inside: " + w.why + "."
}

// witnessMade is one that is written, or why there is none.
type witnessMade struct {
	overlay string
	held    *os.File
	why     string
}

// letGo ends the use of its directory, if it has one.
func (m witnessMade) letGo() {
	if m.held != nil {
		_ = m.held.Close()
	}
}

// makeWitness decides, each time that it is known what the program depends on, whether it gets
// a witness, and writes it; off is why nobody wants one. Blocks: not on the loop, but for
// what is to be put back.
func (b *goBuilder) makeWitness(d *goDeps, off string, now time.Time) (m witnessMade) {
	if !d.serves || d.reports {
		return m
	}
	if m.why = b.noWitness(d, off); m.why != "" {
		return m
	}
	home := b.home(d)
	var err error
	m.overlay, m.held, err = writeWitness(filepath.Join(filepath.Dir(b.cache), witnessKept), home.Path, home.Dir, d.main.Dir)
	if err != nil {
		return witnessMade{why: err.Error()}
	}
	_ = os.Chtimes(m.overlay, now, now)
	return m
}

// take has the program built with it.
func (w *witness) take(m witnessMade) {
	if m.held != nil {
		w.letGo()
		w.held = m.held
	}
	w.overlay, w.why = m.overlay, m.why
}

// letGo ends the use of its directory.
func (w *witness) letGo() {
	if w.held != nil {
		_ = w.held.Close()
	}
	w.held = nil
}

// tells tells whether the program may tell of its panics: where that is not known, it may.
func (b *goBuilder) tells() bool {
	return b.deps == nil || b.deps.reports || b.witness.overlay != ""
}

// noWitness is why there can not be one.
func (b *goBuilder) noWitness(d *goDeps, off string) string {
	m := b.home(d)
	switch {
	case off != "":
		return off
	case b.given("overlay"):
		return "the flags of go build have an -overlay already"
	case b.given("cover") && b.given("toolexec"):
		return "the flags of go build have -cover and a -toolexec already"
	case m == nil:
		return "the program is not a package of a module that is edited"
	case b.given("ldflags") && !b.addsLinkFlags():
		return "the flags of go build have -ldflags that can not be added to: write -ldflags=…"
	case goMinor(b.setting("GOVERSION")) < witnessGo:
		return fmt.Sprintf("it takes Go 1.%d or later, and this is %s", witnessGo, b.setting("GOVERSION"))
	}
	server, err := os.ReadFile(filepath.Join(b.setting("GOROOT"), "src", "net", "http", "server.go"))
	if err != nil || !bytes.Contains(server, []byte(witnessHook)) {
		return "this version of net/http is not known"
	}
	return ""
}

var modulePath = pattern{text: `(?m)^module\s+"?([^\s"]+)`}

// home is the module that the witness is a part of; nil where there is none. That of a file
// that was named go list does not know.
func (b *goBuilder) home(d *goDeps) *goModule {
	if m := d.main.Module; m != nil && m.Main && m.Dir != "" {
		return m
	}
	if !b.names() {
		return nil
	}
	mod := b.setting("GOMOD")
	text, err := os.ReadFile(mod)
	if m := modulePath.get().FindSubmatch(text); err == nil && m != nil {
		return &goModule{Path: string(m[1]), Dir: filepath.Dir(mod), Main: true}
	}
	return nil
}

// names tells whether a file is built, not what is in a directory.
func (b *goBuilder) names() bool { return strings.HasSuffix(b.pkg, ".go") }

// sources is what go build is given: beside a file that is named, the one of the witness.
func (b *goBuilder) sources() []string {
	if b.witness.overlay == "" || !b.names() {
		return []string{b.pkg}
	}
	dir, _ := filepath.Split(b.pkg)
	return []string{b.pkg, dir + WitnessDir + ".go"}
}

// goMinor is 26 of go1.26.8.
func goMinor(version string) int {
	rest, _ := strings.CutPrefix(version, "go1.")
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	minor, _ := strconv.Atoi(rest[:n])
	return minor
}

// refused tells whether a build has failed by the witness: then there is none from now on.
func (w *witness) refused(output string) bool {
	if w.overlay == "" || !strings.Contains(output, WitnessDir) {
		return false
	}
	w.off = "with it the program can not be built: " + firstLineWith(output, WitnessDir)
	w.overlay, w.why = "", w.off
	return true
}

func firstLineWith(text, what string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, what) {
			return strings.TrimSpace(line)
		}
	}
	return what
}

// writeWitness writes the files below dir, if they are not there, and gives the one for
// -overlay: the same for the same content. Its directory is held until held is closed.
func writeWitness(dir, module, root, main string) (overlay string, held *os.File, err error) {
	files, err := witnessFiles(module, root, main)
	if err != nil {
		return "", nil, err
	}
	text, err := json.Marshal(files)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(text)
	dir = filepath.Join(dir, hex.EncodeToString(sum[:witnessName]))
	if held, err = holdDir(dir); err != nil {
		return "", nil, err
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := placeWitness(dir, overlay, files); err != nil {
		_ = held.Close()
		return "", nil, err
	}
	return overlay, held, nil
}

// placeWitness writes the files, and the one that says where they seem to be.
func placeWitness(dir, overlay string, files map[string]string) error {
	replace := map[string]string{}
	for n, at := range slices.Sorted(maps.Keys(files)) {
		replace[at] = filepath.Join(dir, fmt.Sprintf("%d.go", n+1))
		if err := place(replace[at], []byte(files[at])); err != nil {
			return err
		}
	}
	if err := place(coverTool(overlay), []byte(coverScript(replace))); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return place(overlay, text)
}

// coverTool is the program for -toolexec that belongs to an overlay: the cover tool reads
// files where they seem to be (Go 1.26), and is told by it where they are.
func coverTool(overlay string) string { return filepath.Join(filepath.Dir(overlay), "cover.sh") }

// coverScript is that program.
func coverScript(replace map[string]string) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\ntool=$1\nshift\ncase $tool in */cover)\nfor word; do\nshift\ncase $word in\n")
	for _, at := range slices.Sorted(maps.Keys(replace)) {
		fmt.Fprintf(&b, "%s) word=%s ;;\n", shellQuote(at), shellQuote(replace[at]))
	}
	b.WriteString("esac\nset -- \"$@\" \"$word\"\ndone\nesac\nexec \"$tool\" \"$@\"\n")
	return b.String()
}

// place writes a file, unless it is there as it is to be: whole for whoever reads it meanwhile,
// since other development servers have the same files.
func place(name string, text []byte) error {
	if was, err := os.ReadFile(name); err == nil && bytes.Equal(was, text) {
		return nil
	}
	fresh := fmt.Sprintf("%s.%d", name, os.Getpid())
	mode := fs.FileMode(0o600)
	if filepath.Ext(name) == ".sh" {
		mode = 0o700
	}
	if err := os.WriteFile(fresh, text, mode); err != nil {
		return err
	}
	return os.Rename(fresh, name)
}

// witnessFiles is the files by where they seem to be. The one in the package main declares
// no name, so that there is none that the program has, too.
func witnessFiles(module, root, main string) (map[string]string, error) {
	ours := module + "/" + WitnessDir
	files := map[string]string{
		filepath.Join(main, WitnessDir+".go"): "package main\n\nimport _ \"" + ours + "\"\n",
	}
	paths := strings.NewReplacer(
		`"spindle/protocol/postmortem"`, `"`+ours+`/postmortem"`,
		`"spindle/protocol/probe"`, `"`+ours+`/probe"`,
		`"spindle/site/dev/report"`, `"`+ours+`/report"`)
	for _, from := range []struct {
		source  embed.FS
		dir, to string
	}{{reportSource, "report/attach", ""}, {reportSource, "report", "report"}, {postmortem.Source, ".", "postmortem"}, {probe.Source, ".", "probe"}} {
		entries, err := from.source.ReadDir(from.dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() || e.Name() == "source.go" || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			text, err := from.source.ReadFile(path.Join(from.dir, e.Name()))
			if err != nil {
				return nil, err
			}
			files[filepath.Join(root, WitnessDir, from.to, e.Name())] = ofVersion(paths.Replace(string(text)))
		}
	}
	return files, nil
}

// ofVersion is a source file that is of its own version of Go, whatever that of the module is.
func ofVersion(text string) string {
	const build = "//go:build "
	version := fmt.Sprintf("go1.%d", witnessGo)
	if rest, ok := strings.CutPrefix(text, build); ok {
		constraint, rest, _ := strings.Cut(rest, "\n")
		return build + "(" + constraint + ") && " + version + "\n" + rest
	}
	return build + version + "\n\n" + text
}
