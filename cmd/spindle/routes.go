package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spindle/reactor"
	"spindle/resource/outline"
	"spindle/site/dev"
)

// This file is spindle routes: which paths an application answers, and by what.

//go:embed python/routes.py
var routesScript string

// routeList is what spindle routes prints.
type routeList struct {
	Target    string  `json:"target"`
	Framework string  `json:"framework"`
	Routes    []route `json:"routes"`
}

// route is one of them. Without methods it answers all, or its code decides.
type route struct {
	Path    string   `json:"path"`
	Methods []string `json:"methods,omitempty"`
	Name    string   `json:"name,omitempty"`
	Handler string   `json:"handler,omitempty"`
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
}

const routesLong = `Print which paths an application answers, with which methods, and what answers them.

A Python application is loaded, not served, and its routes are those that Flask, Django,
Bottle, Pyramid, CherryPy, web.py, Quixote, Werkzeug or Paste has for it, also behind
middleware. A program of Spindle is built and run for a moment, at a port of its own, and
asked for its tree of resources. What any other program answers is known to itself alone.

Without a target it is that of spindle.toml, or what is found here, as for 'spindle dev'.
The dashboard of 'spindle dev' has the same as a picture.`

func newRoutes(out, errs *os.File) *cobra.Command {
	p := new(project)
	asJSON := false
	cmd := &cobra.Command{
		Use:   "routes [target]",
		Short: "Print which paths an application answers",
		Long:  routesLong,
		Example: `  spindle routes
  spindle routes app.py
  spindle routes mysite.wsgi:application --json
  spindle routes ./cmd/web`,
		RunE: func(_ *cobra.Command, args []string) error {
			target, err := oneTargetAtMost(args)
			if err != nil {
				return err
			}
			if err := p.find(target); err != nil {
				return err
			}
			list, err := routesOf(p, errs)
			if err != nil {
				return err
			}
			return list.print(out, asJSON)
		},
	}
	p.addTo(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: an object with target, framework and routes")
	return cmd
}

// routesOf asks what p is for its routes.
func routesOf(p *project, errs *os.File) (*routeList, error) {
	switch {
	case p.app != nil:
		return pythonRoutes(p, errs)
	case p.options.Kind == dev.Files:
		return nil, failure{fmt.Errorf("%s is a directory: its paths are its files, and it has no routes", p.options.Dir)}
	}
	list := &routeList{Target: p.what()}
	err := runOnce(p, errs, func(x *once) *reactor.Deferred[struct{}] {
		return reactor.Chain(x.tree(), func(roots []outline.Node) *reactor.Deferred[struct{}] {
			list.Framework = "Spindle"
			for i := range roots {
				list.add(&roots[i])
			}
			return reactor.Succeeded(struct{}{})
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// noTree is why a program has no routes to print.
var errNoTree = failure{errors.New(`this program has no tree of resources that it could tell of, as one of Spindle has. A router of
net/http, gin or chi keeps its routes to itself: they can not be listed from outside. gin prints
them when it starts; a router of chi is listed by chi.Walk`)}

// tree asks a program for its tree. What it tells of itself comes a moment after it answers.
func (x *once) tree() *reactor.Deferred[[]outline.Node] {
	const every, tries = 20 * time.Millisecond, 100
	d := reactor.NewDeferred[[]outline.Node]()
	left := tries
	var try func()
	try = func() {
		x.supervisor.Ask("tree", "").Then(func(raw json.RawMessage) {
			var roots []outline.Node
			if err := json.Unmarshal(raw, &roots); err != nil {
				d.Errback(err)
				return
			}
			d.Callback(roots)
		}, func(err error) {
			if left--; left == 0 || !errors.Is(err, dev.ErrNoProbe) {
				d.Errback(errNoTree)
				return
			}
			x.loop.CallLater(every, try)
		})
	}
	try()
	return d
}

// add adds a resource and those below it.
func (l *routeList) add(n *outline.Node) {
	if n.Methods != "" || len(n.Children) == 0 {
		r := route{Path: "/" + n.Path, Name: n.About, Handler: n.Kind}
		if n.Path == "/" {
			r.Path = "/"
		}
		if n.Methods != "" && n.Methods != "any" {
			r.Methods = strings.FieldsFunc(n.Methods, func(c rune) bool { return c == ' ' || c == ',' })
		}
		l.Routes = append(l.Routes, r)
	}
	for i := range n.Children {
		l.add(&n.Children[i])
	}
	if n.More > 0 {
		l.Routes = append(l.Routes, route{Path: "/" + strings.TrimPrefix(n.Path+"/", "/") + "…", Name: fmt.Sprintf("%d more", n.More)})
	}
}

// pythonRoutes loads an application of Python and asks it.
func pythonRoutes(p *project, errs *os.File) (*routeList, error) {
	c, err := p.script(behindScript + "\n" + routesScript)
	if err != nil {
		return nil, err
	}
	return askRoutes(c, p.app.target, errs)
}

// askRoutes runs the script that asks an application.
func askRoutes(c *exec.Cmd, target string, errs *os.File) (*routeList, error) {
	answer, err := answerOf(c, errs)
	if err != nil {
		return nil, err
	}
	list := &routeList{Target: target}
	var known struct {
		Kind      string  `json:"kind"`
		Framework string  `json:"framework"`
		Routes    []route `json:"routes"`
	}
	if err := json.Unmarshal(answer, &known); err != nil {
		return nil, failure{fmt.Errorf("%s: the script that asks for routes ended without an answer", target)}
	}
	if known.Framework == "" {
		return nil, failure{fmt.Errorf(`%s is loaded, and its routes are its own affair: it is %s, and none of Flask, Django, Bottle,
Pyramid, CherryPy, web.py, Quixote, Werkzeug and Paste is found in it or behind it`, target, known.Kind)}
	}
	list.Framework, list.Routes = known.Framework, known.Routes
	return list, nil
}

// answerOf runs a script and gives what it writes to descriptor 3. What the application prints
// goes to errs, nil for nowhere.
func answerOf(c *exec.Cmd, errs *os.File) ([]byte, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, failure{err}
	}
	defer ours.Close()
	if c.ExtraFiles = []*os.File{theirs}; errs != nil {
		c.Stdout, c.Stderr = errs, errs
	}
	err = c.Start()
	_ = theirs.Close()
	if err != nil {
		return nil, failure{err}
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Wait()
		_ = ours.SetReadDeadline(time.Now().Add(afterEnd))
	}()
	answer, readErr := io.ReadAll(ours)
	if err := <-ended; err != nil {
		return nil, errTold // the script has
	}
	if errors.Is(readErr, os.ErrDeadlineExceeded) {
		readErr = nil // what the application has started holds the pipe
	}
	return answer, readErr
}

// afterEnd is how long it is waited for what a script has printed when it has ended: what the
// application has started may hold the pipe open for ever.
const afterEnd = 2 * time.Second

// print writes the routes, in columns or as JSON.
func (l *routeList) print(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if l.Routes == nil {
			l.Routes = []route{}
		}
		return e.Encode(l)
	}
	fmt.Fprintf(out, "%s: %s, %s\n\n", l.Target, l.Framework, counted(int64(len(l.Routes)), "route"))
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, r := range l.Routes {
		methods := strings.Join(r.Methods, ",")
		if methods == "" {
			methods = "any"
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join([]string{"  " + methods, r.Path, r.Name, r.Handler, r.place()}, "\t"), "\t"))
	}
	return w.Flush()
}

// place is where the source is, as a terminal makes a link of it.
func (r *route) place() string {
	if r.File == "" {
		return ""
	}
	path := shortPath(r.File)
	if filepath.IsAbs(path) { // of a library
		return ""
	}
	return fmt.Sprintf("%s:%d", path, r.Line)
}
