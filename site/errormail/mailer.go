package errormail

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"spindle/reactor"
)

// This file is what becomes of errors on the loop.

// Mailer mails errors. Its fields are set before the first record and not changed afterwards;
// zero means the default that stands beside each.
type Mailer struct {
	// Level is from where on records are mailed; slog.LevelError.
	Level slog.Leveler
	// Interval is the time within which equal errors are one mail; 10 min. Errors are equal
	// when level, message, status and err (or error, or panic) are.
	Interval time.Duration
	// MaxKinds is how many different errors have mails of their own within Interval; 20. The
	// others are counted, in one mail.
	MaxKinds int
	// Username and Password are for a mail server that wants to know who writes; "" for one
	// that does not. They are sent over TLS alone, or on this machine.
	Username, Password string
	// TLS is how the connection is made safe; nil verifies the server's name. It is, from the
	// start, at port 465, and elsewhere when the server offers it (STARTTLS) and is not on this
	// machine.
	TLS *tls.Config
	// Program is the name in the subject of the mails; that of the executable file.
	Program string
	// Logger takes why a mail could not be sent; nil is slog.Default().
	Logger *slog.Logger

	server string
	from   string
	to     []string
	host   string // of this machine
	loop   reactor.Loop
	post   func(text []byte) error // sends a mail; blocks
	posted atomic.Int32            // notes on their way to the loop
	lost   atomic.Int64            // that found no room

	kinds   map[string]*kind
	others  int // errors of more kinds than MaxKinds
	queue   [][]byte
	sending bool
	failed  int                  // tries of the first of queue
	retry   *reactor.DelayedCall // nil without
	count   int                  // of mails, for their ids
	ending  *reactor.Deferred[struct{}]
}

// kind is errors that are equal, from the first until none has come for an Interval.
type kind struct {
	last  *note
	since time.Time // of the first that no mail tells of
	count int       // of those
	ids   []string
}

// Bounds that are no settings.
const (
	maxPosted  = 256
	maxQueue   = 50
	maxIDs     = 20
	firstRetry = 30 * time.Second
	lastRetry  = 10 * time.Minute
	endTimeout = 10 * time.Second
)

// New makes a Mailer on l, which writes from an address to others by way of a mail server, as
// host:port. What it has not sent when l stops is sent then, for 10 s at most.
func New(l reactor.Loop, server, from string, to ...string) *Mailer {
	m := &Mailer{server: server, from: from, to: to, loop: l, kinds: map[string]*kind{}}
	m.post = m.deliver
	if m.host, _ = os.Hostname(); m.host == "" {
		m.host = "localhost"
	}
	l.CallFromThread(func() { l.AddSystemEventTrigger(reactor.During, reactor.Shutdown, m.end) })
	return m
}

func (m *Mailer) level() slog.Level {
	if m.Level != nil {
		return m.Level.Level()
	}
	return slog.LevelError
}

func (m *Mailer) interval() time.Duration {
	if m.Interval > 0 {
		return m.Interval
	}
	return 10 * time.Minute
}

func (m *Mailer) maxKinds() int {
	if m.MaxKinds > 0 {
		return m.MaxKinds
	}
	return 20
}

func (m *Mailer) log() *slog.Logger {
	if m.Logger != nil {
		return m.Logger
	}
	return slog.Default()
}

// take brings an error to the loop, if there is room. Any goroutine.
func (m *Mailer) take(make func() *note) {
	if m.posted.Add(1) > maxPosted {
		m.posted.Add(-1)
		m.lost.Add(1)
		return
	}
	n := make()
	m.loop.CallFromThread(func() {
		m.posted.Add(-1)
		m.received(n)
	})
}

