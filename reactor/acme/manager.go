package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"spindle/reactor"
)

const (
	longestSleep   = time.Hour       // a clock that was set, or a machine that slept, is noticed
	attemptTime    = 5 * time.Minute // for one attempt
	unreachable    = 5 * time.Second // the first wait when the server can not be asked
	unreachableMax = time.Hour
	refused        = 5 * time.Minute // and when it has refused: five times an hour is what Let's Encrypt lets pass
	refusedMax     = 12 * time.Hour
)

// holding is one name and its certificate.
type holding struct {
	name     string
	cert     *tls.Certificate // nil while there is none
	due      time.Time        // when something is to be done
	failures int              // in a row
}

// manager decides what is due. Its fields belong to the loop, but for the field now.
type manager struct {
	obtain func(ctx context.Context, name string, held *tls.Certificate) (*tls.Certificate, error) // on a thread
	base   time.Duration                                                                           // the first wait after a refusal
	spread func(d time.Duration) time.Duration                                                     // a random part of d

	loop    reactor.Loop
	log     *slog.Logger
	changed func()
	names   []*holding
	timer   *reactor.DelayedCall
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	busy    bool // an attempt is under way
	now     atomic.Pointer[[]*tls.Certificate]
}

func init() {
	reactor.RegisterObtainer(func(o *reactor.ACMEOptions, now time.Time) (reactor.Obtainer, error) { return open(o, now) })
}

// open reads what is kept. Blocks.
func open(o *reactor.ACMEOptions, now time.Time) (*manager, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	i, err := newIssuer(o)
	if err != nil {
		return nil, err
	}
	m := &manager{obtain: i.obtain, base: o.RetryAfter, spread: rand.N[time.Duration]}
	if m.base == 0 {
		m.base = refused
	}
	for _, name := range o.Names {
		name = strings.ToLower(name)
		held, err := i.store.load(name, now)
		if err != nil {
			return nil, err
		}
		m.names = append(m.names, &holding{name: name, cert: held})
	}
	m.publish()
	return m, nil
}

// publish makes the list anew.
func (m *manager) publish() {
	var list []*tls.Certificate
	for _, h := range m.names {
		if h.cert != nil {
			list = append(list, h.cert)
		}
	}
	m.now.Store(&list)
}

// Certificates is those that there are. See reactor.Obtainer.
func (m *manager) Certificates() []*tls.Certificate { return *m.now.Load() }

// Proof is what an authority comes to see. See reactor.Obtainer.
func (m *manager) Proof(name string) *tls.Certificate { return proofs.forName(name) }

// Start begins. See reactor.Obtainer.
func (m *manager) Start(l reactor.Loop, log *slog.Logger, changed func()) {
	m.loop, m.log, m.changed = l, log, changed
	for _, h := range m.names {
		h.failures = 0
		if h.due = l.Now(); h.cert == nil {
			log.Info("acme: a certificate is needed; until it is there, handshakes are refused", "host", h.name)
			continue
		}
		h.due = m.renewal(h.cert.Leaf)
		log.Info("acme: a certificate is kept", "host", h.name, "until", h.cert.Leaf.NotAfter, "renewed", h.due)
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.sleep()
}

// Stop ends it. See reactor.Obtainer.
func (m *manager) Stop() {
	if m.cancel != nil {
		m.cancel()
		m.timer.Cancel()
	}
}

// sleep waits for what is due next, or for the attempt that is under way.
func (m *manager) sleep() {
	if m.busy || m.ctx.Err() != nil {
		return
	}
	next := m.names[0]
	for _, h := range m.names {
		if h.due.Before(next.due) {
			next = h
		}
	}
	wait := next.due.Sub(m.loop.Now())
	if wait > longestSleep {
		m.timer = m.loop.CallLater(longestSleep, m.sleep)
		return
	}
	m.timer = m.loop.CallLater(wait, func() { m.begin(next) })
}

// begin has a thread obtain a certificate.
func (m *manager) begin(h *holding) {
	m.busy = true
	ctx, held := m.ctx, h.cert
	attempt := reactor.DeferToThreadPool(m.loop.ThreadPool(), func() (*tls.Certificate, error) {
		ctx, cancel := context.WithTimeout(ctx, attemptTime)
		defer cancel()
		return m.obtain(ctx, h.name, held)
	})
	end := func(c *tls.Certificate, err error) {
		m.busy = false
		if ctx.Err() == nil {
			m.ended(h, c, err)
		}
		m.sleep()
	}
	attempt.Then(func(c *tls.Certificate) { end(c, nil) }, func(err error) { end(nil, err) })
}

// ended takes what came of an attempt.
func (m *manager) ended(h *holding, c *tls.Certificate, err error) {
	if err != nil {
		m.failed(h, err)
		return
	}
	h.cert, h.failures = c, 0
	h.due = m.renewal(c.Leaf)
	m.publish()
	m.changed()
	m.log.Info("acme: there is a new certificate", "host", h.name, "until", c.Leaf.NotAfter, "renewed", h.due)
}

// failed says so, and when it is tried again.
func (m *manager) failed(h *holding, err error) {
	h.failures++
	wait := m.wait(h.failures, err)
	h.due = m.loop.Now().Add(wait)
	switch {
	case errors.Is(err, errBusy):
		m.log.Debug("acme: another process obtains certificates into the same directory", "host", h.name, "again in", wait)
	case h.cert == nil:
		m.log.Error("acme: there is no certificate yet", "host", h.name, "err", err, "again in", wait)
	case h.cert.Leaf.NotAfter.Before(m.loop.Now()):
		m.log.Error("acme: the certificate has expired and is not renewed", "host", h.name, "err", err, "again in", wait)
	default:
		m.log.Warn("acme: the certificate is not renewed yet; the one before goes on", "host", h.name,
			"until", h.cert.Leaf.NotAfter, "err", err, "again in", wait)
	}
}

// renewal is when a certificate is renewed: when two thirds of its life are over, a
// little earlier or later, so that not all come at once.
func (m *manager) renewal(leaf *x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return leaf.NotBefore.Add(life*2/3 - m.spread(life/30+1))
}

// wait is how long to wait after so many failures in a row: twice as long each time, or
// what the server says.
func (m *manager) wait(failures int, err error) time.Duration {
	first, most := m.base, max(m.base, refusedMax)
	if isUnreachable(err) {
		first, most = min(unreachable, m.base), unreachableMax
	}
	wait := first << min(failures-1, 30)
	if wait <= 0 || wait > most {
		wait = most
	}
	wait += m.spread(wait/10 + 1)
	return max(wait, serverSays(err, m.loop.Now()))
}
