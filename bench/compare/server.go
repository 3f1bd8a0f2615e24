package main

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// limitName is the server that HTTP/1.1 in the clear is divided by, ours the one that
// has to reach the bars.
const (
	limitName = "limit-c"
	ours      = "spindle"
)

// wire is what is spoken on a port.
type wire uint8

const (
	plain      wire = 1 << iota // HTTP/1.1 in the clear
	h2c                         // HTTP/2 in the clear
	https                       // HTTP/1.1 over TLS 1.3
	h2                          // HTTP/2 over TLS 1.3
	socketEcho                  // WebSocket: what comes goes back
	socketAll                   // WebSocket: what comes goes to all
)

func (w wire) secure() bool { return w&(https|h2) != 0 }
func (w wire) socket() bool { return w&(socketEcho|socketAll) != 0 }

// server is one that can be started.
type server struct {
	name     string
	version  string
	missing  string // why it cannot be started; "": it can
	speaks   wire   // all that it can
	freePort bool   // it does not choose a port itself
	command  func(w *workspace, as wire, addr string) (*exec.Cmd, error)
}

// servers are all, with those marked that are missing here.
func servers(w *workspace, failed map[string]error) []*server {
	return []*server{
		{name: limitName, version: "C", speaks: plain, command: binary("limit")},
		built(w, failed, ours, "target", "", plain|h2c|https|h2|socketEcho|socketAll),
		built(w, failed, "gnet", "gnetwildcat", "github.com/panjf2000/gnet/v2", plain),
		nginx(),
		built(w, failed, "fasthttp", "fasthttp", "github.com/valyala/fasthttp", plain|https),
		built(w, failed, "net/http", "nethttp", "", plain|h2c|https|h2),
		built(w, failed, "chi", "chi", "github.com/go-chi/chi/v5", plain),
		twisted(),
		built(w, failed, "gobwas/ws", "wsgnet", "github.com/gobwas/ws", socketEcho),
		built(w, failed, "gws", "wsgws", "github.com/lxzan/gws", socketEcho),
		built(w, failed, "write(2)", "wswrite", "", socketAll),
	}
}

// binary starts a program of the workspace.
func binary(file string) func(*workspace, wire, string) (*exec.Cmd, error) {
	return func(w *workspace, as wire, addr string) (*exec.Cmd, error) {
		cmd := exec.Command(w.path(file), "-listen", addr, "-root", w.root)
		if as.secure() {
			cmd.Args = append(cmd.Args, "-tls", addr, "-cert", w.cert, "-key", w.key)
		}
		cmd.Env = oneCore()
		return cmd, nil
	}
}

func built(w *workspace, failed map[string]error, name, file, module string, speaks wire) *server {
	s := &server{name: name, speaks: speaks, command: binary(file)}
	if err := failed[file]; err != nil {
		s.missing = "does not build: " + err.Error()
		return s
	}
	s.version = version(w.path(file), module)
	return s
}

func nginx() *server {
	s := &server{name: "nginx", speaks: plain | h2c | https | h2, freePort: true, command: nginxCommand}
	path, err := exec.LookPath("nginx")
	if err != nil {
		s.missing = "not installed"
		return s
	}
	out, _ := exec.Command(path, "-v").CombinedOutput()
	_, s.version, _ = strings.Cut(strings.TrimSpace(string(out)), "nginx/")
	return s
}

// nginxConf: 1 directory, 2 user line, 3 descriptors, 4 connections, 5 address and
// what is spoken there, 6 files, 7 certificate and 8 key.
const nginxConf = `daemon off;
worker_processes 1;
%[2]s
pid %[1]s/pid;
error_log stderr crit;
worker_rlimit_nofile %[3]d;
events { worker_connections %[4]d; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_timeout 300s;
	keepalive_requests 1000000000;
	types { text/html html; }
	default_type application/octet-stream;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[5]s backlog=4096;
		ssl_certificate %[7]s;
		ssl_certificate_key %[8]s;
		ssl_protocols TLSv1.3;
		location = / { default_type text/plain; return 200 "Hello, World!"; }
		location = /plaintext { default_type text/plain; return 200 "Hello, World!"; }
		location = /json { default_type application/json; return 200 '{"message":"Hello, World!"}'; }
		location /files/ { alias %[6]s/; }
	}
}
`

func nginxCommand(w *workspace, as wire, addr string) (*exec.Cmd, error) {
	dir, err := os.MkdirTemp(w.dir, "nginx-")
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // its own user may not read the temporary directory
	}
	files := descriptorLimit()
	listen := addr + map[wire]string{h2c: " http2", https: " ssl", h2: " ssl http2"}[as]
	conf := fmt.Sprintf(nginxConf, dir, user, files, files-100, listen, w.root, w.cert, w.key)
	name := filepath.Join(dir, "nginx.conf")
	return exec.Command("nginx", "-p", dir, "-c", name, "-e", "stderr"), os.WriteFile(name, []byte(conf), 0o644)
}

// pythons may have Twisted; Debian's is not always the first on the path.
var pythons = []string{"python3", "/usr/bin/python3"}

func twisted() *server {
	s := &server{name: "twisted", speaks: plain, freePort: true, missing: "not installed"}
	for _, python := range pythons {
		out, err := exec.Command(python, "-c", "import twisted; print(twisted.__version__)").Output()
		if err != nil {
			continue
		}
		s.version, s.missing = strings.TrimSpace(string(out)), ""
		s.command = func(w *workspace, _ wire, addr string) (*exec.Cmd, error) {
			host, port, err := net.SplitHostPort(addr)
			return exec.Command(python, "-c", twistedScript, host, port, w.root), err
		}
		break
	}
	return s
}

const twistedScript = `
import sys
from twisted.internet import epollreactor
epollreactor.install()
from twisted.internet import reactor
from twisted.web import resource, server, static

class Text(resource.Resource):
    isLeaf = True
    def __init__(self, kind, body):
        resource.Resource.__init__(self)
        self.kind, self.body = kind, body
    def render_GET(self, request):
        request.setHeader(b"content-type", self.kind)
        return self.body

class Echo(resource.Resource):
    isLeaf = True
    def render_POST(self, request):
        request.setHeader(b"content-type", request.getHeader(b"content-type") or b"application/octet-stream")
        return request.content.read()

host, port, root = sys.argv[1:]
static.File.contentTypes = {".html": "text/html"}
tree = resource.Resource()
tree.putChild(b"", Text(b"text/plain", b"Hello, World!"))
tree.putChild(b"plaintext", Text(b"text/plain", b"Hello, World!"))
tree.putChild(b"json", Text(b"application/json", b'{"message":"Hello, World!"}'))
tree.putChild(b"echo", Echo())
tree.putChild(b"files", static.File(root))
reactor.listenTCP(int(port), server.Site(tree, timeout=600), backlog=4096, interface=host)
reactor.run()
`

// chosen are those named in only, separated by commas, and those that others are
// divided by; all for "".
func chosen(all []*server, only string, references map[string]bool) ([]*server, error) {
	if only == "" {
		return all, nil
	}
	want := maps.Clone(references)
	for _, name := range strings.Split(only, ",") {
		want[strings.TrimSpace(name)] = true
	}
	var some []*server
	for _, s := range all {
		if want[s.name] {
			some = append(some, s)
			delete(want, s.name)
		}
	}
	for name := range want {
		return nil, fmt.Errorf("no server %q; there are %s", name, serverNames(all))
	}
	return some, nil
}

func serverNames(all []*server) string {
	var s []string
	for _, x := range all {
		s = append(s, x.name)
	}
	return strings.Join(s, ", ")
}