// received counts an error, and mails the first of its kind.
func (m *Mailer) received(n *note) {
	if k := m.kinds[n.key]; k != nil {
		if k.count++; k.count == 1 {
			k.since = n.at
		}
		k.last = n
		if n.id != "" && len(k.ids) < maxIDs {
			k.ids = append(k.ids, n.id)
		}
		return
	}
	if len(m.kinds) >= m.maxKinds() {
		if m.others++; m.others == 1 {
			m.loop.CallLater(m.interval(), m.tellOthers)
		}
		return
	}
	m.kinds[n.key] = &kind{}
	m.loop.CallLater(m.interval(), func() { m.tellMore(n.key) })
	m.enqueue(1, func() []byte { return m.first(n) })
}

// tellMore mails what has come since the last mail of a kind, if anything has.
func (m *Mailer) tellMore(key string) {
	k := m.kinds[key]
	switch {
	case k == nil:
		return
	case k.count == 0:
		delete(m.kinds, key)
		return
	}
	m.enqueue(k.count, func() []byte { return m.more(k) })
	m.kinds[key] = &kind{}
	m.loop.CallLater(m.interval(), func() { m.tellMore(key) })
}

// tellOthers mails that there were more kinds of errors than have mails of their own.
func (m *Mailer) tellOthers() {
	if m.others > 0 {
		m.enqueue(m.others, m.otherKinds)
		m.others = 0
	}
}

// enqueue has a mail about so many errors written and sent, if there is room.
func (m *Mailer) enqueue(n int, write func() []byte) {
	if len(m.queue) >= maxQueue {
		m.lost.Add(int64(n))
		return
	}
	m.queue = append(m.queue, write())
	m.next()
}

// next sends the first mail of the queue, unless one is on its way or a pause is.
func (m *Mailer) next() {
	if m.sending || m.retry != nil || len(m.queue) == 0 {
		m.ended()
		return
	}
	m.sending = true
	text := m.queue[0]
	reactor.DeferToThreadPool(m.loop.ThreadPool(), func() (struct{}, error) { return struct{}{}, m.post(text) }).
		Then(func(struct{}) { m.sent(nil) }, m.sent)
}

// sent is told how it went. What the server may take another time is tried again.
func (m *Mailer) sent(err error) {
	m.sending = false
	if err != nil && !forGood(err) && m.ending == nil {
		pause := min(firstRetry<<min(m.failed, 10), lastRetry)
		m.failed++
		m.log().Warn(ownWords+"a mail could not be sent; it is tried again", "server", m.server, "after", pause, "err", err)
		m.retry = m.loop.CallLater(pause, func() {
			m.retry = nil
			m.next()
		})
		return
	}
	if err != nil {
		m.log().Warn(ownWords+"a mail could not be sent", "server", m.server, "err", err)
	}
	m.failed = 0
	m.queue = m.queue[1:]
	m.next()
}

// end sends what is left when the loop stops. What is late is given up.
func (m *Mailer) end() *reactor.Deferred[struct{}] {
	if m.ending != nil {
		return m.ending
	}
	m.ending = reactor.NewDeferred[struct{}]()
	for key, k := range m.kinds {
		if k.count > 0 {
			m.enqueue(k.count, func() []byte { return m.more(k) })
			m.kinds[key] = &kind{}
		}
	}
	m.tellOthers()
	if m.retry != nil {
		m.retry.Cancel()
		m.retry = nil
	}
	m.loop.CallLater(endTimeout, func() {
		if !m.ending.Settled() {
			m.log().Warn(ownWords+"mails were not sent before the end", "mails", len(m.queue), "server", m.server)
			m.ending.Callback(struct{}{})
		}
	})
	m.next()
	return m.ending
}

// ended tells the loop that nothing is left.
func (m *Mailer) ended() {
	if m.ending != nil && !m.ending.Settled() && !m.sending && len(m.queue) == 0 {
		m.ending.Callback(struct{}{})
	}
}

// Check tells what is wrong with what New is to be given; nil when nothing is. It asks nobody.
func Check(server, from string, to ...string) error {
	if len(to) == 0 {
		return errors.New("errormail: nobody is named to write to")
	}
	for _, a := range append([]string{from}, to...) {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	return checkServer(server)
}
