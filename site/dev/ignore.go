package dev

import (
	"path/filepath"
	"slices"
	"strings"

	ignore "github.com/sabhiram/go-gitignore"
)

// This file knows which files nobody edits.

// dullDirs are never entered: what is in them is made, fetched, or of a tool.
var dullDirs = []string{"node_modules", "__pycache__", "vendor", "venv", "site-packages"}

// dullEndings are files that tools write beside those that people edit.
var dullEndings = []string{"~", ".swp", ".swx", ".swo", ".tmp", ".bak", ".pyc", ".pyo", ".log", ".test", ".out",
	".sqlite3", ".sqlite3-journal", ".db", ".db-journal", ".db-wal", ".db-shm"}

// skipper tells what is of no interest below root: what .gitignore there says, hidden
// files and directories, and what tools make. Files that keep names are of interest all
// the same, whatever they are called.
func skipper(root string, keep []string) func(path string, dir bool) bool {
	rules, _ := ignore.CompileIgnoreFile(filepath.Join(root, ".gitignore"))
	return func(path string, dir bool) bool {
		if !dir && slices.Contains(keep, path) {
			return false
		}
		name := filepath.Base(path)
		if dull(name, dir) {
			return true
		}
		rel, err := filepath.Rel(root, path)
		if rules == nil || err != nil || strings.HasPrefix(rel, "..") {
			return false
		}
		if dir {
			rel += "/"
		}
		return rules.MatchesPath(rel)
	}
}

func dull(name string, dir bool) bool {
	if strings.HasPrefix(name, ".") && name != "." && name != ".env" && !strings.HasPrefix(name, ".env.") {
		return true
	}
	if dir {
		return slices.Contains(dullDirs, name)
	}
	if strings.HasPrefix(name, "#") || name == "4913" { // of Emacs, of Vim
		return true
	}
	return slices.ContainsFunc(dullEndings, func(end string) bool { return strings.HasSuffix(name, end) })
}
