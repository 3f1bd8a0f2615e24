package fastcgi

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"spindle/resource"
	"spindle/resource/gateway"
)

// PHP serves a directory with PHP scripts in it. What is left of the path behind a script
// is its PATH_INFO; a directory is answered by its index.php; other files are for Files.
// Only scripts that are there are asked for, so that nothing else is ever run.
type PHP struct {
	resource.Leaf
	gateway.Application
	// Root is the directory.
	Root string
	// BackendRoot is where the directory is for php-fpm, when that sees another file
	// system; "" means Root.
	BackendRoot string
	// Extensions is the endings of scripts; nil means .php. Nothing with one of them goes to
	// Files, nor .phtml, .phar and .inc, whatever their case.
	Extensions []string
	// Index is the scripts that answer for a directory; nil means index.php.
	Index []string
	// Fallback is the script below Root that answers for what is not there, such as
	// "index.php" of an application that has its own routes; "" means none. It finds the
	// path in REQUEST_URI.
	Fallback string
	// Files answers for what is no script, such as a static.Dir of the same directory; nil
	// means 404.
	Files resource.Resource

	finder *gateway.Finder
}

// NewPHP makes a PHP for the scripts below root, at backends such as
// "unix:/run/php/php8.2-fpm.sock".
func NewPHP(root string, backends ...string) *PHP {
	p := &PHP{Root: root}
	p.Backends = backends
	return p
}

// Start tells what is wrong with the fields; else the first request does.
func (p *PHP) Start() error { return p.Application.Start(wire{}) }

// Pass finds the script. See resource.Passer.
func (p *PHP) Pass(r *resource.Request) (resource.Resource, error) {
	if p.finder == nil {
		p.begin()
	}
	return p.finder.Find(r, func(found gateway.Found) (resource.Resource, error) { return p.answers(r, found) })
}

// answers is what answers for what was found.
func (p *PHP) answers(r *resource.Request, found gateway.Found) (resource.Resource, error) {
	switch {
	case found.Kind == gateway.IsScript:
		return p.run(p.finder.ScriptAt(r, found))
	case found.Kind == gateway.IsFile && p.Files != nil && !p.secret(found.Name):
		return p.Files, nil
	case found.Kind == gateway.NeedSlash:
		return gateway.Slash{}, nil
	case found.Kind == gateway.Refused:
		return nil, resource.ErrForbidden
	case p.Fallback != "":
		s := p.finder.ScriptAt(r, gateway.Found{Name: p.Fallback, Segments: len(r.Postpath())})
		s.PathInfo = ""
		return p.run(s)
	case found.Kind == gateway.IsDir && p.Files != nil:
		return p.Files, nil
	}
	return nil, resource.ErrNotFound
}

// run passes the request on, with the names that php-fpm knows.
func (p *PHP) run(s *gateway.Script) (resource.Resource, error) {
	if p.BackendRoot != "" {
		if rest, err := filepath.Rel(p.Root, s.Filename); err == nil {
			s.Filename = filepath.Join(p.BackendRoot, rest)
		}
		s.Root = p.BackendRoot
	}
	return p.Ask(wire{}, s)
}

func (p *PHP) begin() {
	if abs, err := filepath.Abs(p.Root); err == nil {
		p.Root = abs
	}
	index := p.Index
	if index == nil {
		index = []string{"index.php"}
	}
	if p.Extensions == nil {
		p.Extensions = []string{".php"}
	}
	p.finder = &gateway.Finder{Root: p.Root, Index: index, Script: p.isScript}
}

func (p *PHP) isScript(name string, _ fs.FileMode) bool {
	for _, ext := range p.Extensions {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

// secret tells whether a file is source that is not to be shown.
func (p *PHP) secret(name string) bool {
	lower := strings.ToLower(name)
	switch path.Ext(lower) {
	case ".php", ".phtml", ".phar", ".inc":
		return true
	}
	return p.isScript(lower, 0)
}

var _ resource.Passer = (*PHP)(nil)
