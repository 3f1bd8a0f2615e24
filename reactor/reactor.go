package reactor

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of the reactor itself.
var (
	// ErrRunning is what Run returns when the reactor is running already.
	ErrRunning = errors.New("reactor: already running")
	// ErrNotRestartable is what Run returns after the reactor has stopped.
	ErrNotRestartable = errors.New("reactor: can not run again after it has stopped; make a new one")
)

// Reactor is one event loop. Make it with New; set its fields before Run. Its
// methods are for the loop, unless they say otherwise; before Run they may be
// called from the goroutine that is going to call Run.
type Reactor struct {
	// Logger takes what the reactor has to say; nil means slog.Default().
	Logger *slog.Logger
	// MaxConnections bounds the accepted connections of all ports together; 0
	// means 90 % of the descriptors that this process may have open, or all but 32
	// when that is less: files, pipes and outgoing connections want some, too. The
	// members of a Group divide them.
	MaxConnections int
	// SlowCallback is how long a callback may hold the loop before the watchdog
	// logs it with its stack; 0 means 100 ms, negative means no watchdog.
	SlowCallback time.Duration
	// HandshakeTimeout bounds the TLS handshake of a connection; 0 means 10 s,
	// negative means no bound.
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds how many TLS handshakes are under way at a time, each of
	// which has a goroutine; others wait for their turn. 0 means 4096.
	MaxHandshakes int
	// HandleSignals has Run stop cleanly at SIGINT and SIGTERM, and end at once
	// at the second one. The default reactor has it set.
	HandleSignals bool

	loop    loopCheck
	events  SystemEvents
	timers  *Timers
	threads *ThreadPool
	opening sync.Once
	openErr error
	poller  *poller
	posted  posted
	waker   waker
	armed   time.Time // when the waker is going to wake the loop; zero: not at all
	state   atomic.Int32
	started atomic.Bool // the triggers of Startup are through
	states  Channel[State]
	failure error // the first error that a caller may have dropped; Run returns it
	unsent  unsentBytes

	table     []readyFD // by descriptor
	ports     []*Port
	factories map[FactoryStarter]int // ports of each
	accepted  int                    // connections of all ports
	refusing  int                    // clients being told that there is no place
	limit     int                    // MaxConnections, resolved
	sharers   int                    // loops that divide the descriptors; 0 is one
	sharing   bool                   // a socket that listens was open already, and may be another process's, too
	toldReady bool                   // who waits for it has been told that the loop turns
	reserve   int                    // a descriptor kept for the moment when there are none

	now      time.Time
	nowKnown bool

	in      []byte // what is read, one buffer for all connections
	control []byte // where the control messages of a read go; nil until there is one
	arena   []byte // empty; scratch is a part of its room
	scratch []byte // what the owner writes in this callback
	owner   *Conn
	spare   []byte   // for AvailableBuffer of a connection that can not have scratch
	pending []*Conn  // have something to settle when the callback ends
	soon    []func() // calls to make when the callback ends
	files   []func() // calls to done functions, to make before those
	next    []*Conn  // go on in the next turn
	nextAlt []*Conn
	warm    warmPieces

	// Of TLS.
	handshakes handshakers
	plain      []byte // where records are opened
	plainOut   []byte // what plainOwner writes in this callback
	plainOwner *secure
	fileBuf    []byte

	// Of answers that wait for each other; see held.go.
	crowd     crowd
	held      []held
	heldSince time.Time // of the first of them

	watch watchdog
}

// The states of a reactor.
const (
	stateNew int32 = iota
	stateRunning
	stateStopping
	stateStopped
	stateCancelled // stopped before Run
)

const (
	readSize    = 64 << 10
	scratchSize = 65 << 10 // four records of TLS, or four frames of HTTP/2, of 16 KiB
	spareSize   = 4 << 10
)

// readyFD owns a descriptor in the table.
type readyFD interface{ doReady(what ready) }

