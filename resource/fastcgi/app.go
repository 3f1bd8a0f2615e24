package fastcgi

import (
	"spindle/resource"
	"spindle/resource/gateway"
)

// App passes every request for its place in the tree, and all below, on to a FastCGI
// application: SCRIPT_NAME is the path that leads to it, PATH_INFO the rest. An App
// belongs to one loop.
type App struct {
	resource.Leaf
	gateway.Application
	// Filename is SCRIPT_FILENAME, for those that need one.
	Filename string
}

// New makes an App for backends such as "unix:/run/app.sock" and "tcp:127.0.0.1:9000".
func New(backends ...string) *App {
	a := new(App)
	a.Backends = backends
	return a
}

// Start tells what is wrong with the fields; else the first request does.
func (a *App) Start() error { return a.Application.Start(wire{}) }

// Pass makes the exchange. See resource.Passer.
func (a *App) Pass(r *resource.Request) (resource.Resource, error) {
	return a.Ask(wire{}, &gateway.Script{Name: gateway.PathOf(r.Prepath()), Filename: a.Filename, PathInfo: gateway.PathOf(r.Postpath())})
}

var _ resource.Passer = (*App)(nil)
