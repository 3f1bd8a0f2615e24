package dev

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/reactor"
)

// This file makes a profile of one request: it is sent to the program again and again, while
// that notes what its CPU does and what it allocates (protocol/probe). What is sent passes
// through our own port, and is not recorded.

// How it is done, and what is kept.
const (
	profileTime   = 3 * time.Second // for which it is sent
	profileMost   = 20000           // times
	profileAsk    = 15 * time.Second
	mostProfiles  = 6
	profilePauses = 5 * time.Millisecond // after an answer that has failed
)

// profiles has them. Loop only.
type profiles struct {
	s    *Supervisor
	list []*profile // oldest first
	last int64
	run  *profiling // nil while none is made
}

// profile is one.
type profile struct {
	id      int64
	at      time.Time
	of      int64 // number of the record
	x       *record
	base    string // of its files
	times   int    // it was sent
	failed  int    // of them with 500 and more, or without an answer
	took    time.Duration
	state   string // starting, sending, reading, done, failed
	why     string
	summary json.RawMessage
}

// ProfileSummary is a profile in short. Times are in nanoseconds.
type ProfileSummary struct {
	CPU     ProfileView `json:"cpu"`
	Bytes   ProfileView `json:"bytes"`   // allocated
	Objects ProfileView `json:"objects"` // allocated
}

// ProfileView is one kind of cost.
type ProfileView struct {
	Total int64        `json:"total"`
	Rows  []ProfileRow `json:"rows"` // the most costly, by what they do themselves
	Flame *FlameNode   `json:"flame"`
}

// ProfileRow is a function.
type ProfileRow struct {
	TraceFrame
	Flat int64 `json:"flat"` // itself
	Cum  int64 `json:"cum"`  // with what it calls
}

// FlameNode is a call, with the calls that it has made.
type FlameNode struct {
	TraceFrame
	Value    int64        `json:"value"`
	Children []*FlameNode `json:"children,omitempty"`
}

// errBusy is why no profile can be made now.
var errBusy = errors.New("a profile is made already")

// make begins a profile of x.
func (p *profiles) make(x *record, own reactor.Addr, secure bool) (*profile, error) {
	line := p.s.probe()
	l, ok := p.s.loop.(agent.Loop)
	switch {
	case p.run != nil:
		return nil, errBusy
	case line == nil:
		return nil, errors.New(noRecording(p.s.current != nil))
	case !ok:
		return nil, errors.New("this loop makes no connections")
	}
	p.last++
	y := &profile{id: p.last, at: p.s.loop.Now(), of: x.id, x: x.snapshot(), state: "starting", base: filepath.Join(p.s.base, "profile-"+strconv.FormatInt(p.last, 10))}
	run := &profiling{p: p, y: y, line: line, own: originOf(own, secure), mark: rand.Text()}
	head, err := y.x.head(run.own.Scheme, run.mark)
	if err != nil {
		return nil, err
	}
	run.head = head
	run.pool = agent.NewPool(l)
	run.pool.TLS = &tls.Config{InsecureSkipVerify: true} // it is this process
	run.pool.NoHTTP2 = y.x.version != "HTTP/2"
	p.run = run
	p.list = append(p.list, y)
	for len(p.list) > mostProfiles {
		p.drop()
	}
	line.ask("profile-start", y.base).Then(func(json.RawMessage) { run.begin() }, func(err error) { run.fail(recordingFailed(err.Error())) })
	p.tell()
	return y, nil
}

// isQuiet tells whether a request is one of a profile, which is not recorded, and takes its
// mark away.
func (p *profiles) isQuiet(h *protocol.Head) bool {
	if p.run == nil || string(h.Field(replayField)) != p.run.mark {
		return false
	}
	dropField(h, replayField)
	return true
}

// Profiles tells whether a profile of such a request is being made, which is sent so often
// that nobody wants to hear of each. Loop only.
func (s *Supervisor) Profiles(method, target string) bool {
	run := s.front.dash.rec.profiles.run
	return run != nil && run.y.x.method == method && run.y.x.target == target
}

// drop forgets the oldest.
func (p *profiles) drop() {
	for _, end := range profileFiles {
		_ = os.Remove(p.list[0].base + end)
	}
	p.list = p.list[:copy(p.list, p.list[1:])]
}

// profileFiles are the ends of the names of its files.
var profileFiles = []string{".cpu", ".before", ".after", ".allocs"}

// find is the one of that number, nil when it is not there.
func (p *profiles) find(id int64) *profile {
	for _, y := range p.list {
		if y.id == id {
			return y
		}
	}
	return nil
}

// tell tells pages.
func (p *profiles) tell() { p.s.front.dash.pages.Broadcast(message("profiles", p.shown())) }

// shownProfile is the line of the list.
type shownProfile struct {
	ID     int64  `json:"id"`
	At     int64  `json:"at"` // ms
	Of     int64  `json:"of"`
	Method string `json:"method"`
	Target string `json:"target"`
	Times  int    `json:"times"`
	Failed int    `json:"failed,omitempty"`
	Took   int64  `json:"took"` // µs, all of them
	State  string `json:"state"`
	Why    string `json:"why,omitempty"`
}