// New makes a reactor. It takes its descriptors when it is first used.
func New() *Reactor {
	r := &Reactor{reserve: -1, crowd: crowd{least: crowdAtLeast, atMost: heldAtMost}}
	r.timers = NewTimers(r.Now, r.armTimers)
	r.threads = NewThreadPool(r)
	r.events.logger = r.logger
	return r
}

// open takes the descriptors, once. Any goroutine.
func (r *Reactor) open() error {
	r.opening.Do(func() { r.openErr = r.openNow() })
	return r.openErr
}

func (r *Reactor) openNow() (err error) {
	if r.state.Load() == stateStopped {
		return ErrNotRestartable
	}
	if r.poller, err = openPoller(); err != nil {
		return fmt.Errorf("reactor: no poller: %w", err)
	}
	r.in = make([]byte, readSize)
	r.arena = make([]byte, 0, scratchSize)
	r.scratch = r.arena
	r.crowd.ended = r.turnEnded
	r.spare = make([]byte, 0, spareSize)
	if err := r.posted.open(r); err != nil {
		return err
	}
	if err := r.openWaker(); err != nil {
		return err
	}
	r.openReserve()
	return nil
}

// fail keeps err for Run, in case the caller drops it.
func (r *Reactor) fail(err error) error {
	if r.failure == nil && r.state.Load() == stateNew {
		r.failure = err
	}
	return err
}

// ClearError forgets the errors of Listen and its like that Run would return since their
// caller may have dropped them: for a caller who has dealt with them, by another port. Loop
// only, before Run; later it does nothing.
func (r *Reactor) ClearError() {
	r.loop.check()
	r.failure = nil
}

func (r *Reactor) logger() *slog.Logger {
	if r.Logger != nil {
		return r.Logger
	}
	return slog.Default()
}

// Run turns the loop until Stop, or a signal if HandleSignals is set. It returns
// nil after a clean stop, and at once the first error of a Listen or Connect
// that came before it. Blocks.
func (r *Reactor) Run() error {
	if err := r.open(); err != nil {
		return err
	}
	if r.failure != nil {
		r.abandon()
		return r.failure
	}
	switch {
	case r.state.CompareAndSwap(stateNew, stateRunning):
	case r.state.CompareAndSwap(stateCancelled, stateStopped):
		r.cleanUp()
		return nil
	case r.state.Load() == stateStopped:
		return ErrNotRestartable
	default:
		return ErrRunning
	}
	r.loop.enter()
	defer r.loop.leave()
	if r.HandleSignals {
		defer r.watchSignals()()
	}
	defer r.watch.start(r)()
	r.notifyEvents()
	r.posted.post(r.startup)
	err := r.poller.poll(r.onReady)
	r.cleanUp()
	return err
}

// startup is the first that the loop does.
func (r *Reactor) startup() {
	r.enterState(StateStarting)
	r.events.Fire(Startup).Then(func(struct{}) {
		if r.state.Load() == stateRunning && !r.started.Swap(true) {
			r.enterState(StateRunning)
		}
	}, nil)
}

// Running tells whether the loop turns and has not been told to stop. Any
// goroutine.
func (r *Reactor) Running() bool { return r.state.Load() == stateRunning }

// Stop ends the loop in order: the ports stop listening, then the event Shutdown
// runs its phases (a site finishes its requests in the phase Before), then the
// connections that are left are lost with ErrStopped, and Run returns. Before
// Run it has Run return at once; only then descriptors are given back. Any
// goroutine.
func (r *Reactor) Stop() {
	if r.state.CompareAndSwap(stateNew, stateCancelled) {
		return
	}
	if r.state.CompareAndSwap(stateRunning, stateStopping) {
		r.posted.post(r.shutdown)
	}
}

func (r *Reactor) shutdown() {
	r.enterState(StateStopping)
	for len(r.ports) > 0 {
		r.ports[0].stop()
	}
	r.events.Add(During, Shutdown, func() *Deferred[struct{}] {
		r.loseAll()
		told := NewDeferred[struct{}]()
		r.later(func() { told.Callback(struct{}{}) })
		return told
	})
	end := func() { r.posted.post(r.poller.stop) }
	r.events.Fire(Shutdown).Then(func(struct{}) { end() }, func(error) { end() })
}

