package site

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"spindle/protocol/agent"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/site/dev"
	"spindle/site/dev/inspect"
)

// This file serves a tree while the program around it is being written, with no other
// tool: the program runs itself.

// Dev says how Serve serves. The zero value is what one wants while developing.
type Dev struct {
	// Listen is the endpoint; "" is tcp:8080:interface=127.0.0.1.
	Listen string
	// Off serves without any of it, as in production.
	Off bool
	// Setup changes the Site before it serves: its log, its limits.
	Setup func(s *Site)
	// Flags are for go build, as in -tags=dev.
	Flags []string
	// EnvFiles are read behind .env, .env.local and, where SPINDLE_ENV names an environment,
	// .env.NAME and .env.NAME.local.
	EnvFiles []string
	// Watch is files and directories whose change starts the program again.
	Watch []string
	// Rules come before the standard ones.
	Rules []dev.Rule
	// Hosts are names under which it may be asked, beside those of this machine and IP
	// addresses; see spindle dev --host.
	Hosts []string
	// Editor opens a file; see spindle dev --editor.
	Editor string
	// Messages has the dashboard show the messages of WebSockets: new(websocket.Decoders), which
	// links what a program without WebSockets is spared. nil leaves them alone.
	Messages dev.Messages
	// Output is where it is told what happens; nil is standard error.
	Output io.Writer
}

// Serve serves root on the default reactor until it is stopped. While Dev.Off is not set
// it does so in a process of its own, which is built anew and replaced at every change
// of the source without a request being refused; pages in the browser follow, and panics
// have a page. Where the spindle command is in PATH, which has what this program is spared, the
// page has the variables of every frame and a console, and the dashboard traces and profiles.
// main must call it early: what comes before it runs twice at the first start.
//
//	func main() {
//		log.Fatal(site.Serve(app.Root(), site.Dev{Off: os.Getenv("APP_ENV") == "production"}))
//	}
//
// It needs the go command and the source; without them, and below spindle dev, it serves as
// it is.
//
// Error pages have causes and stacks below a development server alone. With Dev.Off neither
// the source is looked for, nor what a development server leaves in the environment.
func Serve(root resource.Resource, d Dev) error {
	if d.Off {
		return d.serve(root)
	}
	dev.KeepIfAsked()
	if d.Output == nil {
		d.Output = os.Stderr
	}
	_, file, _, _ := runtime.Caller(1)
	source := sourceOf(file)
	if source == "" || dev.Supervised() {
		return d.serve(root)
	}
	return d.supervise(source)
}

func (d *Dev) endpoint() string {
	if d.Listen == "" {
		return "tcp:8080:interface=127.0.0.1"
	}
	return d.Listen
}

// serve is the program itself.
func (d *Dev) serve(root resource.Resource) error {
	s := New(root)
	s.Debug, s.alone = d.debug(), d.Off
	if d.Setup != nil {
		d.Setup(s)
	}
	if _, err := reactor.Listen(d.endpoint(), s); err != nil {
		return err
	}
	return reactor.Run()
}

// debug tells whether error pages have causes and stacks: who runs a program with no
// development server around it, deployed without its source, has forgotten Off.
func (d *Dev) debug() bool { return !d.Off && dev.Supervised() }

// sourceOf is the directory of the main package, "" when it is not here.
func sourceOf(caller string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" || !filepath.IsAbs(caller) {
		return ""
	}
	if _, err := os.Stat(caller); err != nil {
		return ""
	}
	return filepath.Dir(caller)
}

// supervise runs the program again and again.
func (d *Dev) supervise(source string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := dev.StartKeeper(); err != nil {
		return err
	}
	loop := reactor.Default()
	o := dev.Options{Kind: dev.Go, Messages: d.Messages, Dir: here, Source: source, Package: ".", Args: os.Args[1:], BuildFlags: d.Flags,
		Rules: d.Rules, Hosts: d.Hosts, Editor: d.Editor, EnvFiles: dev.FindEnvFiles(here, os.Getenv(dev.EnvironmentVariable), d.EnvFiles), Extra: d.Watch,
		Proxy: func(addr string, secure bool, unanswered func(*resource.Request, error) bool) (resource.Resource, error) {
			return upstream(loop, addr, secure, unanswered)
		}}
	if path, err := exec.LookPath("spindle"); err != nil {
		o.NotInspected = "what reads them is the spindle command, which is not in PATH: go install spindle/cmd/spindle"
	} else {
		o.Inspect, o.Recordings = inspect.New(path), inspect.NewRecordings(path)
	}
	sup, err := dev.New(loop, o)
	if err != nil {
		return err
	}
	sup.Listen(d.tell)
	sup.Listen(func(e dev.Event) { d.tellTicket(sup, e) })
	port, err := reactor.Listen(d.endpoint(), New(sup.Root()))
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Output, "spindle: http://%s/ runs %s, and again at every save\n", port.Addr(), source)
	reactor.CallWhenRunning(sup.Start)
	return reactor.Run()
}

// upstream passes requests on to the program.
func upstream(loop *reactor.Reactor, addr string, secure bool, unanswered func(*resource.Request, error) bool) (resource.Resource, error) {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	p, err := proxy.New(scheme + addr)
	if err != nil {
		return nil, err
	}
	p.Retries, p.MaxFails, p.Unanswered = -1, -1, unanswered
	if secure { // its certificate is for the outside
		p.Pool = agent.NewPool(loop)
		p.Pool.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	return p, nil
}

// tellTicket says where a panic can be looked at, and what its console asks for.
func (d *Dev) tellTicket(sup *dev.Supervisor, e dev.Event) {
	if e.Kind == dev.EventTicket {
		fmt.Fprintf(d.Output, "spindle: ticket %s: %s (%stickets/%s, PIN of the console %s)\n", e.Name, e.Text, dev.Prefix, e.Name, sup.PIN())
	}
}

// tell writes an event for a person.
func (d *Dev) tell(e dev.Event) {
	text := ""
	switch e.Kind {
	case dev.EventChange:
		if text = e.Action; len(e.Paths) == 1 {
			text = e.Paths[0] + ": " + text
		} else if len(e.Paths) > 1 {
			text = fmt.Sprintf("%s and %d more: %s", e.Paths[0], len(e.Paths)-1, text)
		}
	case dev.EventReady:
		text = fmt.Sprintf("ready after %v", e.Took.Round(time.Millisecond))
	case dev.EventFailed:
		text = e.Failure.Title
		for _, f := range e.Failure.Faults {
			text += fmt.Sprintf("\n  %s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
		}
	case dev.EventExit:
		text = "the program ended: " + e.Text
	case dev.EventNotice:
		text = e.Text
	case dev.EventOutput:
		fmt.Fprintln(d.Output, e.Text)
	}
	if text != "" {
		fmt.Fprintln(d.Output, "spindle: "+text)
	}
}
