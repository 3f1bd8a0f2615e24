package dev

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"spindle/reactor"
	"spindle/site/dev/dap"
)

// debugger is Delve beside the program: one after the other, each attached to the newest
// program, and the port where editors connect, which stay there meanwhile.
type debugger struct {
	s     *Supervisor
	relay dap.Relay
	port  *reactor.Port
	next  *command // that is being attached to a program which is ready; nil for none
	delve *command // that is attached; nil when there is none
}

// network is what the debugger needs of the reactor.
type network interface {
	reactor.Connector
	ListenEndpoint(e reactor.Endpoint, f reactor.Factory) (*reactor.Port, error)
}

// startDebugger opens the port for editors, if it is asked for.
func (s *Supervisor) startDebugger() {
	n, ok := s.loop.(network)
	if s.opts.Debugger == "" || !ok {
		return
	}
	d := &debugger{s: s}
	d.relay.Connect = func(addr string, f reactor.Factory) *reactor.Deferred[reactor.Protocol] {
		host, port, err := splitPort(addr)
		if err != nil {
			return reactor.Failed[reactor.Protocol](err)
		}
		return n.ConnectTCP(host, port, f)
	}
	d.relay.Allowed = func(peer, host reactor.Addr) *reactor.Deferred[bool] {
		return reactor.DeferToThreadPool(s.loop.ThreadPool(), func() (bool, error) { return sameUser(peer, host), nil })
	}
	host, number, err := splitPort(s.opts.Debugger)
	if err == nil {
		d.port, err = n.ListenEndpoint(reactor.Endpoint{Kind: reactor.EndpointTCP, Port: number, Interface: host}, &d.relay)
	}
	if err != nil {
		s.notice("editors can not connect to a debugger at " + s.opts.Debugger + ": " + err.Error())
		return
	}
	s.debugger = d
	if a := d.port.Addr(); !isLocal(a) {
		s.notice("whoever reaches " + a.String() + " can run what he likes as this user, by the debugger: --debugger 127.0.0.1:" + strconv.Itoa(number) + " is for this machine alone")
	}
}

// splitPort takes host:port apart.
func splitPort(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, errors.New(strconv.Quote(text) + " is no port")
	}
	return host, int(n), nil
}

const (
	// delveEnds is how long Delve has to take its breakpoints out of a program that goes on
	// for what it has in hand.
	delveEnds = 2 * time.Second
	// delveBegins is how long a program that is ready waits for the breakpoints.
	delveBegins = 5 * time.Second
)

// attach attaches Delve to a program that is ready. It calls then when the breakpoints of the
// editors that are there have been set in it, so that the first request finds them.
func (d *debugger) attach(g generation, then func()) {
	if d == nil || g.pid() == 0 {
		then()
		return
	}
	d.giveUp()
	run, err := runCommand(d.s.loop, d.s.target.root(), d.s.env(), "dlv", "attach", strconv.Itoa(g.pid()), "--headless", "--listen=127.0.0.1:0",
		"--api-version=2", "--accept-multiclient", "--continue", "--log-dest=2")
	if err != nil {
		d.s.notice("Delve can not be run (" + err.Error() + "): go install github.com/go-delve/delve/cmd/dlv@v1.27.2")
		then()
		return
	}
	once := sync.OnceFunc(then)
	d.next = run
	run.line = func(line string) bool { return d.listens(run, line, once) }
	run.result.Then(func(*command) { d.ended(g, run); once() }, nil)
	if d.relay.Clients() == 0 {
		once()
		return
	}
	late := d.s.loop.CallLater(delveBegins, once)
	run.result.Then(func(*command) { late.Cancel() }, nil)
}

// listens reads where Delve listens. It takes the place of the one before when its program
// runs.
func (d *debugger) listens(run *command, line string, then func()) bool {
	_, addr, found := strings.Cut(line, "server listening at: ")
	if !found {
		return false
	}
	addr = strings.TrimSpace(addr)
	d.relay.WhenRuns(addr, func() {
		if d.next != run {
			return
		}
		d.detach()
		d.next, d.delve = nil, run
		d.relay.Offer(addr, func() {
			d.s.notice("Delve listens at " + d.port.Addr().String())
			then()
		})
	})
	return true
}

// giveUp ends a Delve that has not come to its program.
func (d *debugger) giveUp() {
	was := d.next
	d.next = nil
	d.end(was)
}

// detach has Delve leave its program, which goes on without breakpoints.
func (d *debugger) detach() {
	was := d.delve
	d.delve = nil
	d.relay.Withdraw()
	d.end(was)
}

// end asks a Delve to leave; killed, it would leave its breakpoints behind.
func (d *debugger) end(run *command) {
	if run == nil || run.result.Settled() {
		return
	}
	killGroup(run.child.Pid(), syscall.SIGINT)
	late := d.s.loop.CallLater(delveEnds, run.kill)
	run.result.Then(func(*command) { late.Cancel() }, nil)
}

// ended says why Delve has ended, when the program has not.
func (d *debugger) ended(g generation, run *command) {
	switch run {
	case d.next:
		d.next = nil
	case d.delve:
		d.delve = nil
		d.relay.Withdraw()
	default:
		return
	}
	if d.s.current == g || d.s.next == g {
		d.s.notice("Delve has ended: " + strings.TrimSpace(string(run.errs)))
	}
}

// close ends it with the development server.
func (d *debugger) close() {
	if d == nil {
		return
	}
	d.giveUp()
	d.detach()
	d.port.StopListening()
}
