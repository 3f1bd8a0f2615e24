package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file is a listening port: accepting, its limits, and what happens when
// there are no descriptors left. How its socket is made is in listen.go.

const (
	acceptBudget = 64              // connections taken in one turn
	acceptRetry  = time.Second / 4 // after the system had no room

	ownDescriptors = 32 // kept for what is no accepted connection

	maxRefusals = 64              // refused clients that are told so at one time
	refusalTime = 2 * time.Second // for a refused client to read why
)

// Port is a listening socket. Loop only, but for Addr.
type Port struct {
	r         *Reactor
	factory   Factory
	endpoint  Endpoint
	tls       *tls.Config // nil for plain connections
	source    *tlsSource  // of its certificates, when this port watches them
	reload    *DelayedCall
	fd        int
	addr      atomic.Pointer[Addr] // for Addr, which any goroutine may call
	unlock    func()               // of a UNIX socket: gives its path and lock back
	listening bool
	paused    bool // by PauseAccepting
	held      bool // until this process is ready: another one accepts at the same socket
	open      int  // connections
	retrying  bool // accept has failed; a timer tries again
	complaint time.Time
	hinted    time.Time
}

// Shedder is a Factory that helps when there are more connections than may be.
type Shedder interface {
	Factory
	// ShedIdle loses the connection that has been idle longest. false means
	// that none is idle.
	ShedIdle() bool
	// Refusal is what a client is sent that finds no place, before its
	// connection is closed; it may be nil.
	Refusal() []byte
}

// Addr is what the port listens on; after port 0, the one that the system chose.
// Any goroutine.
func (p *Port) Addr() Addr {
	if a := p.addr.Load(); a != nil {
		return *a
	}
	return Addr{}
}

// Endpoint is what the port was made from.
func (p *Port) Endpoint() Endpoint { return p.endpoint }

// Secure tells whether its connections begin with TLS.
func (p *Port) Secure() bool { return p.tls != nil }

// Listening tells whether the port accepts.
func (p *Port) Listening() bool { return p.listening }

// Connections is the number of its open connections.
func (p *Port) Connections() int { return p.open }

// StopListening closes the listening socket. Its connections go on.
func (p *Port) StopListening() {
	p.r.loop.check()
	p.stop()
}

// StartListening listens again after StopListening, on the same address and
// port. The error says what is wrong.
func (p *Port) StartListening() error {
	p.r.loop.check()
	if p.listening {
		return nil
	}
	if p.endpoint.Kind == EndpointFD || p.endpoint.Kind == EndpointSystemd {
		return fmt.Errorf("reactor: %s can not be listened on again: its descriptor is closed", p.endpoint)
	}
	e := p.endpoint
	if e.Port == 0 {
		e.Port = int(p.Addr().Port)
	}
	return p.start(e)
}

// PauseAccepting leaves clients that come in the queue of the socket, for ResumeAccepting or for
// another process that has the socket, too (File). Connections go on.
func (p *Port) PauseAccepting() {
	p.r.loop.check()
	p.paused = true
}

// ResumeAccepting accepts again, those first who have come meanwhile.
func (p *Port) ResumeAccepting() {
	p.r.loop.check()
	if p.paused {
		p.paused = false
		p.r.posted.post(p.accept)
	}
}

