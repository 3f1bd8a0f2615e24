package site

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/protocol/http1"
	"spindle/protocol/http2"
	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

// Site serves a tree of resources to the connections of one loop. It is a
// reactor.Factory. The fields are set before it listens and not changed afterwards. In
// each limit zero means the default that stands beside it, negative means none.
type Site struct {
	// Root is where the walk down the tree begins.
	Root resource.Resource
	// ServerName is the Server field of every answer; "" is "Spindle", "-" sends
	// none.
	ServerName string
	// Log is told of each exchange that is over, and of each refused head; nil
	// logs nothing and costs nothing.
	Log AccessLogger
	// ErrorLog takes what goes wrong; nil is slog.Default().
	ErrorLog *slog.Logger
	// ErrorPage makes the pages of errors in place of the stock ones. It sets
	// Content-Type itself; nil as a result asks for the stock page.
	ErrorPage func(r *resource.Request, e *resource.Error) []byte
	// TrustedProxies are those whose word about the client is taken: the fields
	// X-Forwarded-For and X-Forwarded-Proto.
	TrustedProxies []netip.Prefix
	// Forwarded tells that they write the field Forwarded (RFC 7239), and those
	// two, which a client can then forge, are not looked at.
	Forwarded bool
	// Debug shows causes and stacks on error pages, and the walk down the tree on those
	// of a 404, and logs each use of a Request after its end. It costs memory and speed.
	// Below a development server (spindle dev) it is so without it.
	Debug bool

	// MaxRequestLineBytes limits the request line; 8 KiB. Beyond: 414.
	MaxRequestLineBytes int
	// MaxFieldBytes limits the header block; 64 KiB. Beyond: 431.
	MaxFieldBytes int
	// MaxFields limits the number of its fields; 100. Beyond: 431.
	MaxFields int
	// MaxBodyBytes limits the content of a request; 32 MiB. Beyond: 413. A
	// resource may set its own limit.
	MaxBodyBytes int64
	// MemoryBodyBytes is how much of it stays in memory; 64 KiB. What is longer
	// goes to a temporary file in TempDir.
	MemoryBodyBytes int
	// MaxFormFields limits the fields of a form; 1000. Beyond: 413.
	MaxFormFields int
	// MaxFormValueBytes limits the value of a field that is not a file; 1 MiB.
	// Beyond: 413.
	MaxFormValueBytes int64
	// TempDir is where temporary files are made; "" is the system's place.
	TempDir string
	// MaxQueuedBytes is how much of the answers may wait for a client that reads
	// slowly; 1 MiB. Beyond, no further request of it is begun.
	MaxQueuedBytes int
	// MaxConnections limits the connections of this Site; zero and negative are no
	// limit but that of the reactor (reactor.Reactor.MaxConnections). At either limit
	// the connection that has been idle longest is closed; when none is idle the new
	// one gets 503.
	MaxConnections int

	// MaxStreams limits the requests under way on one connection of HTTP/2; 250.
	// Beyond, the client is told to try again.
	MaxStreams int
	// NoHTTP2 serves HTTP/1 alone: it does not offer HTTP/2 where there is TLS, and
	// does not take it on plain ports from clients that know beforehand.
	NoHTTP2 bool
	// UpgradeHTTP2 lets a client of HTTP/1.1 on a plain port ask to go on with HTTP/2
	// ("Upgrade: h2c", RFC 7540 §3.2). RFC 9113 has dropped that, and it costs an
	// allocation for each request of HTTP/1.
	UpgradeHTTP2 bool

	// HeadTimeout is the time to the first byte of a connection, and then to the
	// end of its first head; 10 s. Beyond: close, or 408.
	HeadTimeout time.Duration
	// MinBodyRate is the least rate of content, in bytes per second; 1024.
	MinBodyRate int
	// BodyTimeout is how long content may fall behind it; 20 s. Beyond: 408.
	BodyTimeout time.Duration
	// IdleTimeout is the time between requests; 60 s. Beyond: close.
	IdleTimeout time.Duration
	// WriteTimeout is how long a client may take nothing of what waits for it;
	// 60 s. Beyond: the connection is aborted.
	WriteTimeout time.Duration
	// HalfCloseTimeout is how long a client of HTTP/1 that has closed its sending half waits
	// for some of its answer; 10 s. Beyond: the connection is aborted.
	HalfCloseTimeout time.Duration
	// IdleGrace is how long, when the reactor stops, an idle connection may still send a
	// request, which is answered as its last. 0 is 300 ms where another process may go on to
	// accept at the same socket (LISTEN_FDS), so that a replacement costs no request, and else
	// none: it is closed at once. Negative: none.
	IdleGrace time.Duration
	// DrainTimeout is how long requests may go on when the reactor stops; 30 s.
	// Beyond, they are aborted.
	DrainTimeout time.Duration

	loop     reactor.Loop
	http1    *http1.Factory
	http2    *http2.Factory
	hosted   hosted
	gateways []*cgi.Factory // of FastCGI and SCGI
	room     int            // connections of both; 0: no limit
	requests *resource.Dispatcher
	counters Counters
	meter    *Meter
	entry    Entry     // used again for each line
	hinted   time.Time // of the last hint
	probed   *probed   // nil unless a development server looks
	alone    bool      // Debug counts, also where a development server looks
}

