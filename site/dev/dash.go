package dev

import (
	"bytes"
	"embed"
	"encoding/json"
	"html"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/site/overview/tree"
)

// This file is the dashboard: what has happened and happens, told to a page (page/dash.*).
// It costs nothing while nobody looks but for what is kept; for those who look, news are
// gathered and told a few times a second, however many there are.

//go:embed page/dash.html
var dashPage []byte

// dashParts is its style sheets and scripts: each is served under its name.
//
//go:embed page/dash*.css page/dash*.js
var dashParts embed.FS

// What is kept, and how often it is told.
const (
	dashEvery     = 250 * time.Millisecond
	dashSlow      = 4 // beats between two looks at memory
	keptLines     = 500
	keptSteps     = 50
	mostShown     = 2 << 10 // of a line
	mostNews      = 60      // requests in one message, and lines twice that
	dashQueued    = 2 << 20 // bytes that may wait for a page
	dashMaxPages  = 16
	dashNewsLines = 2 * mostNews
)

// dashboard belongs to the front. Loop only.
type dashboard struct {
	s       *Supervisor
	rec     *recorder
	pages   *events.Events
	lines   []dashLine // oldest first
	builds  []dashBuild
	lineNo  int64
	buildNo int64
	began   time.Time
	memory  [2]int64 // of the program and of this process, bytes
	insight *insight
	edited  string // the file that was changed last

	beats     int
	timer     *reactor.DelayedCall // nil while nobody looks
	toldReq   int64                // the last of each that was told
	toldLine  int64
	toldBuild int64
	told      dashState
}

// dashLine is a line that was printed.
type dashLine struct {
	ID         int64  `json:"id"`
	At         int64  `json:"at"` // ms
	Name       string `json:"name,omitempty"`
	Generation int    `json:"gen,omitempty"`
	Errors     bool   `json:"err,omitempty"`
	HTML       string `json:"html"`
}

// dashBuild is one step in the life of the program.
type dashBuild struct {
	ID         int64  `json:"id"`
	At         int64  `json:"at"`
	Kind       string `json:"kind"`
	Generation int    `json:"gen,omitempty"`
	PID        int    `json:"pid,omitempty"`
	Took       int64  `json:"took,omitempty"` // ms
	Cached     bool   `json:"cached,omitempty"`
	Text       string `json:"text,omitempty"`
	Place      string `json:"place,omitempty"` // of the first fault
	Bad        bool   `json:"bad,omitempty"`   // a check finds fault
}

// dashState is how things are.
type dashState struct {
	What       string `json:"what"`
	Phase      string `json:"phase"` // running, building, starting, failed, nothing
	Paused     bool   `json:"paused"`
	Stopped    bool   `json:"stopped"` // by hand
	Failed     string `json:"failed,omitempty"`
	Generation int    `json:"gen"`
	Up         int64  `json:"up"` // since when the generation answers, ms since 1970
	PID        int    `json:"pid"`
	Memory     int64  `json:"memory"`
	OwnPID     int    `json:"own_pid"`
	OwnMemory  int64  `json:"own_memory"`
	OwnUp      int64  `json:"own_up"`
	Old        int    `json:"old"` // generations that end
	InHand     int    `json:"in_hand"`
	Open       int    `json:"open"` // connections; -1: not known
	Idle       int    `json:"idle"`
	Total      int64  `json:"total"`
	Errors     int64  `json:"errors"`
}

// dashNews is what a page is told.
type dashNews struct {
	Now      int64          `json:"now"`
	State    *dashState     `json:"state,omitempty"` // nil: as before
	Requests []listed       `json:"requests,omitempty"`
	Lines    []dashLine     `json:"lines,omitempty"`
	Builds   []dashBuild    `json:"builds,omitempty"`
	Seconds  [][2]int32     `json:"seconds,omitempty"` // up to now: all, and failed
	Insight  *dashInsight   `json:"insight,omitempty"` // once a second
	Hits     map[string]int `json:"hits,omitempty"`    // of nodes of the tree, since the last news
	Slow     []*slowSeen    `json:"slow,omitempty"`    // that are new, or have changed
	Skipped  int64          `json:"skipped,omitempty"` // requests that are left out
	Cleared  bool           `json:"cleared,omitempty"`
}

