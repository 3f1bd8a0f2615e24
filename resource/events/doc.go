// Package events streams server-sent events (the EventSource of browsers; HTML Living
// Standard §9.2) as a leaf of the tree.
//
//	Publish ──▶ Events ──▶ ring of what was sent last ──▶ replay after Last-Event-ID
//	               │
//	               └──▶ Stream, one for each listener ──▶ Request.WriteShared
//
// A ticker:
//
//	ticks := events.New(reactor.Default())
//	root.PutChild("ticks", ticks)
//	reactor.NewLoopingCall(reactor.Default(), func() {
//		ticks.Publish(events.Event{Data: "tick"})
//	}).Start(time.Second, true)
//
// An event is encoded once for all listeners, who are told in turns when they are many.
// Streams end at once when the reactor stops, so that it need not wait for them. All of
// it runs on the loop.
package events
