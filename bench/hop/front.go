package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// This file is what else can stand in front of a program: others that pass requests on, and
// the least that anything can be that does.

// front is one of them. Its command gets the address to listen at and that of the program, and
// has dir for its files; nil where it is not installed.
type front struct {
	name    string
	command func(dir, listen, upstream string) (*exec.Cmd, error)
}

// fronts are asked for an answer that comes at once, where they matter.
var fronts = []front{{"relay", ofThisProgram(relayName)}, {"nginx", nginx}, {"ReverseProxy", ofThisProgram(reverseName)}}

// The first argument of this program where it is a front; the addresses are the others.
const (
	relayName   = "front-relay"
	reverseName = "front-reverse-proxy"
)

// ofThisProgram runs this program as a front.
func ofThisProgram(name string) func(dir, listen, upstream string) (*exec.Cmd, error) {
	return func(_, listen, upstream string) (*exec.Cmd, error) {
		self, err := os.Executable()
		return exec.Command(self, name, listen, upstream), err
	}
}

// runFront is the whole of this program where it is a front, and false where it is not.
func runFront(args []string) (is bool, err error) {
	if len(args) != 4 {
		return false, nil
	}
	switch args[1] {
	case relayName:
		return true, relay(args[2], args[3])
	case reverseName:
		return true, reverse(args[2], args[3])
	}
	return false, nil
}

// relay copies bytes, of one connection after the other: what one read gives goes to the other
// side, and then the other side is read. It knows nothing of HTTP, and waits for nothing but the
// two reads, so it is good for requests and answers that are written in one piece, and the least
// that a process in between can do.
func relay(listen, upstream string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	if err := syscall.SetNonblock(int(file.Fd()), false); err != nil {
		return err
	}
	to, err := newClient(upstream, "/")
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	buffer := make([]byte, 1<<16)
	for {
		from, _, err := syscall.Accept(int(file.Fd()))
		if err != nil {
			return err
		}
		_ = syscall.SetsockoptInt(from, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if err := to.connect(); err != nil {
			return err
		}
		for pass(from, to.fd, buffer) && pass(to.fd, from, buffer) {
		}
		to.close()
		_ = syscall.Close(from)
	}
}

// pass copies what one read gives; false when there is nothing more.
func pass(from, to int, buffer []byte) bool {
	n, err := call(syscall.SYS_READ, from, buffer)
	for err == syscall.EINTR {
		n, err = call(syscall.SYS_READ, from, buffer)
	}
	if err != nil || n == 0 {
		return false
	}
	written, err := call(syscall.SYS_WRITE, to, buffer[:n])
	return err == nil && written == n
}

// reverse is the proxy of the standard library, as it is.
func reverse(listen, upstream string) error {
	return http.ListenAndServe(listen, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream}))
}

const nginxText = `daemon off;
worker_processes 1;
error_log stderr;
pid %[1]s/nginx.pid;
events { worker_connections 64; }
http {
	access_log /dev/null combined;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	keepalive_requests 100000000;
	upstream program { server %[3]s; keepalive 8; keepalive_requests 100000000; }
	server {
		listen %[2]s;
		location / {
			proxy_pass http://program;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}
}
`

// nginx is a reverse proxy that keeps its connections.
func nginx(dir, listen, upstream string) (*exec.Cmd, error) {
	if _, err := exec.LookPath("nginx"); err != nil {
		return nil, nil
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxText, dir, listen, upstream), 0o644); err != nil {
		return nil, err
	}
	return exec.Command("nginx", "-p", dir, "-c", config), nil
}

// before runs a front before a program; nil where it is not installed.
func (f front) before(dir, upstream string) (*running, error) {
	addr, _, err := freeAddr()
	if err != nil {
		return nil, err
	}
	c, err := f.command(dir, addr, upstream)
	if c == nil || err != nil {
		return nil, err
	}
	return start(c, addr)
}
