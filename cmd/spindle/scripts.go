package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/cgi"
	"spindle/resource/fastcgi"
	"spindle/resource/gateway"
	"spindle/resource/scgi"
	"spindle/site"
)

// This file is the part of spindle web that is about CGI and what came of it: scripts and
// applications below paths (--cgi, --php, --fastcgi, --scgi), and the server itself behind
// another one (--as).

// scripts is what these flags ask for.
type scripts struct {
	CGI     []string // /path=directory or script
	PHP     []string // /path=directory@backend,backend
	FastCGI []string // /path=backend,backend
	SCGI    []string
	Front   string // --php-front
	As      string // http, fastcgi, scgi, cgi
}

func (c *scripts) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.CGI, "cgi", nil, "run CGI scripts: the executable files of a directory, as `/path=dir`, or one, as /path=script")
	f.StringArrayVar(&c.PHP, "php", nil, "serve PHP in a directory, as `/path=dir@app`; app is php-fpm's unix:/socket or tcp:host:port, or several")
	f.StringVar(&c.Front, "php-front", "", "`script` of a --php directory that answers for what is not there, as index.php")
	f.StringArrayVar(&c.FastCGI, "fastcgi", nil, "pass on `/path=app` by FastCGI; app is as for --php")
	f.StringArrayVar(&c.SCGI, "scgi", nil, "pass on `/path=app` by SCGI")
	f.StringVar(&c.As, "as", "", "`protocol` at --listen: http (default), or fastcgi or scgi of a web server; cgi answers one request and ends")
}

// check tells what is wrong with the flags.
func (c *scripts) check() error {
	for flag, list := range map[string][]string{"cgi": c.CGI, "php": c.PHP, "fastcgi": c.FastCGI, "scgi": c.SCGI} {
		for _, text := range list {
			if _, _, err := c.mount(flag, text); err != nil {
				return err
			}
		}
	}
	switch c.As {
	case "", "http", "fastcgi", "scgi", "cgi":
	default:
		return fmt.Errorf("--as %s: there are http, fastcgi, scgi and cgi", c.As)
	}
	if c.Front != "" && len(c.PHP) == 0 {
		return fmt.Errorf("--php-front is about a directory of --php: name one")
	}
	if !filepath.IsLocal(c.Front) && c.Front != "" {
		return fmt.Errorf("--php-front %s: give its path below the directory of --php", c.Front)
	}
	return nil
}

// mount makes the resource that a flag asks for.
func (c *scripts) mount(flag, text string) (path string, r resource.Resource, err error) {
	path, what, ok := strings.Cut(text, "=")
	if !ok || !strings.HasPrefix(path, "/") || what == "" {
		example := map[string]string{"cgi": "/path=directory", "php": "/path=directory@unix:/socket"}[flag]
		if example == "" {
			example = "/path=unix:/socket"
		}
		return "", nil, fmt.Errorf("--%s %s: give it as %s", flag, text, example)
	}
	switch flag {
	case "cgi":
		r, err = cgiAt(what)
	case "php":
		r, err = c.phpAt(what)
	case "fastcgi":
		app := fastcgi.New(strings.Split(what, ",")...)
		app.MaxBodyBytes = -1
		r, err = app, app.Start()
	case "scgi":
		app := scgi.New(strings.Split(what, ",")...)
		app.MaxBodyBytes = -1
		r, err = app, app.Start()
	}
	if err != nil {
		return "", nil, fmt.Errorf("--%s %s: %s", flag, text, strings.TrimPrefix(err.Error(), "gateway: "))
	}
	return path, r, nil
}

// cgiAt is a directory of scripts, or one script. What they read is at their own pace, so
// that there is no limit for it.
func cgiAt(path string) (resource.Resource, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("there is no %s%s", path, whereTheNameEnds(path))
	case info.IsDir():
		d := cgi.New(path)
		d.MaxBodyBytes = -1
		return d, nil
	case info.Mode()&0o111 == 0:
		return nil, fmt.Errorf("%s may not be executed: chmod +x %[1]s", path)
	}
	s := &cgi.Script{Path: path}
	s.MaxBodyBytes = -1
	return s, nil
}

// phpAt is a directory with PHP scripts and other files.
func (c *scripts) phpAt(what string) (resource.Resource, error) {
	dir, backends, ok := strings.Cut(what, "@")
	if !ok {
		return nil, fmt.Errorf("say where php-fpm listens, behind an @: %s@unix:/run/php/php-fpm.sock", dir)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", dir)
	}
	p := fastcgi.NewPHP(dir, strings.Split(backends, ",")...)
	p.Files = directory(&webConfig{Path: dir})
	p.Fallback = c.Front
	p.MaxBodyBytes = -1 // php-fpm has its own limits
	p.Sendfile = &gateway.Files{Roots: []string{p.Root}}
	return p, p.Start()
}

// wrap puts what the flags ask for, for one loop, in front of root. check has passed.
func (c *scripts) wrap(root resource.Resource, show shower) resource.Resource {
	m := &mounts{rest: root, show: show}
	for _, at := range []struct {
		flag string
		list []string
	}{{"cgi", c.CGI}, {"php", c.PHP}, {"fastcgi", c.FastCGI}, {"scgi", c.SCGI}} {
		for _, text := range at.list {
			if path, r, err := c.mount(at.flag, text); err == nil {
				m.add(path, "asked for with --"+at.flag, r)
			}
		}
	}
	if len(m.list) == 0 {
		return root
	}
	return m
}

// factory is what speaks the protocol of --as for a site.
func (c *scripts) factory(s *site.Site) reactor.Factory {
	switch c.As {
	case "fastcgi":
		return s.FastCGI()
	case "scgi":
		return s.SCGI()
	}
	return s
}

// behind is the banner of a server that only another server can reach.
func (s *server) behind(w io.Writer) {
	name := map[string]string{"fastcgi": "FastCGI", "scgi": "SCGI"}[s.as]
	fmt.Fprintf(w, "\n  %s, to a web server that asks by %s at\n\n", s.title(), name)
	for _, p := range s.ports {
		fmt.Fprintf(w, "    %s\n", p.Addr())
	}
	fmt.Fprintln(w)
}

// runCGI answers the request that the environment describes.
func (s *server) runCGI() error {
	if os.Getenv("GATEWAY_INTERFACE") == "" || os.Getenv("REQUEST_METHOD") == "" {
		return fmt.Errorf("--as cgi: a web server starts it so, with the request in the environment (GATEWAY_INTERFACE, REQUEST_METHOD); try --as http")
	}
	if s.config.LogFile == "" {
		s.config.Log = "none" // standard output is the answer
	}
	if err := s.openLog(); err != nil {
		return err
	}
	s.build()
	m := s.members[0]
	m.loop.CallLater(0, func() {
		m.site.ServeCGI(m.loop, os.Environ(), os.Stdin, os.Stdout, s.group.Stop)
	})
	err := s.group.Run()
	s.closeLog()
	return err
}
