package dap

import (
	"slices"

	"spindle/reactor"
)

// Relay is the factory of the port where editors connect.
type Relay struct {
	// Connect connects to a Delve.
	Connect func(addr string, f reactor.Factory) *reactor.Deferred[reactor.Protocol]
	// Allowed tells whether a peer may debug, before it is read from; nil allows all. The
	// Delve behind can not tell: it sees this process.
	Allowed func(peer, host reactor.Addr) *reactor.Deferred[bool]

	addr    string // where the Delve of the program listens; "" while there is none
	clients []client
	making  int    // clients that were offered addr, and have not gone on yet
	made    func() // told when none is left
}

// client is one connection of an editor.
type client interface {
	offered()   // a Delve is there
	withdrawn() // it ends
}

// WhenRuns calls f when the program that the Delve at addr has attached to runs; never, when
// that Delve is given up before. Loop only.
func (r *Relay) WhenRuns(addr string, f func()) {
	r.Connect(addr, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return &asking{runs: f} })).
		Then(nil, func(error) {}) // who has started it hears of its end
}

// Offer has the clients go on with the Delve that listens at addr, in place of any before;
// made is called when the sessions that there are have been made anew. Loop only.
func (r *Relay) Offer(addr string, made func()) {
	r.Withdraw()
	r.addr, r.made = addr, made
	r.making = len(r.clients)
	for _, c := range slices.Clone(r.clients) {
		c.offered()
	}
	r.tellMade()
}

// Clients is how many editors are connected. Loop only.
func (r *Relay) Clients() int { return len(r.clients) }

// settled is told that a client has gone on with what it was offered, or never will.
func (r *Relay) settled() {
	r.making--
	r.tellMade()
}

func (r *Relay) tellMade() {
	if r.making <= 0 && r.made != nil {
		made := r.made
		r.made = nil
		made()
	}
}

// Withdraw has the clients leave the Delve, which ends. Loop only.
func (r *Relay) Withdraw() {
	if r.addr == "" {
		return
	}
	r.addr, r.made = "", nil
	for _, c := range slices.Clone(r.clients) {
		c.withdrawn()
	}
}

// BuildProtocol takes a connection.
func (r *Relay) BuildProtocol(reactor.Addr) reactor.Protocol { return &opening{relay: r} }

// join has c told of what comes, and of what is there.
func (r *Relay) join(c client) {
	r.clients = append(r.clients, c)
	if r.addr != "" {
		r.making++
		c.offered()
	}
}

func (r *Relay) leave(c client) {
	if i := slices.Index(r.clients, c); i >= 0 {
		r.clients = slices.Delete(r.clients, i, i+1)
	}
}

// turn is a client's part in what is made: it is settled once for each offer.
type turn struct{ open bool }

func (t *turn) settle(r *Relay) {
	if t.open {
		t.open = false
		r.settled()
	}
}

// opening finds out what a client speaks, by its first byte.
type opening struct {
	relay *Relay
	t     reactor.Transport
}

func (o *opening) ConnectionMade(t reactor.Transport) {
	o.t = t
	if o.relay.Allowed == nil {
		return
	}
	t.PauseReading()
	o.relay.Allowed(t.Peer(), t.Host()).Then(func(may bool) {
		if !may {
			t.AbortConnection()
			return
		}
		t.ResumeReading()
	}, func(error) { t.AbortConnection() })
}

func (o *opening) DataReceived(data []byte) {
	if data[0] == 'C' { // of Content-Length; the other protocol begins with a brace
		o.t.Switch(&session{relay: o.relay}, data)
		return
	}
	o.t.Switch(&pipe{relay: o.relay}, data)
}

func (o *opening) ConnectionLost(error) {}

// pipe passes on what is not understood.
type pipe struct {
	relay  *Relay
	t      reactor.Transport
	delve  reactor.Transport
	turn   turn
	waits  []byte // until there is a Delve
	asking *reactor.Deferred[reactor.Protocol]
}

func (p *pipe) ConnectionMade(t reactor.Transport) {
	p.t = t
	p.relay.join(p)
}

func (p *pipe) offered() {
	p.turn.open = true
	p.turn.settle(p.relay)
	p.asking = p.relay.Connect(p.relay.addr, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return &pipeEnd{p: p} }))
	p.asking.Then(nil, func(error) { p.t.LoseConnection() })
}

// withdrawn ends it: nothing is known of what was said.
func (p *pipe) withdrawn() {
	p.relay.leave(p)
	p.end()
}

// end ends both sides, when what they were sent is with them.
func (p *pipe) end() {
	for _, t := range []reactor.Transport{p.t, p.delve} {
		if t != nil {
			t.UnregisterProducer()
			t.LoseConnection()
		}
	}
	if p.delve == nil && p.asking != nil {
		p.asking.Cancel()
	}
}

func (p *pipe) DataReceived(data []byte) {
	switch {
	case p.delve != nil:
		p.delve.Write(data)
	case len(p.waits)+len(data) > mostContent:
		p.t.AbortConnection()
	default:
		p.waits = append(p.waits, data...)
	}
}

func (p *pipe) ConnectionLost(error) {
	p.relay.leave(p)
	p.end()
}

// pipeEnd is its side to Delve.
type pipeEnd struct{ p *pipe }

func (e *pipeEnd) ConnectionMade(t reactor.Transport) {
	e.p.delve = t
	t.Write(e.p.waits)
	e.p.waits = nil
	t.RegisterProducer(flow{e.p.t})
	e.p.t.RegisterProducer(flow{t})
}

func (e *pipeEnd) DataReceived(data []byte) { e.p.t.Write(data) }

func (e *pipeEnd) ConnectionLost(error) { e.p.end() }

// flow is a connection as what is read of it.
type flow struct{ t reactor.Transport }

func (f flow) PauseProducing()  { f.t.PauseReading() }
func (f flow) ResumeProducing() { f.t.ResumeReading() }
func (f flow) StopProducing()   {}

var (
	_ client               = (*pipe)(nil)
	_ client               = (*session)(nil)
	_ reactor.Factory      = (*Relay)(nil)
	_ reactor.PushProducer = flow{}
)
