package dev

import (
	"cmp"
	"errors"
	"fmt"
	"go/build"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// This file opens a file in the editor of whoever develops.

// editorVariables name an editor, the first that is set counts.
var editorVariables = []string{"SPINDLE_EDITOR", "LAUNCH_EDITOR", "VISUAL", "EDITOR"}

// editorURL is an address that editors register for; a click on it works also where the
// development server runs on another machine.
func editorURL(file string, line, column int) string {
	u := url.URL{Scheme: "vscode", Host: "file", Path: file}
	return u.String() + fmt.Sprintf(":%d:%d", max(line, 1), max(column, 1))
}

// OpenEditor opens file in the editor: one of what is developed, of the standard library
// or a module, or one that a fault or a frame was in. Others are refused. Loop only.
func (s *Supervisor) OpenEditor(file string, line, column int) error {
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.target.root(), file)
	}
	if file = filepath.Clean(file); !s.isSource(file) && !s.isPlace(file) {
		return fmt.Errorf("%s is no source of what is developed", file)
	}
	return s.edit(file, line, column)
}

// isSource tells whether file is watched, or a source of Go that is not.
func (s *Supervisor) isSource(file string) bool {
	w := s.target.watch()
	dirs := append([]string{s.target.root()}, w.Trees...)
	dirs = append(append(dirs, w.Dirs...), s.opts.Extra...)
	goroot, modules := build.Default.GOROOT, filepath.Join(build.Default.GOPATH, "pkg", "mod")
	if t, ok := s.target.(*goTarget); ok {
		goroot, modules = cmp.Or(t.builder.setting("GOROOT"), goroot), cmp.Or(t.builder.modules, modules)
	}
	for _, dir := range append(dirs, goroot, modules) {
		if filepath.IsAbs(dir) && below(file, filepath.Clean(dir)) {
			return true
		}
	}
	return false
}

// isPlace tells whether a fault that is shown, or a frame of a ticket, is in file.
func (s *Supervisor) isPlace(file string) bool {
	if s.failure != nil && slices.ContainsFunc(s.failure.Faults, func(f Fault) bool { return f.File == file }) {
		return true
	}
	return slices.ContainsFunc(s.tickets.list, func(t *Ticket) bool { return t.in(file) })
}

// edit opens any file.
func (s *Supervisor) edit(file string, line, column int) error {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("there is no file %s", file)
	}
	name := s.opts.Editor
	for i := 0; name == "" && i < len(editorVariables); i++ {
		name = os.Getenv(editorVariables[i])
	}
	args, err := editorCommand(name, file, max(line, 1), max(column, 1), os.Getenv("TMUX") != "", exec.LookPath)
	if err != nil {
		return err
	}
	run, err := runCommand(s.loop, s.target.root(), s.env(), args...)
	if err != nil {
		return fmt.Errorf("the editor can not be started: %w", err)
	}
	run.result.Then(func(c *command) {
		if !c.ok() {
			s.notice(fmt.Sprintf("%s: %s %s", strings.Join(args, " "), c.status, strings.TrimSpace(string(c.errs))))
		}
	}, nil)
	return nil
}

var errNoEditor = errors.New("no editor is known: set SPINDLE_EDITOR, as in SPINDLE_EDITOR=code, goland, 'vim' in tmux, or a command with {file}, {line} and {column} in it")

// editorCommand is the command for a place. Editors of the terminal need one of their
// own: inside tmux they get a window.
func editorCommand(name, file string, line, column int, tmux bool, look func(string) (string, error)) ([]string, error) {
	if name == "" {
		for _, guess := range []string{"code", "codium", "cursor", "zed", "goland", "idea", "pycharm", "subl"} {
			if _, err := look(guess); err == nil {
				name = guess
				break
			}
		}
		if name == "" {
			return nil, errNoEditor
		}
	}
	words := strings.Fields(name)
	place := fmt.Sprintf("%s:%d:%d", file, line, column)
	if strings.Contains(name, "{file}") {
		fill := strings.NewReplacer("{file}", file, "{line}", strconv.Itoa(line), "{column}", strconv.Itoa(column))
		for i := range words {
			words[i] = fill.Replace(words[i])
		}
		return words, nil
	}
	switch base := strings.TrimSuffix(filepath.Base(words[0]), ".sh"); base {
	case "code", "code-insiders", "codium", "cursor", "windsurf":
		return append(words, "--goto", place), nil
	case "zed", "subl", "atom", "hx", "micro":
		if base == "hx" || base == "micro" {
			return inTmux(append(words, place), tmux)
		}
		return append(words, place), nil
	case "goland", "idea", "pycharm", "webstorm", "phpstorm", "rider", "clion":
		return append(words, "--line", strconv.Itoa(line), "--column", strconv.Itoa(column), file), nil
	case "vim", "nvim", "vi", "nano", "emacs":
		return inTmux(append(words, fmt.Sprintf("+%d", line), file), tmux)
	case "gvim", "emacsclient":
		return append(words, fmt.Sprintf("+%d", line), file), nil
	}
	return append(words, file), nil
}

func inTmux(words []string, tmux bool) ([]string, error) {
	if !tmux {
		return nil, fmt.Errorf("%s needs a terminal of its own: run 'spindle dev' inside tmux, or set SPINDLE_EDITOR to an editor with a window", words[0])
	}
	return append([]string{"tmux", "new-window"}, words...), nil
}
