// Package cache keeps answers for later requests, as a shared cache does (RFC 9111, RFC
// 5861): what may be kept and for how long (control.go, judge.go), and the store, whose
// memory is bounded (store.go).
//
//	Store.Lookup ─▶ nothing   ask the server; Judge the answer, Store.Put
//	              ─▶ fresh     answer with it
//	              ─▶ stale     ask with its validators (Entry.Conditions); 304 makes it
//	                           fresh again (Store.Freshen)
//	              ─▶ usable    answer with it, and ask behind the client's back
//
// It sends and receives nothing itself, and is told the time. One Store is of one loop.
// Loop only.
package cache
