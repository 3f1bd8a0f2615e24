package dev

import (
	"encoding/json"
	"os"
	"path/filepath"

	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

// This file is the buttons of the dashboard that ask for something and may fail: the level
// of the log, the collector, the editor.

// dashLevel is dash/level: GET tells the level of the log of the program, or, where that
// can not be set, of this process; POST ?to=DEBUG sets it.
type dashLevel struct {
	resource.Leaf
	d *dashboard
}

// levelNow is the answer.
type levelNow struct {
	Level string `json:"level"`
	Of    string `json:"of"`            // "program", "server"
	Why   string `json:"why,omitempty"` // it is not the program's
}

func (x dashLevel) RenderGET(r *resource.Request) ([]byte, error) { return x.level(r, "") }

func (x dashLevel) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.d.s.front.trusted(r); err != nil {
		return nil, err
	}
	return x.level(r, r.Arg("to"))
}

func (x dashLevel) level(r *resource.Request, to string) ([]byte, error) {
	switch to {
	case "", "DEBUG", "INFO", "WARN", "ERROR":
	default:
		return nil, &resource.Error{Status: 422, Detail: "There is no such level."}
	}
	d := reactor.NewDeferred[[]byte]()
	x.d.s.Ask("level", to).Then(func(raw json.RawMessage) {
		now := levelNow{Of: "program"}
		_ = json.Unmarshal(raw, &now.Level)
		body, err := json.Marshal(now)
		settleWith(d, body, err)
	}, func(why error) {
		level, err := probe.SetLogLevel(to)
		if err != nil {
			settleWith(d, nil, err)
			return
		}
		body, err := json.Marshal(levelNow{Level: level, Of: "server", Why: why.Error()})
		settleWith(d, body, err)
	})
	return laterJSON(r, d)
}

// dashGC is POST dash/gc: the collector of the program runs.
type dashGC struct {
	resource.Leaf
	s *Supervisor
}

func (x dashGC) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	return laterJSON(r, reactor.Chain(x.s.Ask("gc", ""), func(raw json.RawMessage) *reactor.Deferred[[]byte] {
		return reactor.Succeeded([]byte(raw))
	}))
}

// dashEditor is POST dash/editor: it opens what was changed last, or where one begins to
// read.
type dashEditor struct {
	resource.Leaf
	d *dashboard
}

func (x dashEditor) RenderPOST(r *resource.Request) ([]byte, error) {
	s := x.d.s
	if err := s.front.trusted(r); err != nil {
		return nil, err
	}
	file := x.d.edited
	if file == "" {
		file = firstFile(s.target)
	}
	if err := s.edit(file, 1, 1); err != nil {
		return nil, &resource.Error{Status: 422, Detail: err.Error(), Err: err}
	}
	r.SetStatus(204)
	return nil, nil
}

// firstFile is where one begins to read a target.
func firstFile(t target) string {
	dirs := []string{t.root()}
	if g, ok := t.(*goTarget); ok {
		dirs = []string{filepath.Join(g.dir, g.s.opts.Package), g.dir}
	}
	for _, dir := range dirs {
		for _, name := range []string{"main.go", "app.py", "manage.py", "wsgi.py", "index.html", "package.json", "*.go", "*.py", "*"} {
			list, _ := filepath.Glob(filepath.Join(dir, name))
			for _, path := range list {
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					return path
				}
			}
		}
	}
	return t.root()
}
