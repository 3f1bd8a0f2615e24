package reactor

import "sync"

// This file holds the calls that other goroutines (and the loop itself, for its
// next turn) have posted.

// posted is a queue with a descriptor that wakes the loop.
type posted struct {
	r      *Reactor
	mu     sync.Mutex
	calls  []func()
	spare  []func()
	closed bool
	wake   wakeFD
}

// open takes the descriptor.
func (p *posted) open(r *Reactor) error {
	p.r = r
	if err := p.wake.open(); err != nil {
		return err
	}
	return r.register(p.wake.readEnd(), p)
}

// post has f called on the loop, in a later turn. Any goroutine. After close, f
// is dropped.
func (p *posted) post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.calls = append(p.calls, f)
	if len(p.calls) == 1 {
		p.wake.signal()
	}
}

// doReady makes the calls that were posted before; those posted meanwhile come in
// the next turn.
func (p *posted) doReady(ready) {
	p.mu.Lock()
	p.wake.drain()
	batch := p.calls
	p.calls, p.spare = p.spare[:0], nil
	p.mu.Unlock()
	for i, f := range batch {
		batch[i] = nil
		p.r.contain(f)
		p.r.between()
	}
	p.mu.Lock()
	p.spare = batch[:0]
	p.mu.Unlock()
}

func (p *posted) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.calls = true, nil
	p.r.unregister(p.wake.readEnd())
	p.wake.close()
}