// cleanUp runs after the loop: what is left is lost.
func (r *Reactor) cleanUp() {
	r.begin()
	r.flushHeld()
	r.loseAll()
	r.end()
	r.abandon()
	r.enterState(StateStopped)
}

func (r *Reactor) loseAll() {
	for _, e := range r.table {
		switch e := e.(type) {
		case *Conn:
			e.fail(ErrStopped)
		case *dialing:
			r.contain(func() { e.c.giveUp(ErrStopped) })
		}
	}
}

// abandon gives all descriptors back.
func (r *Reactor) abandon() {
	r.state.Store(stateStopped)
	for len(r.ports) > 0 {
		r.ports[0].stop()
	}
	r.closeReserve()
	r.closeWaker()
	r.posted.close()
	_ = r.poller.close()
	r.handshakes.stop()
	go r.threads.Stop()
}

// onReady is called by the poller for each event.
func (r *Reactor) onReady(fd int, what ready) {
	if fd >= len(r.table) || r.table[fd] == nil {
		return
	}
	r.begin()
	r.table[fd].doReady(what)
	r.end()
}

// contain makes a call whose panic costs nothing but itself.
func (r *Reactor) contain(f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.logPanic(p)
		}
	}()
	f()
}

func (r *Reactor) logPanic(p any) {
	r.logger().Error("reactor: panic in a callback", "panic", p, "stack", string(debug.Stack()))
}

// begin and end stand around every callback.
func (r *Reactor) begin() {
	r.nowKnown = false
	r.watch.begin()
}

func (r *Reactor) end() {
	for len(r.pending)+len(r.soon)+len(r.files) > 0 {
		r.settle()
	}
	if len(r.held) > 0 {
		r.heldEnough()
	}
	r.watch.end()
}

// between stands between two callbacks of one event.
func (r *Reactor) between() {
	r.end()
	r.begin()
}

// settle does what the callback asked for: writes, closes, switches, and tells
// producers.
func (r *Reactor) settle() {
	for i := 0; i < len(r.pending); i++ {
		c := r.pending[i]
		r.pending[i] = nil
		c.state &^= inPending
		c.settle()
	}
	r.pending = r.pending[:0]
	if len(r.soon) > 0 {
		r.flushHeld()
	}
	r.callAll(&r.soon)
	r.tellFiles()
}

// tellFiles calls the done functions of files that are through: those of a
// connection come before what follows from them, and before its loss.
func (r *Reactor) tellFiles() {
	if len(r.files) > 0 {
		r.callAll(&r.files)
	}
}

func (r *Reactor) callAll(list *[]func()) {
	for i := 0; i < len(*list); i++ {
		f := (*list)[i]
		(*list)[i] = nil
		r.contain(f)
	}
	*list = (*list)[:0]
}

// later has f called when the current callback has ended.
func (r *Reactor) later(f func()) { r.soon = append(r.soon, f) }

// AfterCallback has f called when the callback that is under way has ended, and what it has
// written was offered to the kernel. Loop only.
func (r *Reactor) AfterCallback(f func()) {
	r.loop.check()
	r.later(f)
}

// tellFile has the done function of a file called; see tellFiles.
func (r *Reactor) tellFile(f func()) { r.files = append(r.files, f) }

// again has c go on in the next turn.
func (r *Reactor) again(c *Conn) {
	if c.state&inNext != 0 {
		return
	}
	c.state |= inNext
	r.next = append(r.next, c)
	if len(r.next) == 1 {
		r.posted.post(r.runNext)
	}
}

func (r *Reactor) runNext() {
	batch := r.next
	r.next = r.nextAlt[:0]
	for i, c := range batch {
		batch[i] = nil
		c.state &^= inNext
		c.goOn()
		r.between()
	}
	r.nextAlt = batch[:0]
}

