package fastcgi

import (
	"log/slog"
	"time"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/gateway"
)

// App passes every request for its place in the tree, and all below, on to a FastCGI
// application: SCRIPT_NAME is the path that leads to it, PATH_INFO the rest. The fields
// are set before the first request and not changed afterwards. In each limit zero means
// the default that stands beside it, negative means none. An App belongs to one loop.
type App struct {
	resource.Leaf
	// Backends is where the application answers: "unix:/run/app.sock",
	// "tcp:127.0.0.1:9000".
	Backends []string
	// Filename is SCRIPT_FILENAME, for those that need one.
	Filename string
	// Variables are added, in place of those that the request makes.
	Variables protocol.Fields
	// NoKeep makes a connection for each request.
	NoKeep bool
	// MaxIdle is how many connections to each backend are kept while nothing is asked;
	// 8.
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
	// Files is what X-Sendfile and X-Accel-Redirect may lead to.
	Files *gateway.Files
	// Logger takes what the application writes to its standard error, and what goes wrong;
	// nil is slog.Default().
	Logger *slog.Logger

	pool *pool
}

// Start makes what the fields ask for, and tells what is wrong with them. The first
// request does it too; then an error is its answer.
func (a *App) Start() error {
	if a.pool != nil {
		return nil
	}
	backends, err := gateway.NewBackends(a.Backends)
	if err != nil {
		return err
	}
	a.pool = &pool{app: a, backends: backends, idle: make(map[*gateway.Backend][]*conn)}
	a.pool.queue = gateway.Queue{Running: int(orDefault(a.MaxRunning, 256)), Waiting: int(orDefault(a.MaxWaiting, 1024)),
		Patience: orDefault(a.Patience, 30*time.Second)}
	if a.MaxWaiting < 0 {
		a.pool.queue.Waiting = 1 << 30
	}
	return nil
}

// Pass makes the exchange. See resource.Passer.
func (a *App) Pass(r *resource.Request) (resource.Resource, error) {
	return a.ask(&gateway.Script{Name: gateway.PathOf(r.Prepath()), Filename: a.Filename, PathInfo: gateway.PathOf(r.Postpath())})
}

// ask is the resource that passes a request for s on.
func (a *App) ask(s *gateway.Script) (resource.Resource, error) {
	if err := a.Start(); err != nil {
		return nil, err
	}
	return &exchange{app: a, script: s}, nil
}

func (a *App) log() *slog.Logger {
	if a.Logger != nil {
		return a.Logger
	}
	return slog.Default()
}

// orDefault is the value of a limit: 0 for none.
func orDefault[T int | int64 | time.Duration](v, byDefault T) T {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return 0
	}
	return v
}

var _ resource.Passer = (*App)(nil)