// newDashboard puts its pages into own.
func newDashboard(s *Supervisor, own *resource.Tree, token string) *dashboard {
	d := &dashboard{s: s, rec: newRecorder(s), pages: events.New(s.loop), began: s.loop.Now()}
	d.insight = newInsight(d)
	d.pages.MaxQueuedBytes, d.pages.MaxStreams = dashQueued, dashMaxPages
	d.pages.Retry = time.Second
	d.pages.Opened = func(*events.Stream, *resource.Request) error {
		d.begin()
		return nil
	}
	page := bytes.ReplaceAll(dashPage, []byte("{{token}}"), []byte(html.EscapeString(token)))
	page = bytes.ReplaceAll(page, []byte("{{cover}}"), []byte(coverLink(s.opts.Cover)+liveLink(s.opts.Kind)))
	own.PutChild("", dashFile{file{pageType: "text/html; charset=utf-8", body: page}})
	putDashParts(own)
	own.PutChild("requests", recordPages{d: d})
	own.PutChild("flights", flightPages{s: s, f: d.rec.flights})
	own.PutChild("profiles", profilePages{s: s, p: d.rec.profiles})
	own.PutChild("repeats", repeatPage{p: d.rec.repeats})
	own.PutChild("streams", streamPages{s: s, c: d.rec.streams})
	dash := new(resource.Tree)
	dash.PutChild("events", d.pages)
	dash.PutChild("state", dashAll{d: d})
	dash.PutChild("pause", dashAction{s: s, do: s.Pause})
	dash.PutChild("resume", dashAction{s: s, do: s.Resume})
	dash.PutChild("clear", dashAction{s: s, do: d.clear})
	dash.PutChild("stop", dashAction{s: s, do: s.StopProgram})
	dash.PutChild("start", dashAction{s: s, do: s.StartProgram})
	dash.PutChild("editor", dashEditor{d: d})
	dash.PutChild("level", dashLevel{d: d})
	dash.PutChild("gc", dashGC{s: s})
	dash.PutChild("tree", dashTree{d: d})
	dash.PutChild("goroutines", goroutineDump{s: s})
	own.PutChild("dash", dash)
	s.Listen(d.heard)
	return d
}

// putDashParts has the files that the page consists of served.
func putDashParts(own *resource.Tree) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	put := func(name string, body []byte) { own.PutChild(name, file{pageType: types[path.Ext(name)], body: body}) }
	list, err := dashParts.ReadDir("page")
	for _, e := range list {
		var body []byte
		if body, err = dashParts.ReadFile("page/" + e.Name()); err != nil {
			break
		}
		put(e.Name(), body)
	}
	if err != nil {
		panic(err) // the build is broken
	}
	put("tree.css", []byte(tree.Style))
	put("tree.js", []byte(tree.Script))
}

// heard takes an event.
func (d *dashboard) heard(e Event) {
	b := dashBuild{At: e.Time.UnixMilli(), Kind: e.Kind, Generation: e.Generation, PID: e.PID, Took: e.Took.Milliseconds(), Cached: e.Cached, Text: cut(e.Text, mostShown)}
	switch e.Kind {
	case EventOutput:
		d.line(e)
		return
	case EventChange:
		b.Text = e.Action
		if len(e.Paths) > 0 {
			d.edited = e.Paths[0]
			b.Place = relativeTo(d.s.target.root(), e.Paths[0])
		}
		if n := len(e.Paths) - 1; n > 0 {
			b.Place += " and " + strconv.Itoa(n) + " more"
		}
	case EventFailed:
		b.Text = e.Failure.Title
		b.Place = firstPlace(e.Failure, d.s.target.root())
	case EventCommand:
		if b.Text = e.Name + ": " + e.Text; e.Failure != nil {
			b.Bad, b.Text, b.Place = true, e.Failure.Title, firstPlace(e.Failure, d.s.target.root())
		}
	case EventReady:
		d.s.loop.CallLater(0, d.rec.repeats.saved)
	case EventBuilt, EventExit, EventStopped, EventNotice:
	default:
		return
	}
	d.buildNo++
	b.ID = d.buildNo
	d.builds = append(atMost(d.builds, keptSteps-1), b)
}

// firstPlace is where a failure has its first fault.
func firstPlace(f *Failure, root string) string {
	for _, fault := range f.Faults {
		if fault.File == "" {
			continue
		}
		path := fault.File
		if below(path, root) {
			path = relativeTo(root, path)
		}
		return cut(path+":"+strconv.Itoa(fault.Line)+": "+fault.Message, mostShown)
	}
	return ""
}

// line keeps a line that was printed.
func (d *dashboard) line(e Event) {
	d.lineNo++
	d.lines = append(atMost(d.lines, keptLines-1), dashLine{ID: d.lineNo, At: e.Time.UnixMilli(), Name: e.Name, Generation: e.Generation,
		Errors: e.Errors, HTML: ansiHTML(cut(e.Text, mostShown))})
}

// Show has an event in the dashboard that somebody else has told of: what the workers of an
// application have printed. Loop only.
func (s *Supervisor) Show(e Event) { s.front.dash.heard(e) }

// atMost is the last n of list, in its place.
func atMost[T any](list []T, n int) []T {
	if over := len(list) - n; over > 0 {
		return list[:copy(list, list[over:])]
	}
	return list
}

// since is what of list has a number above told, no more than the last most of it.
func since[T any](list []T, last, told int64, most int) []T {
	return list[len(list)-min(len(list), int(min(last-told, int64(most)))):]
}

