// Command oneport has one Site serve all that a server may have to: files, a Django
// project, a Flask application, one of PHP, one of gin, CGI scripts and a server of Node,
// each below a path of its own, and drawn at the root with how it does. The parts
// beside it are small ones of each kind; Django makes its own:
//
//	django-admin startproject mysite /tmp/mysite
//	php-fpm8.2 -F -y fpm.conf &           # which listens at /tmp/fpm.sock
//	node node/server.js /tmp/node.sock &
//	go run . -django /tmp/mysite -fpm unix:/tmp/fpm.sock -node unix:/tmp/node.sock
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"spindle/reactor"
	"spindle/resource/cgi"
	"spindle/resource/fastcgi"
	"spindle/resource/handler"
	"spindle/resource/proxy"
	"spindle/resource/static"
	"spindle/resource/wsgi"
	"spindle/site"
	"spindle/site/overview"
)

// parts is where the parts are.
type parts struct {
	dir    string // those beside this program
	static string
	django string // the directory of the project "mysite"
	python string
	fpm    string // where php-fpm listens
	node   string // where the server of Node does
}

func main() {
	var p parts
	listen := flag.String("listen", "tcp:8080:interface=127.0.0.1", "`endpoint` to listen at")
	flag.StringVar(&p.dir, "dir", ".", "`directory` of this program's source")
	flag.StringVar(&p.static, "static", "static", "`directory` of files")
	flag.StringVar(&p.django, "django", "mysite", "`directory` of a Django project with the name mysite")
	flag.StringVar(&p.python, "python", "/usr/bin/python3", "`interpreter` of Python that has Django and Flask")
	flag.StringVar(&p.fpm, "fpm", "unix:/run/php/php8.2-fpm.sock", "`endpoint` of php-fpm")
	flag.StringVar(&p.node, "node", "http://127.0.0.1:3000", "`URL` of the server of Node")
	flag.Parse()

	r := reactor.Default()
	s, err := newSite(r, &p)
	if err != nil {
		log.Fatal(err)
	}
	port, err := r.Listen(*listen, s)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "serving at http://%s/\n", port.Addr())
	log.Fatal(r.Run())
}

// newSite has each part at its path.
func newSite(r *reactor.Reactor, p *parts) (*site.Site, error) {
	s := site.New(nil)
	page := overview.New(overview.NewPanel(r, func() site.Snapshot { return s.Stats() }))

	page.Put("static/", "a directory of files", static.New(p.static))

	django := wsgi.New(r, "mysite.wsgi")
	django.Python, django.Dir, django.Workers, django.Threads = p.python, p.django, 2, 2
	page.Put("django/", "a project as django-admin makes it", django)

	flask := wsgi.New(r, "app.py")
	flask.Python, flask.Dir = p.python, filepath.Join(p.dir, "flask")
	page.Put("flask/", "an application of Flask", flask)

	php := fastcgi.NewPHP(filepath.Join(p.dir, "php"), p.fpm)
	page.Put("php/", "a directory of PHP, by php-fpm", php)

	gin := handler.New(ginApp())
	gin.StripPrefix = true
	page.Put("gin/", "a program of gin, in this process", gin)

	page.Put("cgi/", "scripts, a process for each request", cgi.New(filepath.Join(p.dir, "cgi")))

	node, err := proxy.New(p.node)
	if err != nil {
		return nil, err
	}
	page.Put("node/", "a server of Node, behind a proxy", node)

	django.Start()
	flask.Start()
	s.Root = page.Root()
	return s, nil
}
