package cgi

import (
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"time"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/gateway"
)

// Settings is how scripts are run. The fields are set before the first request and not
// changed afterwards. In each limit zero means the default that stands beside it,
// negative means none.
type Settings struct {
	// Variables are given to every script, in place of those that the request makes.
	Variables protocol.Fields
	// Inherit names the variables of this process that a script gets too; nil means PATH,
	// LANG, LC_ALL, TZ, TMPDIR and LD_LIBRARY_PATH.
	Inherit []string
	// Authorization passes the credentials of the client on.
	Authorization bool
	// TimeLimit is how long a script may take, until it has written all; 60 s. Beyond: 504,
	// or the answer is cut.
	TimeLimit time.Duration
	// Grace is how long a script that was told to end may take for it; 5 s.
	Grace time.Duration
	// MaxOutput is how much content a script may write; 1 GiB. Beyond, it is cut.
	MaxOutput int64
	// MaxBodyBytes is how much content a request may bring; the site's limit. Beyond: 413.
	MaxBodyBytes int64
	// MaxRunning is how many scripts run at once; 64.
	MaxRunning int
	// MaxWaiting is how many requests wait for their turn; 256. Beyond: 503.
	MaxWaiting int
	// Patience is how long they wait; 10 s. Beyond: 503.
	Patience time.Duration
	// Files is what X-Sendfile and X-Accel-Redirect of a script may lead to.
	Files *gateway.Files
	// Logger takes what scripts write to standard error, and what goes wrong; nil is
	// slog.Default().
	Logger *slog.Logger

	queue *gateway.Queue
}

var inherited = []string{"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}

func (s *Settings) log() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// State is how it does, for a person. Loop only.
func (s *Settings) State() string { return s.queue.State() }

// start makes what the fields ask for.
func (s *Settings) start() {
	if s.queue != nil {
		return
	}
	s.queue = &gateway.Queue{Running: gateway.Limit(s.MaxRunning, 64), Waiting: gateway.Limit(s.MaxWaiting, 256),
		Patience: gateway.Limit(s.Patience, 10*time.Second)}
	if s.MaxWaiting < 0 {
		s.queue.Waiting = 1 << 30
	}
}

// Dir serves the scripts below a directory. One that is made for a directory is the whole
// rest of the path: what is no script there is 404, so that no source is ever shown,
// unless Rest has something to say.
type Dir struct {
	resource.Leaf
	Settings
	// Path is the directory.
	Path string
	// Extensions says which files are scripts, by ending (".py", case matters), and the
	// interpreter that runs them ("/usr/bin/python3"); "" runs the file itself. nil means
	// that every file is a script that may be executed.
	Extensions map[string]string
	// Index is the scripts that answer for a directory, the first that is there; nil means
	// index.cgi.
	Index []string
	// Rest answers for files that are no scripts, directories without an index, and
	// names that are not there; nil means 404, and 403 for a directory.
	Rest resource.Resource

	finder *gateway.Finder
}

// New makes a Dir that serves every executable file below path.
func New(path string) *Dir { return &Dir{Path: path} }

// Pass finds the script. See resource.Passer.
func (d *Dir) Pass(r *resource.Request) (resource.Resource, error) {
	if d.finder == nil {
		d.begin()
	}
	return d.finder.Find(r, func(found gateway.Found) (resource.Resource, error) {
		switch {
		case found.Kind == gateway.IsScript:
			s := d.finder.ScriptAt(r, found)
			return newRun(&d.Settings, s, d.Extensions[path.Ext(found.Name)]), nil
		case found.Kind == gateway.NeedSlash:
			return gateway.Slash{}, nil
		case d.Rest != nil:
			return d.Rest, nil
		case found.Kind == gateway.IsDir:
			return nil, resource.ErrForbidden
		case found.Kind == gateway.IsFile:
			d.log().Warn("cgi: asked for a file that is no script here", "file", filepath.Join(d.Path, found.Name), "why", d.whyNot())
		}
		return nil, resource.ErrNotFound
	})
}

func (d *Dir) whyNot() string {
	if d.Extensions == nil {
		return "it may not be executed"
	}
	return "its ending is not that of scripts"
}

func (d *Dir) begin() {
	d.start()
	if abs, err := filepath.Abs(d.Path); err == nil {
		d.Path = abs
	}
	index := d.Index
	if index == nil {
		index = []string{"index.cgi"}
	}
	d.finder = &gateway.Finder{Root: d.Path, Index: index, Script: d.isScript}
}

func (d *Dir) isScript(name string, mode fs.FileMode) bool {
	if d.Extensions == nil {
		return mode&0o111 != 0
	}
	_, is := d.Extensions[path.Ext(name)]
	return is
}

// Script is one script that answers for its place in the tree and all below.
type Script struct {
	resource.Leaf
	Settings
	// Path is the script.
	Path string
	// Interpreter runs it; "" runs the file itself.
	Interpreter string
	// Root is DOCUMENT_ROOT; "" is the directory that the script is in.
	Root string
}

// Pass makes the run. See resource.Passer.
func (s *Script) Pass(r *resource.Request) (resource.Resource, error) {
	s.start()
	file, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, err
	}
	at := &gateway.Script{Name: gateway.PathOf(r.Prepath()), Filename: file, PathInfo: gateway.PathOf(r.Postpath()), Root: s.Root}
	if at.Root == "" {
		at.Root = filepath.Dir(file)
	}
	return newRun(&s.Settings, at, s.Interpreter), nil
}

var (
	_ resource.Passer = (*Dir)(nil)
	_ resource.Passer = (*Script)(nil)
)