// register puts fd under the poller for reading, with its owner.
func (r *Reactor) register(fd int, e readyFD) error {
	r.own(fd, e)
	if err := r.poller.add(fd); err != nil {
		r.unregister(fd)
		return err
	}
	return nil
}

// own sets the owner of fd in the table.
func (r *Reactor) own(fd int, e readyFD) {
	if fd >= len(r.table) {
		r.table = append(r.table, make([]readyFD, fd+1-len(r.table)+len(r.table)/2)...)
	}
	r.table[fd] = e
}

func (r *Reactor) unregister(fd int) { r.table[fd] = nil }

// Now is the time of the current callback. Loop only.
func (r *Reactor) Now() time.Time {
	if !r.nowKnown {
		r.now, r.nowKnown = time.Now(), r.state.Load() == stateRunning
	}
	return r.now
}

// ReadClock is the time at this moment, where Now is that of the callback: for who
// measures what a callback takes. Any goroutine.
func (r *Reactor) ReadClock() time.Time { return time.Now() }

// CallLater calls f after d. Loop only.
func (r *Reactor) CallLater(d time.Duration, f func()) *DelayedCall {
	r.loop.check()
	return r.timers.CallLater(d, f)
}

// armTimers is told when the first call is due. One that is due already is posted: that
// costs the system less than a timer.
func (r *Reactor) armTimers(when time.Time) {
	if r.open() != nil {
		return
	}
	switch d := time.Until(when); {
	case d <= 0:
		r.posted.post(r.runTimers)
	case !when.Equal(r.armed):
		r.armed = when
		r.wakeIn(d)
	}
}

// runTimers makes the calls that are due, one round.
func (r *Reactor) runTimers() {
	mark, now := r.timers.Mark(), r.Now()
	for f := r.timers.PopDue(now, mark); f != nil; f = r.timers.PopDue(now, mark) {
		r.contain(f)
		r.between()
	}
	r.timers.Rearm()
}

// timerEnd owns the descriptor that wakes the loop for its timers.
type timerEnd struct{ r *Reactor }

func (t timerEnd) doReady(ready) { t.run() }

// run is told that the waker has woken the loop.
func (t timerEnd) run() {
	t.r.armed = time.Time{}
	t.r.runTimers()
}

// CallWhenRunning calls f once the loop runs: in the next turn if it does
// already. Any goroutine.
func (r *Reactor) CallWhenRunning(f func()) { r.CallFromThread(f) }

// CallFromThread calls f on the loop, in a later turn, in order. Any goroutine.
// Before Run, f waits for it; after the loop has ended, f is dropped.
func (r *Reactor) CallFromThread(f func()) {
	if r.state.Load() == stateStopped || r.open() != nil {
		return
	}
	r.posted.post(f)
}

// ThreadPool runs blocking work off the loop. Any goroutine.
func (r *Reactor) ThreadPool() *ThreadPool { return r.threads }

// AddSystemEventTrigger has f called at event. Loop only.
func (r *Reactor) AddSystemEventTrigger(phase Phase, event Event, f func() *Deferred[struct{}]) TriggerID {
	r.loop.check()
	return r.events.Add(phase, event, f)
}

// RemoveSystemEventTrigger takes a trigger back. Loop only.
func (r *Reactor) RemoveSystemEventTrigger(id TriggerID) {
	r.loop.check()
	r.events.Remove(id)
}

// Connections is the number of accepted connections that are open. Loop only.
func (r *Reactor) Connections() int { return r.accepted }

// SharesSocket tells whether a port listens, or has listened, at a socket that was open when
// this process began: others may go on to accept at it when this process stops. Loop only.
func (r *Reactor) SharesSocket() bool { return r.sharing }

// Pending is the number of delayed calls to come. Loop only.
func (r *Reactor) Pending() int { return r.timers.Pending() }

var _ Loop = (*Reactor)(nil)
