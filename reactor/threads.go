package reactor

// ThreadPool is a bounded set of goroutines for work that blocks.
type ThreadPool struct {
	// MaxThreads bounds how many work at once; 0 means 10.
	MaxThreads int
}

// NewThreadPool makes a pool whose results are posted to l.
func NewThreadPool(l Loop) *ThreadPool { panic("to be built") }

// CallInThread calls f on a thread of the pool. Any goroutine.
func (p *ThreadPool) CallInThread(f func()) { panic("to be built") }

// Stop lets the running work end and drops what waits. Blocks: not on the loop.
func (p *ThreadPool) Stop() { panic("to be built") }

// DeferToThreadPool calls f on a thread of p; its result comes on the loop of p. Loop only.
func DeferToThreadPool[T any](p *ThreadPool, f func() (T, error)) *Deferred[T] {
	panic("to be built")
}