// New makes a Site for the tree below root, with every limit at its default.
func New(root resource.Resource) *Site { return &Site{Root: root} }

// StartFactory makes what belongs to the loop. See reactor.FactoryStarter.
func (s *Site) StartFactory(l reactor.Loop) {
	s.hosted.mu.Lock()
	defer s.hosted.mu.Unlock()
	s.start(l)
}

func (s *Site) start(l reactor.Loop) {
	switch {
	case s.Root == nil:
		panic("site: no Root")
	case s.loop == l:
		return // the site had ports before
	case s.loop != nil:
		panic("site: one Site for two loops: each needs its own, with its own tree")
	}
	s.loop = l
	if probe.Wanted() {
		s.startProbe(l)
	}
	s.requests = &resource.Dispatcher{
		Root:              s.Root,
		MaxBodyBytes:      s.MaxBodyBytes,
		MemoryBodyBytes:   s.MemoryBodyBytes,
		MaxFormFields:     s.MaxFormFields,
		MaxFormValueBytes: s.MaxFormValueBytes,
		TempDir:           s.TempDir,
		TrustedProxies:    s.TrustedProxies,
		Forwarded:         s.Forwarded,
		ErrorPage:         s.ErrorPage,
		ErrorLog:          s.ErrorLog,
		Debug:             s.Debug || probe.Wanted() && !s.alone,
		Finished:          s.finished,
	}
	if s.probed != nil {
		s.requests.Watch = s.probed.watchRequest
	}
	s.room = max(s.MaxConnections, 0)
	s.startProtocols()
	l.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, s.drain)
}

// settings is the limits as the protocol takes them.
func (s *Site) settings() *http1.Settings {
	return &http1.Settings{
		ServerName:          s.ServerName,
		MaxRequestLineBytes: s.MaxRequestLineBytes,
		MaxFieldBytes:       s.MaxFieldBytes,
		MaxFields:           s.MaxFields,
		MaxQueuedBytes:      s.MaxQueuedBytes,
		Full:                s.full,
		FirstByteTimeout:    s.HeadTimeout,
		HeadTimeout:         s.HeadTimeout,
		IdleTimeout:         s.IdleTimeout,
		BodyTimeout:         s.BodyTimeout,
		MinBodyRate:         s.MinBodyRate,
		WriteTimeout:        s.WriteTimeout,
		HalfCloseTimeout:    s.HalfCloseTimeout,
		Logger:              s.ErrorLog,
	}
}

// StopFactory does nothing: the connections that are there go on. See
// reactor.FactoryStarter.
func (s *Site) StopFactory() {}

// BuildProtocol makes the protocol of a new connection. See reactor.Factory.
func (s *Site) BuildProtocol(peer reactor.Addr) reactor.Protocol {
	return s.http1.BuildProtocol(peer)
}

// NewReceiver makes the Request of an exchange. See protocol.Server.
func (s *Site) NewReceiver(c protocol.Channel) protocol.Receiver {
	if s.UpgradeHTTP2 && !s.NoHTTP2 {
		if c, is := c.(*http1.Channel); is {
			return &upgradable{site: s, c: c}
		}
	}
	return s.newRequest(c)
}

func (s *Site) newRequest(c protocol.Channel) protocol.Receiver {
	s.counters.Begin()
	return s.requests.NewReceiver(c)
}

// HeadRefused counts and logs a request that the protocol answered itself. See
// protocol.Server.
func (s *Site) HeadRefused(peer reactor.Addr, e *protocol.Error, received []byte) {
	s.counters.Refuse(e.Status)
	if e.Status == 0 {
		s.hint(peer, e)
	}
	if s.Log == nil {
		return
	}
	s.entry = Entry{Time: s.loop.Now(), Peer: peer, Target: received, Status: e.Status, Refused: e.Reason}
	s.Log.Log(&s.entry)
	s.entry = Entry{}
}

