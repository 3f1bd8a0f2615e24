package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file has spindle dev look at what manage.py runserver looks at: Django's system checks,
// and whether there are migrations to apply, or to make. It does so beside the start.

//go:embed python/django.py
var djangoScript string

// djangoMark is in front of the answer.
const djangoMark = "\nspindle-django "

// djangoCheck is the check of the project in o.Dir; nil where there is none.
func (p *pythonApp) djangoCheck(c *devConfig, o *dev.Options) *dev.Check {
	text, err := os.ReadFile(filepath.Join(o.Dir, "manage.py"))
	if err != nil || !strings.Contains(string(text), "DJANGO_SETTINGS_MODULE") {
		return nil
	}
	python, err := wsgi.Script(c.Python, o.Dir, nil, "")
	if err != nil {
		return nil // the application says it
	}
	looks := djangoLooks{dir: o.Dir}
	return &dev.Check{Name: "manage.py check", Run: []string{python.Path, "-c", djangoScript}, Dir: o.Dir, When: looks.when, Judge: looks.judge}
}

// djangoLooks is what was seen the last time.
type djangoLooks struct {
	dir     string
	pending bool // there are migrations to apply
}

// when tells whether a change may change the answer: while there are migrations to apply, that
// of the database is one.
func (x *djangoLooks) when(path string) bool {
	switch filepath.Ext(path) {
	case ".py":
		return true
	case ".sqlite3", ".db":
		return x.pending
	}
	return false
}

// judge reads the answer. Without one the settings can not be loaded, which the application
// says, too.
func (x *djangoLooks) judge(out, _ string, _ bool) (*dev.Failure, []string) {
	var answer struct {
		Checks []struct {
			Serious                   bool
			Message, Hint, ID, Object string
		}
		Pending, Unmade []string
		Trouble         string
	}
	_, line, ok := strings.Cut(out, djangoMark)
	if !ok || json.Unmarshal([]byte(line), &answer) != nil {
		return nil, nil
	}
	f := &dev.Failure{Stage: "check", Title: "manage.py check finds fault", Dir: x.dir}
	var notices []string
	for _, m := range answer.Checks {
		text := m.Message
		if m.Object != "" {
			text = m.Object + ": " + text
		}
		if m.ID != "" {
			text += " (" + m.ID + ")"
		}
		if m.Serious {
			f.Faults = append(f.Faults, dev.Fault{Message: text, Mend: m.Hint})
			continue
		}
		if m.Hint != "" {
			text += "; " + m.Hint
		}
		notices = append(notices, "manage.py check warns: "+text)
	}
	x.pending = len(answer.Pending) > 0
	if n := len(answer.Pending); n > 0 {
		notices = append(notices, fmt.Sprintf("%s not applied, of %s: python manage.py migrate", isAre(n, "migration"), strings.Join(labelsOf(answer.Pending), ", ")))
	}
	if len(answer.Unmade) > 0 {
		notices = append(notices, "models have changed without a migration, of "+strings.Join(answer.Unmade, ", ")+": python manage.py makemigrations")
	}
	if answer.Trouble != "" {
		notices = append(notices, "whether migrations wait is not known: "+answer.Trouble)
	}
	if len(f.Faults) == 0 {
		return nil, notices
	}
	return f, notices
}

// labelsOf is the applications of migrations.
func labelsOf(migrations []string) []string {
	var labels []string
	for _, m := range migrations {
		label, _, _ := strings.Cut(m, ".")
		labels = append(labels, label)
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// isAre is "1 migration is", "2 migrations are".
func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return counted(int64(n), what) + " are"
}
