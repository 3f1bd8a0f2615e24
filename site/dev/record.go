package dev

import (
	"encoding/json"
	"time"

	"spindle/protocol"
	"spindle/protocol/probe"
	"spindle/resource"
)

// This file keeps the last requests as they passed: the newest with what was sent and
// answered, so that they can be looked at and sent again (recordsend.go), older ones as a
// line of the list.

// What is kept.
const (
	listedRequests  = 200      // in the list
	recordedWhole   = 100      // with fields and content
	mostContent     = 1 << 20  // of a request, and of its answer; what is longer is not kept
	mostAllContents = 32 << 20 // of all; the oldest lose theirs. As much of those under way
)

// recorder has the ring. Loop only.
type recorder struct {
	s        *Supervisor
	ring     []*record // oldest first
	held     int64     // bytes of content in it
	loose    int64     // and of the exchanges under way
	last     int64     // number of the last that is over
	inHand   int
	total    int64
	errors   int64
	seconds  traffic
	sending  map[string]*sending // requests that are sent again, by their mark
	over     func()              // is told of each that is over
	counted  func(target string) // likewise, while somebody looks; may be nil
	streams  *streams
	repeats  *repeats
	flights  *flights
	profiles *profiles
	numbers  int64                         // of the last that is watched
	watched  map[int64]*record             // by that number: under way, and in the ring
	under    map[*resource.Request]*record // under way
	sse      int                           // of these, event streams
	open     map[*record]func()            // event streams and WebSockets, with what closes them
	hinted   *hinted
}

func newRecorder(s *Supervisor) *recorder {
	c := &recorder{s: s, sending: map[string]*sending{}, over: func() {}, streams: newStreams(s), hinted: newHinted(s),
		watched: map[int64]*record{}, under: map[*resource.Request]*record{}, open: map[*record]func(){}}
	c.repeats = &repeats{c: c}
	c.flights, c.profiles = newFlights(s), &profiles{s: s}
	return c
}

// record is one exchange. It is the resource.Observer of it.
type record struct {
	c          *recorder
	id         int64 // in the order in which they ended; 0 until then
	began      time.Time
	took       time.Duration
	method     string
	target     string
	scheme     string
	authority  string
	version    string
	client     string
	generation int
	fields     protocol.Fields
	length     int64 // of the content that was announced; -1: not known
	body       kept
	status     int
	answer     protocol.Fields
	content    kept
	bytes      int64
	lost       string          // why it was cut
	again      int64           // the one that it repeats; 0 for none
	mark       string          // of the sending that waits for it
	whole      bool            // fields and content are there
	protocol   string          // of an extended CONNECT
	number     int64           // by which it is watched
	own        *probe.Timeline // here; nil until it is over
	inner      json.RawMessage // in the program, a probe.Timeline; nil where it does not tell
	innerCame  func()          // somebody waits for it
	to         *probeLine      // to the program that it was passed on to; nil where that does not tell
	passed     bool            // it was passed on to a process of its own
	sse        bool            // the answer is an event stream
	stream     *stream
	hinting
	events *eventReader // that follows the answer, if it is an event stream
}

// kept is content, as far as it is kept.
type kept struct {
	data   []byte
	size   int64
	why    string // it is not there: longContent and so on
	packed bool   // data is it in short (rest.go)
	stays  bool   // that would not be shorter
}

// Why content is not there.
const (
	longContent = "too large"
	fileContent = "from a file"
	oldContent  = "no longer kept"
	leftContent = "not read by the program"
	muchContent = "too much at once"
	flowContent = "an event stream: see the streams"
)

// add takes a piece.
func (k *kept) add(p []byte) {
	k.size += int64(len(p))
	switch {
	case k.why != "":
	case k.size > mostContent:
		k.drop(longContent)
	default:
		k.data = append(k.data, p...)
	}
}

func (k *kept) drop(why string) { k.data, k.why, k.packed = nil, why, false }

// take adds a piece to k, which is content of x, while that is under way and all of those
// are not too much.
func (x *record) take(k *kept, p []byte) {
	if x.id != 0 {
		return
	}
	before := len(k.data)
	k.add(p)
	x.c.loose += int64(len(k.data) - before)
	if x.c.loose > mostAllContents {
		x.lose(k, muchContent)
	}
}

// lose drops content of x, which is under way.
func (x *record) lose(k *kept, why string) {
	x.c.loose -= int64(len(k.data))
	k.drop(why)
}

// watch records the exchange of r.
func (c *recorder) watch(r *resource.Request) {
	h := r.Head()
	if c.profiles.isQuiet(h) {
		return
	}
	x := &record{c: c, began: c.s.loop.Now(), method: r.Method(), target: r.Target(), scheme: r.Scheme(), authority: r.Authority(),
		version: versionText(r.Version()), client: r.ClientAddr().String(), generation: c.s.served(), length: h.ContentLength, whole: true,
		protocol: string(h.Protocol)}
	x.again, x.mark = c.takeMark(h)
	x.watchOwn(r)
	x.fields = protocol.RawFields(h.Fields).Text(make(protocol.Fields, 0, len(h.Fields)))
	c.inHand++
	c.flights.begun(x)
	r.Observe(x)
	r.NotifyFinish(func(err error) { c.end(x, r, err) })
}