// hint writes what could not be answered to the error log: TLS on a plain port. Once a
// second at most.
func (s *Site) hint(peer reactor.Addr, e *protocol.Error) {
	now := s.loop.Now()
	if now.Sub(s.hinted) < time.Second {
		return
	}
	s.hinted = now
	log := s.ErrorLog
	if log == nil {
		log = slog.Default()
	}
	log.Warn("site: "+e.Reason, "peer", peer.String())
}

// finished counts and logs an exchange that is over.
func (s *Site) finished(r *resource.Request, err error) {
	status := r.Status()
	if status == 0 {
		status = refusedStatus(err)
	}
	s.counters.End(status, r.BodyLength(), r.BytesWritten(), err != nil)
	if s.Log == nil {
		return
	}
	s.entry = Entry{
		Time:     r.Started(),
		Duration: s.readClock().Sub(r.Started()),
		Peer:     r.ClientAddr(),
		Method:   r.Method(),
		Target:   r.TargetBytes(),
		Version:  r.Version(),
		Status:   status,
		Bytes:    r.BytesWritten(),
		Referer:  r.FieldBytes("Referer"),
		Agent:    r.FieldBytes("User-Agent"),
		ErrorID:  r.ErrorID(),
		Aborted:  err != nil,
		Stopped:  errors.Is(err, reactor.ErrStopped),
	}
	s.Log.Log(&s.entry)
	s.entry = Entry{}
}

// refusedStatus is what the protocol answered when the content of a request could not
// be read; 0 when it was something else that ended the exchange.
func refusedStatus(err error) int {
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

// readClock is the time at this moment if the loop can tell, so that a log line also
// shows what was answered within one callback; else that of the callback.
func (s *Site) readClock() time.Time {
	if c, ok := s.loop.(interface{ ReadClock() time.Time }); ok {
		return c.ReadClock()
	}
	return s.loop.Now()
}

// drain lets the requests under way end when the reactor stops: idle connections
// close when IdleGrace is over, the others when their answer is done or when DrainTimeout is over.
func (s *Site) drain() *reactor.Deferred[struct{}] {
	patience := s.DrainTimeout
	if patience == 0 {
		patience = 30 * time.Second
	}
	drained := reactor.NewDeferred[struct{}]()
	var timer *reactor.DelayedCall
	if patience > 0 {
		timer = s.loop.CallLater(patience, s.abort)
	}
	left := 3 + len(s.gateways)
	done := func() {
		if left--; left > 0 {
			return
		}
		if timer != nil {
			timer.Cancel()
		}
		drained.Callback(struct{}{})
	}
	if grace := s.idleGrace(); grace > 0 {
		s.http1.DrainSoon(grace, done)
	} else {
		s.http1.Drain(done)
	}
	s.http2.Drain(done)
	s.hosted.factory.Drain(done)
	for _, g := range s.gateways {
		g.Drain(done)
	}
	return drained
}

func (s *Site) idleGrace() time.Duration {
	if s.IdleGrace != 0 {
		return s.IdleGrace
	}
	if l, ok := s.loop.(interface{ SharesSocket() bool }); ok && l.SharesSocket() {
		return 300 * time.Millisecond
	}
	return 0
}

// abort ends all connections at once.
func (s *Site) abort() {
	s.http1.Abort()
	s.http2.Abort()
	s.hosted.factory.Abort()
	for _, g := range s.gateways {
		g.Abort()
	}
}

// Counters is what the Site has counted. Loop only.
func (s *Site) Counters() Counters { return s.counters }

// Connections is the connections at this moment. Loop only.
func (s *Site) Connections() Connections {
	if s.http1 == nil {
		return Connections{}
	}
	h1, h2 := s.http1.Stats(), s.http2.Stats()
	c := Connections{
		Open:     h1.Open + h2.Open,
		Idle:     h1.Idle + h2.Idle,
		Accepted: int64(h1.Accepted + h2.Accepted),
	}
	for _, g := range s.gateways {
		stats := g.Stats()
		c.Open += stats.Open
		c.Idle += stats.Idle
		c.Accepted += int64(stats.Accepted)
	}
	return c
}

// Stats is all figures of the Site. Those over time are measured from the first call
// on, ten times a second. Loop only, after the Site has a port.
func (s *Site) Stats() Snapshot {
	if s.meter == nil {
		s.meter = NewMeter(s.loop, &s.counters)
	}
	return s.meter.Snapshot(s.Connections())
}

var (
	_ reactor.FactoryStarter = (*Site)(nil)
	_ protocol.Server        = (*Site)(nil)
)
