// Package scgi passes requests on to SCGI applications.
//
//	root.PutChild("app", scgi.New("unix:/run/app.sock"))
//
// SCRIPT_NAME is the path that leads to the App, PATH_INFO the rest. There is a
// connection for each request, and its end is that of the answer: one without a
// Content-Length can be cut without anybody seeing it, if the application's end closes the
// connection in an orderly way. Content that comes without its length is collected before
// it is sent.
package scgi

import (
	"spindle/protocol/cgi"
	"spindle/protocol/scgi"
	"spindle/resource"
	"spindle/resource/gateway"
)

// App passes every request for its place in the tree, and all below, on. An App belongs to
// one loop.
type App struct {
	resource.Leaf
	gateway.Application
}

// New makes an App for backends such as "unix:/run/app.sock" and "tcp:127.0.0.1:4000".
func New(backends ...string) *App {
	a := new(App)
	a.Backends = backends
	return a
}

// Start tells what is wrong with the fields; else the first request does.
func (a *App) Start() error { return a.Application.Start(wire{}) }

// Pass makes the exchange. See resource.Passer.
func (a *App) Pass(r *resource.Request) (resource.Resource, error) {
	return a.Ask(wire{}, &gateway.Script{Name: gateway.PathOf(r.Prepath()), PathInfo: gateway.PathOf(r.Postpath())})
}

// wire is SCGI as the gateway speaks it, and the talk of each connection.
type wire struct{}

func (wire) Name() string                        { return "scgi" }
func (wire) NeedsLength() bool                   { return true }
func (wire) Keeps() bool                         { return false }
func (wire) NewTalk() gateway.Talk               { return wire{} }
func (wire) Head(env *cgi.Env, keep bool) []byte { return scgi.AppendHead(nil, env) }

func (wire) AppendBefore(dst []byte, n int) []byte { return dst }
func (wire) AppendEnd(dst []byte) []byte           { return dst }
func (wire) AppendAbort(dst []byte) []byte         { return dst }
func (wire) Between() bool                         { return false }
func (wire) EndsWithConnection() bool              { return true }

func (wire) Read(data []byte) (n int, s gateway.Said, err error) {
	return len(data), gateway.Said{Out: data}, nil
}

var (
	_ resource.Passer = (*App)(nil)
	_ gateway.Wire    = wire{}
	_ gateway.Talk    = wire{}
)
