// Package reactor is an event loop for network programs: one goroutine waits for
// all descriptors and calls protocols when something has come. It knows no HTTP.
//
//	       ┌──────────────────────── one turn of the loop ────────────────────────┐
//	kernel ─▶ poller ─▶ table[fd] ─▶ Port.accept ─▶ Factory.BuildProtocol          │
//	       │                     ├─▶ Conn.read ───▶ Protocol.DataReceived ─┐       │
//	       │                     └─▶ timers ──────▶ DelayedCall            │ Write │
//	       │  other goroutines ─▶ CallFromThread ─▶ posted calls           ▼       │
//	kernel ◀──────────────── one write per callback ◀── Conn.settle ◀── scratch    │
//	       └──────────────────────────────────────────────────────────────────────┘
//
// The loop owns everything. Protocols, factories, timers, Deferreds and producers
// are called on it, one at a time, so their code needs no lock; another goroutine
// only posts to it, by CallFromThread. Work that blocks goes to a thread
// (DeferToThread) and its result comes back on the loop.
//
// Nothing calls you back from inside your own call: what a callback asks for
// (writes, closes, pauses, switches) is done when it has returned. Bytes belong to
// who received them until the call returns. What a callback writes leaves in one
// system call when it ends, or, while many connections are ready at once, when they
// had their turn, 0.2 ms later at most unless a callback takes longer (held.go); an
// idle connection owns no buffer.
//
// A panic in a protocol costs its own connection. A callback that holds the loop
// for more than 100 ms is logged with its stack.
//
// An echo server:
//
//	type Echo struct{ t reactor.Transport }
//
//	func (e *Echo) ConnectionMade(t reactor.Transport) { e.t = t }
//	func (e *Echo) DataReceived(data []byte)           { e.t.Write(data) }
//	func (e *Echo) ConnectionLost(error)               {}
//
//	func main() {
//		reactor.ListenTCP(1234, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return new(Echo) }))
//		if err := reactor.Run(); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// To be read in this order: interfaces.go (the contract), reactor.go (the loop),
// conn.go and write.go (a connection), port.go and listen.go, timer.go,
// deferred.go, threads.go.
//
// In contract lines, "Loop only." means: call it from the loop, or before Run from
// the goroutine that will call Run. "Any goroutine." means what it says. The build
// tag reactordebug has calls off the loop panic. The build tags of gnet
// (poll_opt, gc_opt) are not supported.
package reactor