func (y *profile) line() shownProfile {
	return shownProfile{ID: y.id, At: y.at.UnixMilli(), Of: y.of, Method: y.x.method, Target: cut(y.x.target, 400), Times: y.times, Failed: y.failed,
		Took: y.took.Microseconds(), State: y.state, Why: y.why}
}

func (p *profiles) shown() []shownProfile {
	list := make([]shownProfile, 0, len(p.list))
	for _, y := range p.list {
		list = append(list, y.line())
	}
	return list
}

// profiling is one that is being made. It is the agent.Caller of the request under way.
type profiling struct {
	p     *profiles
	y     *profile
	line  *probeLine
	own   agent.Origin
	mark  string
	head  *protocol.RequestHead
	pool  *agent.Pool
	call  *agent.Call
	began time.Time
	over  bool
	limit *reactor.DelayedCall // nil before it has begun
	bad   bool                 // the answer under way
}

// begin sends the first.
func (r *profiling) begin() {
	if r.over {
		return
	}
	loop := r.p.s.loop
	r.y.state, r.began = "sending", loop.Now()
	r.limit = loop.CallLater(profileAsk, func() { r.call.Abort(reactor.ErrTimeout) })
	r.p.tell()
	r.send()
}

// send sends it once more.
func (r *profiling) send() {
	if r.over {
		return
	}
	r.bad = false
	r.call = r.pool.Ask(r.own, r.head, r)
}

// answered counts one, and goes on or stops.
func (r *profiling) answered() {
	if r.over {
		return
	}
	r.y.times++
	if r.bad {
		r.y.failed++
	}
	loop := r.p.s.loop
	if r.y.took = loop.Now().Sub(r.began); r.y.took >= profileTime || r.y.times >= profileMost {
		r.stop()
		return
	}
	pause := time.Duration(0)
	if r.bad {
		pause = profilePauses
	}
	loop.CallLater(pause, r.send)
}

// stop has the program write the profile.
func (r *profiling) stop() {
	r.limit.Cancel()
	r.y.state = "reading"
	r.p.tell()
	r.line.ask("profile-stop", "").Then(func(json.RawMessage) { r.read() }, func(err error) { r.fail(recordingFailed(err.Error())) })
}

// read reads it, on a thread.
func (r *profiling) read() {
	y, reader, root := r.y, r.p.s.opts.Recordings, r.p.s.target.root()
	if reader == nil {
		r.end("done", "What reads it is the spindle command, which is not in PATH: go install spindle/cmd/spindle. The files can be read by go tool pprof.")
		return
	}
	reactor.DeferToThreadPool(r.p.s.loop.ThreadPool(), func() (json.RawMessage, error) {
		v, err := reader.Profile(y.base+".cpu", y.base+".before", y.base+".after", y.base+".allocs", root)
		if err != nil {
			return nil, err
		}
		return json.Marshal(v)
	}).Then(func(v json.RawMessage) {
		y.summary = v
		r.end("done", "")
	}, func(err error) { r.fail("It can not be read: " + err.Error() + ".") })
}

func (r *profiling) fail(why string) { r.end("failed", why) }

// end is the end of it.
func (r *profiling) end(state, why string) {
	if r.over {
		return
	}
	r.over = true
	r.y.state, r.y.why = state, why
	if r.limit != nil { // it has begun
		r.limit.Cancel()
	}
	r.pool.Close()
	r.p.run = nil
	r.p.tell()
}

// ChannelReady sends the content.
func (r *profiling) ChannelReady(ch protocol.ClientChannel) {
	if body := r.y.x.body.data; len(body) > 0 {
		ch.Write(body)
	}
	ch.Finish(nil)
}

// InformationalReceived is of no interest.
func (r *profiling) InformationalReceived(*protocol.ResponseHead) {}

// HeadReceived notes how it went.
func (r *profiling) HeadReceived(h *protocol.ResponseHead) {
	r.bad = h.Status >= 500
	if h.Switching {
		r.call.Abort(errNotRepeated)
	} else if bytes.HasPrefix(h.Fields.Get("Content-Type"), []byte("text/event-stream")) {
		r.call.Abort(errNotRepeated)
	}
}

var errNotRepeated = errors.New("it opens a stream, which has no end")

// BodyReceived is of no interest.
func (r *profiling) BodyReceived([]byte) {}

// BodyFinished goes on.
func (r *profiling) BodyFinished(protocol.Fields) { r.answered() }

// ExchangeLost goes on, unless it can not.
func (r *profiling) ExchangeLost(err error) {
	if errors.Is(err, errNotRepeated) || errors.Is(err, reactor.ErrTimeout) && r.y.times == 0 {
		r.p.s.loop.CallLater(0, func() {
			if !r.over {
				r.line.ask("profile-stop", "")
				r.fail("It can not be sent again and again: " + err.Error() + ".")
			}
		})
		return
	}
	r.bad = true
	r.answered()
}

var _ agent.Caller = (*profiling)(nil)