// File is a copy of the listening socket, to be given to another process: as long as one of
// them has it, clients are not refused. The caller closes it.
func (p *Port) File() (*os.File, error) {
	p.r.loop.check()
	if !p.listening {
		return nil, fmt.Errorf("reactor: %s does not listen", p.endpoint)
	}
	fd, err := unix.FcntlInt(uintptr(p.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, errnoError("dup", err)
	}
	return os.NewFile(uintptr(fd), p.endpoint.String()), nil
}

// start makes the socket and puts it under the loop.
func (p *Port) start(e Endpoint) error {
	r := p.r
	if err := r.open(); err != nil {
		return err
	}
	stand := standInFor(e)
	s, err := openListener(stand)
	if err != nil {
		return err
	}
	if stand.Kind == EndpointFD || stand.Kind == EndpointSystemd {
		r.sharing = r.sharing || !e.ours
		p.held = !r.toldReady && notifySocket() != ""
	}
	p.fd, p.unlock = s.fd, s.unlock
	p.addr.Store(&s.addr)
	r.startFactory(p.factory)
	if err := r.register(p.fd, p); err != nil {
		r.stopFactory(p.factory)
		p.closeSocket()
		return err
	}
	p.listening, p.paused = true, false
	r.ports = append(r.ports, p)
	if p.source != nil {
		p.watch(p.source)
		p.obtain(p.source)
	}
	return nil
}

func (p *Port) closeSocket() {
	sysClose(p.fd)
	if p.unlock != nil {
		p.unlock()
	}
}

func (p *Port) stop() {
	if !p.listening {
		return
	}
	p.listening = false
	r := p.r
	if p.reload != nil {
		p.reload.Cancel()
		p.reload = nil
	}
	if p.source != nil && p.source.obtainer != nil {
		p.source.obtainer.Stop()
	}
	r.unregister(p.fd)
	p.closeSocket()
	for i, q := range r.ports {
		if q == p {
			r.ports = append(r.ports[:i], r.ports[i+1:]...)
			break
		}
	}
	r.stopFactory(p.factory)
}

// startFactory and stopFactory count the ports of a factory that wants to know.
func (r *Reactor) startFactory(f Factory) {
	s, ok := f.(FactoryStarter)
	if !ok || !reflect.TypeOf(f).Comparable() {
		return
	}
	if r.factories == nil {
		r.factories = make(map[FactoryStarter]int)
	}
	if r.factories[s]++; r.factories[s] == 1 {
		s.StartFactory(r)
	}
}

func (r *Reactor) stopFactory(f Factory) {
	s, ok := f.(FactoryStarter)
	if !ok || !reflect.TypeOf(f).Comparable() {
		return
	}
	if r.factories[s]--; r.factories[s] == 0 {
		delete(r.factories, s)
		r.contain(s.StopFactory)
	}
}

// doReady is called when clients wait.
func (p *Port) doReady(ready) { p.accept() }

// accept takes as many clients as are there, up to a budget a turn.
func (p *Port) accept() {
	for range acceptBudget {
		if !p.listening || p.paused || p.held {
			return
		}
		fd, peer, e := sysAccept(p.fd)
		switch e {
		case 0:
			p.take(fd, peer)
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE:
			if !p.makeRoom(e) {
				return
			}
		default:
			if clientGone(e) {
				continue
			}
			p.complain(e)
			p.retryLater()
			return
		}
	}
	p.r.posted.post(p.accept)
}

// clientGone tells of an accept that failed for this client only: it has left
// meanwhile, or a rule forbids it. The next one may be fine.
func clientGone(e syscall.Errno) bool {
	switch e {
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENETDOWN, unix.EHOSTDOWN,
		unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENOPROTOOPT, unix.EOPNOTSUPP:
		return true
	}
	return false
}

// take makes a connection of an accepted descriptor.
func (p *Port) take(fd int, peer Addr) {
	r := p.r
	if r.accepted >= r.maxConnections() && !p.shed() {
		p.refuse(fd, peer)
		return
	}
	proto := p.protocol(peer)
	if proto == nil {
		sysClose(fd)
		return
	}
	c, err := r.newConn(fd, peer, proto)
	if err != nil {
		r.logger().Error("reactor: connection dropped", "peer", peer.String(), "err", err)
		sysClose(fd)
		return
	}
	c.port = p
	p.open++
	r.accepted++
	c.made()
}

// protocol is TLS, or what the factory makes.
func (p *Port) protocol(peer Addr) Protocol {
	if p.tls != nil {
		return p.r.secureConn(p.factory, p.tls, false)
	}
	return p.build(peer)
}

func (p *Port) build(peer Addr) (proto Protocol) {
	p.r.contain(func() { proto = p.factory.BuildProtocol(peer) })
	return proto
}

// gone is told by a connection of this port that it is over.
func (p *Port) gone() {
	p.open--
	p.r.accepted--
}

// maxConnections is the limit, found out once.
func (r *Reactor) maxConnections() int {
	if r.limit == 0 {
		r.limit = r.MaxConnections
		if r.limit == 0 {
			r.limit = max(connectionShare(descriptorLimit())/max(r.sharers, 1), 1)
		}
	}
	return r.limit
}

// connectionShare is how many of so many descriptors connections may have.
func connectionShare(descriptors int) int {
	return min(descriptors/10*9, descriptors-ownDescriptors)
}

func descriptorLimit() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(uint64(l.Cur), 1<<30))
}

// shed asks the factory to make a place.
func (p *Port) shed() bool {
	s, ok := p.factory.(Shedder)
	return ok && s.ShedIdle()
}

// refuse tells a client that there is no place for it.
func (p *Port) refuse(fd int, peer Addr) {
	r := p.r
	s, ok := p.factory.(Shedder)
	if !ok || p.tls != nil || r.refusing >= maxRefusals || s.Refusal() == nil {
		sysClose(fd)
		return
	}
	c, err := r.newConn(fd, peer, &refusal{text: s.Refusal()})
	if err != nil {
		sysClose(fd)
		return
	}
	r.refusing++
	c.extra().onLost = func() { r.refusing-- }
	c.made()
}

// refusal is the protocol of a client without a place: it says so, and waits a
// little for the client to have read it.
type refusal struct {
	text  []byte
	t     Transport
	timer *DelayedCall
}

func (f *refusal) ConnectionMade(t Transport) {
	f.t = t
	t.Write(f.text)
	t.LoseWriteConnection()
	f.timer = t.Loop().CallLater(refusalTime, t.AbortConnection)
}
func (f *refusal) DataReceived([]byte)  {}
func (f *refusal) ReadConnectionLost()  { f.t.LoseConnection() }
func (f *refusal) WriteConnectionLost() {}
func (f *refusal) ConnectionLost(error) { f.timer.Cancel() }

