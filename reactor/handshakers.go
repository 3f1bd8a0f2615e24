package reactor

import (
	"sync"
	"time"
)

// This file is the pool of goroutines in which TLS handshakes are made.

const workerIdle = 5 * time.Second

// handshakers is the pool of goroutines. Their stacks have grown already, which is
// a good part of a handshake's cost.
type handshakers struct {
	mu      sync.Mutex
	limit   int // of running; set by the first
	idle    int
	running int
	waiting []func()
	jobs    chan func()
	stopped bool
}

// run makes f run on a goroutine, at once or when another has ended. limit is how many
// there may be; 0 means maxHandshakes. Loop only.
func (p *handshakers) run(limit int, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jobs == nil {
		if p.limit = limit; limit <= 0 {
			p.limit = maxHandshakes
		}
		p.jobs = make(chan func(), p.limit)
	}
	switch {
	case p.idle > 0:
		p.idle--
		p.jobs <- f
	case p.running < p.limit:
		p.running++
		go p.work(f)
	default:
		p.waiting = append(p.waiting, f)
	}
}

func (p *handshakers) work(f func()) {
	timer := time.NewTimer(workerIdle)
	defer timer.Stop()
	for {
		f()
		if f = p.next(timer); f == nil {
			return
		}
	}
}

// stop ends the goroutines that wait for work; the others end with their
// handshakes, whose connections are lost.
func (p *handshakers) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for ; p.idle > 0; p.idle-- {
		p.jobs <- nil
	}
}

// next is the next job of a worker; nil when there was none for a while.
func (p *handshakers) next(timer *time.Timer) func() {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return nil
	}
	if n := len(p.waiting); n > 0 {
		f := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.mu.Unlock()
		return f
	}
	p.idle++
	p.mu.Unlock()
	timer.Reset(workerIdle)
	select {
	case f := <-p.jobs:
		return f
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle == 0 { // a job for us is on its way
		return <-p.jobs
	}
	p.idle--
	p.running--
	return nil
}
