package reactor

import (
	"net"
	"os"
	"strings"
	"sync"
)

// This file tells whoever started this process that it is ready, and that it is about to
// end, as sd_notify(3) does: systemd (Type=notify), or a development server.

// notifySocket is where that is told, "" when nobody wants to know. Children are not told
// of it: they would speak for this process.
var notifySocket = sync.OnceValue(func() string {
	path := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET")
	return path
})

// notify sends state, such as "READY=1". Any goroutine.
func notify(state string) {
	path := notifySocket()
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return // who asked is gone
	}
	_, _ = c.Write([]byte(state))
	_ = c.Close()
}

// letIn accepts at sockets that another process has, too: not before this one is ready, since
// the clients of one that fails to start would be cut.
func (r *Reactor) letIn() {
	for _, p := range r.ports {
		if p.held {
			p.held = false
			r.posted.post(p.accept)
		}
	}
}

// notifyEvents has the start and the end of the loop told, if it has ports.
func (r *Reactor) notifyEvents() {
	if notifySocket() == "" {
		return
	}
	r.events.Add(After, Startup, func() *Deferred[struct{}] {
		r.toldReady = true
		if len(r.ports) == 0 {
			return nil
		}
		state := "READY=1"
		if r.ports[0].Secure() {
			state += "\nX_SPINDLE_TLS=1"
		}
		notify(state)
		r.letIn()
		return nil
	})
	r.events.Add(Before, Shutdown, func() *Deferred[struct{}] {
		notify("STOPPING=1")
		return nil
	})
}