// makeRoom deals with a process or system that has no descriptor left: the
// reserve is given up to take one client and close it, so that it does not wait
// for ever; and the port looks again in a while.
func (p *Port) makeRoom(e syscall.Errno) bool {
	p.complain(e)
	if p.shed() {
		p.retryLater()
		return false
	}
	r := p.r
	if r.reserve < 0 {
		p.retryLater()
		return false
	}
	r.closeReserve()
	fd, _, e := sysAccept(p.fd)
	if e == 0 {
		if s, ok := p.factory.(Shedder); ok && p.tls == nil {
			_, _ = sysWrite(fd, s.Refusal())
		}
		sysClose(fd)
	}
	r.openReserve()
	if e != 0 || r.reserve < 0 {
		p.retryLater()
		return false
	}
	return true
}

// complain logs a failed accept, at most once a second.
func (p *Port) complain(e syscall.Errno) {
	if now := p.r.Now(); now.Sub(p.complaint) >= time.Second {
		p.complaint = now
		p.r.logger().Warn("reactor: accept failed; clients wait or are turned away until there is room",
			"port", p.Addr().String(), "err", e, "connections", p.r.accepted)
	}
}

// hint logs what a client did wrong, at most once a second. nil is no port.
func (p *Port) hint(text string, peer Addr) {
	if p == nil {
		return
	}
	if now := p.r.Now(); now.Sub(p.hinted) >= time.Second {
		p.hinted = now
		p.r.logger().Warn(text, "port", p.Addr().String(), "peer", peer.String())
	}
}

func (p *Port) retryLater() {
	if p.retrying {
		return
	}
	p.retrying = true
	p.r.timers.CallLater(acceptRetry, func() {
		p.retrying = false
		p.accept()
	})
}

// openReserve takes the descriptor that is given up in need.
func (r *Reactor) openReserve() {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	r.reserve = fd
}

func (r *Reactor) closeReserve() {
	if r.reserve >= 0 {
		sysClose(r.reserve)
		r.reserve = -1
	}
}

// Listen makes a port of an endpoint string, such as
// "tcp:8080:interface=127.0.0.1", "unix:/run/web.sock" or
// "tls:443:cert=fullchain.pem:key=key.pem"; see ParseEndpoint.
// Loop only.
func (r *Reactor) Listen(endpoint string, f Factory) (*Port, error) {
	e, err := ParseEndpoint(endpoint)
	if err != nil {
		return nil, r.fail(err)
	}
	return r.ListenEndpoint(e, f)
}

// ListenEndpoint is Listen for an endpoint that is parsed already. Loop only.
func (r *Reactor) ListenEndpoint(e Endpoint, f Factory) (*Port, error) {
	r.loop.check()
	if f == nil {
		return nil, r.fail(errors.New("reactor: Listen: the factory is nil"))
	}
	if e.TLS != nil {
		s, err := openTLS(e.TLS, f, time.Now())
		if err != nil {
			return nil, r.fail(err)
		}
		return r.listenTLS(e, f, s, true)
	}
	p := &Port{r: r, factory: f, endpoint: e}
	if err := p.start(e); err != nil {
		return nil, r.fail(err)
	}
	return p, nil
}

// ListenTCP listens on a TCP port of all interfaces, IPv4 and IPv6; 0 has the
// system choose one. Loop only. An error that the caller drops is what Run
// returns; who goes on without that port says so by ClearError.
func (r *Reactor) ListenTCP(port int, f Factory) (*Port, error) {
	return r.ListenEndpoint(Endpoint{Kind: EndpointTCP, Port: port}, f)
}

// ListenTLS is ListenTCP with TLS: config has at least a certificate or a function
// that finds one. Its NextProtos (ALPN) are the factory's if it is a
// NegotiatedFactory and config names none. Loop only.
func (r *Reactor) ListenTLS(port int, f Factory, config *tls.Config) (*Port, error) {
	return r.ListenEndpointTLS(Endpoint{Kind: EndpointTCP, Port: port}, f, config)
}

// ListenEndpointTLS is ListenTLS for an endpoint. Loop only.
func (r *Reactor) ListenEndpointTLS(e Endpoint, f Factory, config *tls.Config) (*Port, error) {
	r.loop.check()
	if f == nil || config == nil {
		return nil, r.fail(errors.New("reactor: ListenTLS: the factory or the configuration is nil"))
	}
	config = loopConfig(config, f)
	if err := checkServerConfig(config); err != nil {
		return nil, r.fail(err)
	}
	p := &Port{r: r, factory: f, endpoint: e, tls: config}
	if err := p.start(e); err != nil {
		return nil, r.fail(err)
	}
	return p, nil
}

// ListenUNIX listens on a UNIX socket at path, mode 0666. A stale socket of a
// process that is gone is replaced. Loop only.
func (r *Reactor) ListenUNIX(path string, f Factory) (*Port, error) {
	e, err := ParseEndpoint("unix:" + QuoteEndpoint(path))
	if err != nil {
		return nil, r.fail(err)
	}
	return r.ListenEndpoint(e, f)
}

// Ports is the list of listening ports. Loop only. A copy.
func (r *Reactor) Ports() []*Port { return append([]*Port(nil), r.ports...) }