// begin tells news from now on, until nobody looks any more.
func (d *dashboard) begin() {
	if d.timer != nil {
		return
	}
	d.toldReq, d.toldLine, d.toldBuild, d.beats = d.rec.last, d.lineNo, d.buildNo, 0
	d.s.probes.watch(true)
	d.rec.counted = func(target string) {
		path, _, _ := strings.Cut(target, "?")
		d.insight.hits.Count([]byte(path))
	}
	d.insight.measure()
	d.timer = d.s.loop.CallLater(dashEvery, d.beat)
}

// beat tells what is new.
func (d *dashboard) beat() {
	d.timer = nil
	if d.pages.Len() == 0 {
		d.s.probes.watch(false)
		d.rec.counted = nil
		return
	}
	if d.beats++; d.beats%dashSlow == 0 {
		d.insight.measure()
	}
	d.tellNews()
	d.rec.streams.tell(d.pages)
	d.timer = d.s.loop.CallLater(dashEvery, d.beat)
}

// tellNews sends one message, if there is anything to tell.
func (d *dashboard) tellNews() {
	now := d.s.loop.Now()
	news := dashNews{Now: now.UnixMilli(), Lines: since(d.lines, d.lineNo, d.toldLine, dashNewsLines), Builds: since(d.builds, d.buildNo, d.toldBuild, keptSteps)}
	for _, x := range since(d.rec.ring, d.rec.last, d.toldReq, mostNews) {
		news.Requests = append(news.Requests, x.line())
	}
	news.Skipped = d.rec.last - d.toldReq - int64(len(news.Requests))
	state := d.state()
	if state != d.told {
		d.told, news.State = state, &state
	}
	if hits := d.insight.hits.Take(); len(hits) > 0 {
		news.Hits = hits
	}
	news.Slow = d.insight.takeSlow()
	if d.beats%dashSlow == 0 {
		news.Insight = &d.insight.now
	}
	if news.State == nil && len(news.Requests)+len(news.Slow)+len(news.Hits)+len(news.Lines)+len(news.Builds) == 0 && d.beats%dashSlow != 0 {
		return
	}
	d.toldReq, d.toldLine, d.toldBuild = d.rec.last, d.lineNo, d.buildNo
	news.Seconds = d.rec.seconds.last(now, 3)
	d.pages.Broadcast(message("news", news))
}

// state is how things are.
func (d *dashboard) state() dashState {
	s := d.s
	st := dashState{What: s.target.describe(), Phase: s.phase(), Paused: s.paused, Stopped: s.stopped, Generation: s.served(), OwnPID: os.Getpid(), OwnUp: d.began.UnixMilli(),
		Memory: d.memory[0], OwnMemory: d.memory[1], Old: len(s.draining), InHand: d.rec.inHand, Open: -1, Total: d.rec.total, Errors: d.rec.errors}
	if s.current != nil {
		st.PID, st.Up = s.current.pid(), s.upSince.UnixMilli()
	}
	if s.failure != nil {
		st.Failed = s.failure.Title
	}
	if s.opts.Connections != nil {
		st.Open, st.Idle = s.opts.Connections()
	}
	return st
}

// phase is what is going on, in a word.
func (s *Supervisor) phase() string {
	switch {
	case s.making:
		return "building"
	case s.stopped:
		return "stopped"
	case s.next != nil:
		return "starting"
	case s.failure != nil:
		return "failed"
	case s.current != nil:
		return "running"
	}
	return "nothing"
}

// clear forgets requests and lines.
func (d *dashboard) clear() {
	d.rec.clear()
	d.rec.streams.clear()
	d.rec.flights.clear()
	d.lines, d.builds = nil, nil
	d.insight.clear()
	d.pages.Broadcast(message("news", dashNews{Now: d.s.loop.Now().UnixMilli(), Cleared: true}))
}

// dashFile is the page itself: nothing of another place is taken into it.
type dashFile struct{ file }

func (f dashFile) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	r.SetField("Referrer-Policy", "no-referrer")
	return f.file.RenderGET(r)
}

// dashAll is GET dash/state: all that is kept, for a page that begins.
type dashAll struct {
	resource.Leaf
	d *dashboard
}

func (x dashAll) RenderGET(r *resource.Request) ([]byte, error) {
	d := x.d
	state := d.state()
	now := d.s.loop.Now()
	all := dashNews{Now: now.UnixMilli(), State: &state, Lines: d.lines, Builds: d.builds, Seconds: d.rec.seconds.last(now, trafficSeconds),
		Insight: &d.insight.now, Slow: d.insight.slow}
	for _, x := range d.rec.ring {
		all.Requests = append(all.Requests, x.line())
	}
	return sendJSON(r, all)
}

func sendJSON(r *resource.Request, v any) ([]byte, error) {
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	return json.Marshal(v)
}

// dashAction is a button.
type dashAction struct {
	resource.Leaf
	s  *Supervisor
	do func()
}

func (x dashAction) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	x.do()
	r.SetStatus(204)
	return nil, nil
}
