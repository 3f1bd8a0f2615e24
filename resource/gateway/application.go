package gateway

import (
	"fmt"
	"log/slog"
	"time"

	"spindle/protocol"
	"spindle/resource"
)

// Application passes requests on to an application that is spoken to by a Wire. What
// embeds it gives it that, and says which Script a request is for. The fields are set
// before the first request and not changed afterwards. In each limit zero means the
// default that stands beside it, negative means none. An Application belongs to one loop.
type Application struct {
	// Backends is where the application answers: "unix:/run/app.sock",
	// "tcp:127.0.0.1:9000".
	Backends []string
	// Variables are added, in place of those that the request makes.
	Variables protocol.Fields
	// NoKeep makes a connection for each request, as a Wire does that can not keep it.
	NoKeep bool
	// MaxIdle is how many connections to each backend are kept while nothing is asked;
	// 32.
	MaxIdle int
	// IdleTimeout is how long; 10 s.
	IdleTimeout time.Duration
	// MaxRunning is how many requests are under way at once, with all backends; 256.
	MaxRunning int
	// MaxWaiting is how many wait for their turn; 1024. Beyond: 503.
	MaxWaiting int
	// Patience is how long they wait; 30 s. Beyond: 503.
	Patience time.Duration
	// ConnectTimeout is the time to connect; 5 s. Beyond, another backend is tried; 504.
	ConnectTimeout time.Duration
	// ReadTimeout is how long the application may say nothing; 60 s. Beyond: 504, or the
	// answer is cut.
	ReadTimeout time.Duration
	// DownTime is how long a backend is left out that could not be reached; 10 s.
	DownTime time.Duration
	// MaxBodyBytes is how much content a request may bring; the site's limit. Beyond: 413.
	MaxBodyBytes int64
	// Sendfile is what X-Sendfile and X-Accel-Redirect may lead to.
	Sendfile *Files
	// Logger takes what the application writes to its standard error, and what goes wrong;
	// nil is slog.Default().
	Logger *slog.Logger

	wire Wire
	pool *pool
}

// Start makes what the fields ask for, and tells what is wrong with them. The first
// request does it too; then an error is its answer.
func (a *Application) Start(w Wire) error {
	if a.pool != nil {
		return nil
	}
	a.wire = w
	backends, err := NewBackends(a.Backends)
	if err != nil {
		return err
	}
	a.pool = &pool{app: a, backends: backends, idle: make(map[*Backend][]*conn)}
	a.pool.queue = Queue{Running: int(Limit(a.MaxRunning, 256)), Waiting: int(Limit(a.MaxWaiting, 1024)),
		Patience: Limit(a.Patience, 30*time.Second)}
	if a.MaxWaiting < 0 {
		a.pool.queue.Waiting = 1 << 30
	}
	return nil
}

// Ask is the resource that passes a request for s on by w.
func (a *Application) Ask(w Wire, s *Script) (resource.Resource, error) {
	if err := a.Start(w); err != nil {
		return nil, err
	}
	return &exchange{app: a, script: s}, nil
}

// State is how it does, for a person: whether its backends could be reached when they were
// asked last, and what is under way.
func (a *Application) State() string {
	if a.pool == nil || a.pool.loop == nil {
		return "not asked yet"
	}
	list, now := a.pool.backends.All(), a.pool.loop.Now()
	up, kept := 0, 0
	for _, b := range list {
		kept += len(a.pool.idle[b])
		if !b.Down(now) {
			up++
		}
	}
	return fmt.Sprintf("%d of %d up, %s, %d kept", up, len(list), a.pool.queue.State(), kept)
}

func (a *Application) keeps() bool { return !a.NoKeep && a.wire.Keeps() }

func (a *Application) log() *slog.Logger {
	if a.Logger != nil {
		return a.Logger
	}
	return slog.Default()
}

// Limit is the value of a limit that was set to v: 0 stands for the default, negative for
// none, which is told as 0.
func Limit[T int | int64 | time.Duration](v, byDefault T) T {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return 0
	}
	return v
}