// ContentReceived takes a piece of what was sent.
func (x *record) ContentReceived(p []byte) { x.take(&x.body, p) }

// AnswerBegun takes the head of the answer.
func (x *record) AnswerBegun(status int, fields protocol.Fields) {
	if x.generation == 0 {
		x.generation = x.c.s.served()
	}
	x.status = status
	x.c.flights.answered(x, status)
	x.answer = append(protocol.Fields(nil), fields...)
	x.beginEvents(fields)
}

// ContentSent takes a piece of the answer.
func (x *record) ContentSent(p []byte) {
	x.take(&x.content, p)
	if x.events != nil {
		x.events.follow(p)
	}
}

// FileSent tells that a piece is not seen.
func (x *record) FileSent(n int64) {
	x.content.size += n
	if x.id == 0 {
		x.lose(&x.content, fileContent)
	}
}

// end puts an exchange into the ring.
func (c *recorder) end(x *record, r *resource.Request, err error) {
	now := c.s.loop.Now()
	c.inHand--
	delete(c.under, r)
	c.last++
	c.total++
	if x.body.why == "" && x.body.size < x.length {
		x.lose(&x.body, leftContent)
		x.body.size = x.length
	}
	c.loose -= int64(len(x.body.data) + len(x.content.data)) // they are held from now on
	x.id, x.took, x.bytes = c.last, now.Sub(x.began), r.BytesWritten()
	if x.status == 0 {
		x.status = r.Status()
	}
	if err != nil {
		x.lost = err.Error()
	}
	x.endEvents(x.lost)
	c.flights.over(x)
	x.lint()
	failed := x.status >= 500
	if failed {
		c.errors++
	}
	c.seconds.add(now, failed)
	c.keep(x)
	if w := c.sending[x.mark]; w != nil {
		w.is(x)
	}
	if c.counted != nil {
		c.counted(x.target)
	}
	c.over()
}

// keep adds x to the ring, and lets go what is too old for it.
func (c *recorder) keep(x *record) {
	if len(c.ring) == listedRequests {
		c.ring[0].thin()
		copy(c.ring, c.ring[1:])
		c.ring = c.ring[:len(c.ring)-1]
	}
	c.ring = append(c.ring, x)
	c.held += int64(len(x.body.data) + len(x.content.data))
	if len(x.content.data) >= leastToPut {
		c.s.freeSoon()
	}
	if i := len(c.ring) - 1 - recordedWhole; i >= 0 {
		c.ring[i].thin()
	}
	for i := 0; c.held > mostAllContents && i < len(c.ring)-1; i++ {
		c.ring[i].forget()
	}
}

// thin leaves the line of the list.
func (x *record) thin() {
	x.forget()
	x.whole, x.fields, x.answer, x.origin = false, nil, nil, nil
	x.c.unwatch(x)
}

// forget drops the content.
func (x *record) forget() {
	for _, k := range []*kept{&x.body, &x.content} {
		if n := len(k.data); n > 0 {
			x.c.held -= int64(n)
			k.drop(oldContent)
		}
	}
}

// find is the one of that number, nil when it is not there.
func (c *recorder) find(id int64) *record {
	if len(c.ring) == 0 {
		return nil
	}
	i := id - c.ring[0].id
	if i < 0 || i >= int64(len(c.ring)) {
		return nil
	}
	return c.ring[i]
}

// clear empties the ring.
func (c *recorder) clear() {
	for _, x := range c.ring {
		c.unwatch(x)
	}
	c.ring, c.held = nil, 0
}

// versionText names a version as people do.
func versionText(v protocol.Version) string {
	switch v {
	case protocol.HTTP2:
		return "HTTP/2"
	case protocol.HTTP10:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// trafficSeconds is how far back the graph goes.
const trafficSeconds = 300

// traffic counts requests by the second.
type traffic struct {
	at     [trafficSeconds]int64 // the second that a slot is of
	all    [trafficSeconds]int32
	failed [trafficSeconds]int32
}

func (t *traffic) add(now time.Time, failed bool) {
	second := now.Unix()
	i := int(second % trafficSeconds)
	if t.at[i] != second {
		t.at[i], t.all[i], t.failed[i] = second, 0, 0
	}
	t.all[i]++
	if failed {
		t.failed[i]++
	}
}

// last is the n seconds up to now, oldest first: all, and failed.
func (t *traffic) last(now time.Time, n int) (list [][2]int32) {
	for second := now.Unix() - int64(n) + 1; second <= now.Unix(); second++ {
		i := int(second % trafficSeconds)
		if second < 0 || t.at[i] != second {
			list = append(list, [2]int32{})
			continue
		}
		list = append(list, [2]int32{t.all[i], t.failed[i]})
	}
	return list
}

var _ resource.Observer = (*record)(nil)
