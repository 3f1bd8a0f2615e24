package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// attempts is an authority in memory: what it answers comes from answer.
type attempts struct {
	mu     sync.Mutex
	asked  []string
	answer func(n int, name string) (*tls.Certificate, error)
}

func (a *attempts) obtain(_ context.Context, name string, _ *tls.Certificate) (*tls.Certificate, error) {
	a.mu.Lock()
	a.asked = append(a.asked, name)
	n := len(a.asked)
	a.mu.Unlock()
	return a.answer(n, name)
}

func (a *attempts) made() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.asked, " ")
}

// lives is a certificate for name that lives so long from now on.
func lives(name string, from time.Time, life time.Duration) *tls.Certificate {
	return &tls.Certificate{Leaf: &x509.Certificate{DNSNames: []string{name}, NotBefore: from, NotAfter: from.Add(life)}}
}

// rig is a manager on a loop in memory.
type rig struct {
	*manager
	*attempts
	loop    *reactortest.Loop
	log     strings.Builder
	changes int
}

func newRig(t *testing.T, names ...string) *rig {
	t.Helper()
	r := &rig{loop: reactortest.NewLoop(), attempts: new(attempts)}
	r.loop.SyncThreads = true
	t.Cleanup(r.loop.Close)
	r.manager = &manager{obtain: r.attempts.obtain, base: refused, spread: func(time.Duration) time.Duration { return 0 }}
	for _, name := range names {
		r.names = append(r.names, &holding{name: name})
	}
	r.publish()
	return r
}

func (r *rig) start() {
	r.Start(r.loop, slog.New(slog.NewTextHandler(&r.log, nil)), func() { r.changes++ })
	r.loop.Run()
}

func (r *rig) want(t *testing.T, made string, held int) {
	t.Helper()
	if got := r.made(); got != made {
		t.Errorf("attempts: %q, want %q", got, made)
	}
	if n := len(r.Certificates()); n != held {
		t.Errorf("%d certificates, want %d", n, held)
	}
}

func TestManagerRenews(t *testing.T) {
	const day = 24 * time.Hour
	r := newRig(t, "a", "b")
	r.answer = func(_ int, name string) (*tls.Certificate, error) { return lives(name, r.loop.Now(), 90*day), nil }
	r.start()
	r.want(t, "a b", 2)
	r.loop.Advance(60*day - time.Minute)
	r.want(t, "a b", 2)
	r.loop.Advance(2 * time.Minute)
	r.want(t, "a b a b", 2)
	if r.changes != 4 {
		t.Errorf("%d changes", r.changes)
	}
	r.Stop()
	r.loop.Advance(365 * day)
	r.want(t, "a b a b", 2)
}

// What is kept from before is not obtained again, and may be renewed later.
func TestManagerKept(t *testing.T) {
	r := newRig(t, "a", "b")
	r.answer = func(_ int, name string) (*tls.Certificate, error) {
		return lives(name, r.loop.Now(), 90*time.Hour), nil
	}
	r.names[0].cert = lives("a", r.loop.Now().Add(-30*time.Hour), 90*time.Hour)
	r.publish()
	r.start()
	r.want(t, "b", 2)
	r.loop.Advance(30*time.Hour + time.Minute)
	r.want(t, "b a", 2)
	if !strings.Contains(r.log.String(), "a certificate is kept") || !strings.Contains(r.log.String(), "until it is there, handshakes are refused") {
		t.Error(r.log.String())
	}
}

// The waits after refusals, and after a server that is not there; what the server says
// counts when it is longer.
func TestManagerWaits(t *testing.T) {
	r := newRig(t, "a")
	r.loop.Run()
	r.manager.loop = r.loop
	noServer := fmt.Errorf("get: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")})
	no := errors.New("no")
	slower := &acme.Error{StatusCode: 429, Header: http.Header{"Retry-After": {"7200"}}}
	for _, row := range []struct {
		err      error
		failures int
		want     time.Duration
	}{
		{no, 1, 5 * time.Minute}, {no, 2, 10 * time.Minute}, {no, 4, 40 * time.Minute}, {no, 8, 640 * time.Minute},
		{no, 9, 12 * time.Hour}, {no, 1000, 12 * time.Hour},
		{noServer, 1, 5 * time.Second}, {noServer, 2, 10 * time.Second}, {noServer, 20, time.Hour},
		{&acme.Error{StatusCode: 503}, 1, 5 * time.Second}, {&acme.Error{StatusCode: 403}, 1, 5 * time.Minute},
		{errBusy, 1, 5 * time.Second}, {reactor.ErrPoolFull, 1, 5 * time.Second},
		{fmt.Errorf("order: %w", slower), 1, 2 * time.Hour}, {slower, 9, 12 * time.Hour},
		{&acme.Error{StatusCode: 503, Header: http.Header{"Retry-After": {"999999999"}}}, 1, 24 * time.Hour},
	} {
		if got := r.wait(row.failures, row.err); got != row.want {
			t.Errorf("%v, %d failures: %v, want %v", row.err, row.failures, got, row.want)
		}
	}
	r.base = time.Second
	if got := r.wait(1, noServer); got != time.Second {
		t.Error(got)
	}
}

// A name that is refused does not hold up another, and what it has stays.
func TestManagerFailure(t *testing.T) {
	r := newRig(t, "a", "b")
	fails := true
	r.answer = func(_ int, name string) (*tls.Certificate, error) {
		if name == "a" && fails {
			return nil, errors.New("not convinced")
		}
		return lives(name, r.loop.Now(), 90*time.Hour), nil
	}
	r.names[0].cert = lives("a", r.loop.Now().Add(-80*time.Hour), 90*time.Hour)
	r.publish()
	r.start()
	r.want(t, "a b", 2)
	if log := r.log.String(); !strings.Contains(log, "the one before goes on") || !strings.Contains(log, "not convinced") || !strings.Contains(log, `"again in"=5m0s`) {
		t.Error(log)
	}
	r.loop.Advance(11 * time.Hour) // expired meanwhile
	if log := r.log.String(); !strings.Contains(log, "has expired and is not renewed") {
		t.Error(log)
	}
	fails = false
	r.loop.Advance(12 * time.Hour)
	if c := r.Certificates()[0]; !c.Leaf.NotAfter.After(r.loop.Now()) {
		t.Error("not renewed")
	}
}

// A panic of an attempt is a failure like another.
func TestManagerPanic(t *testing.T) {
	r := newRig(t, "a")
	r.answer = func(n int, name string) (*tls.Certificate, error) {
		if n == 1 {
			panic("oh")
		}
		return lives(name, r.loop.Now(), time.Hour), nil
	}
	r.start()
	r.want(t, "a", 0)
	r.loop.Advance(refused)
	r.want(t, "a a", 1)
}

// Stop while an attempt is under way ends it; Start after that begins anew.
func TestManagerStopAndStart(t *testing.T) {
	r := newRig(t, "a")
	r.loop.SyncThreads = false
	begun := make(chan bool)
	r.manager.obtain = func(ctx context.Context, name string, held *tls.Certificate) (*tls.Certificate, error) {
		begun <- true
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r.start()
	<-begun
	r.Stop()
	r.manager.obtain = func(_ context.Context, name string, _ *tls.Certificate) (*tls.Certificate, error) {
		return lives(name, time.Now(), time.Hour), nil
	}
	r.start()
	r.loop.WaitFor(func() bool { return len(r.Certificates()) == 1 })
	if log := r.log.String(); strings.Contains(log, "ERROR") {
		t.Error(log)
	}
}
