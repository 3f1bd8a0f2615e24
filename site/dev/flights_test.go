package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// traced is a recorder whose program records, as far as can be told without one.
func traced(t *testing.T) (*memory, *flights) {
	t.Helper()
	m, c := recorded(t)
	line := &probeLine{s: m.s, c: new(net.UnixConn), pid: m.f.last().pid(), hello: probe.Hello{PID: m.f.last().pid()},
		waiting: map[int]*reactor.Deferred[json.RawMessage]{}}
	m.s.probes = &probes{s: m.s, lines: []*probeLine{line}}
	c.flights.started[line] = ""
	return m, c.flights
}

// kept lists a flight with so many bytes.
func (f *flights) kept(t *testing.T, n int64) {
	t.Helper()
	f.last++
	y := &flight{id: f.last, x: &record{method: "GET", target: "/"}, path: fmt.Sprintf("%s/t%d", f.s.base, f.last)}
	if err := os.WriteFile(y.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(y.path, n); err != nil {
		t.Fatal(err)
	}
	f.add(y)
}

func TestFlightsAreBounded(t *testing.T) {
	_, f := traced(t)
	for range mostFlights + 3 {
		f.kept(t, 1000)
	}
	files, _ := os.ReadDir(f.s.base)
	n := 0
	for _, file := range files {
		if strings.HasPrefix(file.Name(), "t") {
			n++
		}
	}
	if len(f.list) != mostFlights || f.list[0].id != 4 || n != mostFlights || f.bytes != mostFlights*1000 {
		t.Errorf("%d listed, %d files, %d bytes", len(f.list), n, f.bytes)
	}
	f.kept(t, mostAllFlight)
	if len(f.list) != 1 {
		t.Errorf("%d beside a large one", len(f.list))
	}
	f.clear()
	if len(f.list) != 0 || f.bytes != 0 {
		t.Error("it is not empty")
	}
}

// A program that has left is not known any more, whatever became of what it was asked.
func TestFlightsForgetAProgram(t *testing.T) {
	m, f := traced(t)
	line, p := m.s.probes.lines[0], m.s.probes
	for _, end := range []func(){
		func() { p.answer(line, strconv.Itoa(line.asked), []byte(`{}`)) },
		func() { m.Loop.Advance(probePatience) },
		func() {},
	} {
		f.met(line)
		end()
		if _, here := f.started[line]; !here {
			t.Error("it is not known")
		}
	}
	p.left = f.left
	f.met(line)
	p.gone(line)
	if len(f.started) != 0 || len(line.waiting) != 0 {
		t.Errorf("%v, %d wait", f.started, len(line.waiting))
	}
}

// What a program writes when it is not waited for any more is removed: with the next one, or
// when the program ends.
func TestFlightThatComesTooLate(t *testing.T) {
	m, f := traced(t)
	line := m.s.probes.lines[0]
	files := func() (list []string) {
		list, _ = filepath.Glob(filepath.Join(m.s.base, "trace-*"))
		return list
	}
	for n := 1; n <= 3; n++ {
		f.keep(&record{}, "test")
		if len(files()) != 0 || len(line.waiting) != 1 {
			t.Errorf("%d: %q, %d wait", n, files(), len(line.waiting))
		}
		m.Loop.Advance(probePatience)
		if err := os.WriteFile(fmt.Sprintf("%s/trace-%d.out", m.s.base, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if f.busy || len(f.late[line]) != 1 || len(line.waiting) != 0 {
			t.Errorf("%d: %v, %d late, %d wait", n, f.busy, len(f.late[line]), len(line.waiting))
		}
	}
	if f.left(line); len(files()) != 0 || len(f.late) != 0 {
		t.Errorf("%q, %d late", files(), len(f.late))
	}
}

func TestFlightsSayWhyThereAreNone(t *testing.T) {
	m, f := traced(t)
	line := m.s.probes.lines[0]
	for _, row := range []struct {
		change func()
		want   string
	}{
		{func() {}, ""},
		{func() { f.started[line] = "the program does not know of trace-start" }, "-tags " + devTag},
		{func() { f.started[line] = "it is full" }, "It is full."},
		{func() { m.s.probes.lines = nil }, "--witness"},
		{func() { m.s.current = nil }, "No program runs."},
		{func() { f.slow = 0 }, "--slow"},
	} {
		row.change()
		if got := f.shown().Off; !strings.Contains(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

// held answers when it is told to.
type held struct {
	resource.Leaf
	r *resource.Request
}

func (h *held) RenderGET(r *resource.Request) ([]byte, error) {
	h.r = r
	return nil, resource.NotDoneYet
}

// Which requests are worth to be kept; that they are asked for is seen by what came too soon.
func TestFlightsChoose(t *testing.T) {
	m, f := traced(t)
	f.busy = true
	m.get("/fast")
	if f.missed != 0 || len(f.waiting) != 0 {
		t.Errorf("%d, %d", f.missed, len(f.waiting))
	}
	h := new(held)
	m.s.serves = h
	m.ask("GET", "/slow")
	m.Loop.Advance(flightSlow)
	_, _ = h.r.Write([]byte("x"))
	if f.missed != 1 {
		t.Error("a slow one is not kept")
	}
	m.Loop.Advance(time.Minute)
	h.r.Finish()
	if f.missed != 1 || len(f.waiting) != 0 {
		t.Error("how long the content takes counts")
	}
	m.ask("GET", "/held")
	m.Loop.Advance(flightHeld + flightLook)
	if f.missed != 2 {
		t.Error("one without an answer is not kept")
	}
	m.Loop.Advance(time.Minute)
	_, _ = h.r.Write([]byte("x"))
	h.r.Finish()
	if f.missed != 2 {
		t.Error("it is kept again")
	}
	status := 500
	m.s.serves = shaky{status: &status}
	m.get("/fails")
	if f.missed != 3 {
		t.Error("one that has failed is not kept")
	}
	m.Loop.Advance(time.Minute)
	if f.looking {
		t.Error("it looks while there is nothing to see")
	}
}

// readings is a Recordings of a test.
type readings struct {
	err  error
	read *atomic.Int32 // counts the traces; nil: nobody does
}

func (r readings) Trace(string, string) (*TraceSummary, error) {
	if r.read != nil {
		r.read.Add(1)
	}
	return &TraceSummary{Goroutines: 7}, r.err
}
func (r readings) Profile(_, _, _, _, _ string) (*ProfileSummary, error) {
	return new(ProfileSummary), r.err
}

func TestFlightPages(t *testing.T) {
	m, f := traced(t)
	f.kept(t, 10)
	if text := m.get(Prefix + "flights/1"); !strings.Contains(text, "the spindle command, which is not in PATH") {
		t.Error(text)
	}
	for _, row := range []struct {
		err  error
		want string
	}{{nil, `"goroutines":7`}, {errors.New("oh"), "It can not be read: oh."}} {
		m.s.opts.Recordings = readings{err: row.err}
		f.kept(t, 10)
		for range 2 { // the second is what the first has read
			if text := m.get(fmt.Sprintf("%sflights/%d", Prefix, f.last)); !strings.Contains(text, row.want) {
				t.Error(text)
			}
		}
	}
	if text := m.get(Prefix + "flights/1/trace.out"); len(text) != 10 {
		t.Errorf("%d bytes", len(text))
	}
	for _, path := range []string{"9", "x", "1/other", "1/2/3"} {
		if x := m.ask("GET", Prefix+"flights/"+path); x.Status != 404 {
			t.Errorf("%s: %d", path, x.Status)
		}
	}
}

func TestTraceIsReadOnceForAllWhoAsk(t *testing.T) {
	m, f := traced(t)
	read := new(atomic.Int32)
	m.s.opts.Recordings = readings{read: read}
	f.kept(t, 10)
	var asked []*resourcetest.Exchange
	for range 5 {
		asked = append(asked, m.ask("GET", Prefix+"flights/1"))
	}
	for _, x := range asked {
		if x.Wait(); !strings.Contains(string(x.Body), `"goroutines":7`) {
			t.Errorf("%d %s", x.Status, x.Body)
		}
	}
	if n := read.Load(); n != 1 {
		t.Errorf("it is read %d times", n)
	}
}

func TestProfileIsRefused(t *testing.T) {
	m, c := recorded(t)
	m.get("/")
	if _, err := c.profiles.make(c.ring[0], reactor.Addr{}, false); err == nil || !strings.Contains(err.Error(), "--witness") {
		t.Errorf("without a line to the program: %v", err)
	}
	c.profiles.run = &profiling{y: &profile{x: c.ring[0]}, mark: "mark"}
	if _, err := c.profiles.make(c.ring[0], reactor.Addr{}, false); err != errBusy {
		t.Errorf("a second one: %v", err)
	}
	if !m.s.Profiles("GET", "/") || m.s.Profiles("POST", "/") || m.s.Profiles("GET", "/a") {
		t.Error("which requests are of the profile?")
	}
	n := c.total
	m.ask("GET", "/", replayField, "mark").Wait()
	if m.ask("GET", "/", replayField, "other").Wait(); c.total != n+1 {
		t.Errorf("%d are recorded", c.total-n)
	}
	if x := m.ask("POST", Prefix+"profiles?request=1"); x.Status != 403 {
		t.Errorf("without the token: %d", x.Status)
	}
	if x := m.ask("POST", Prefix+"profiles?request=99", "X-Spindle-Token", m.s.front.token); x.Status != 404 {
		t.Errorf("of none: %d", x.Status)
	}
}

// dialing is a loop that could make connections.
type dialing struct {
	reactor.Loop
	reactor.Connector
}

// One that the program refuses to begin ends, and the next can be made.
func TestProfileThatDoesNotBegin(t *testing.T) {
	m, f := traced(t)
	m.get("/")
	c := m.s.front.dash.rec
	m.s.loop = dialing{Loop: m.Loop} // nothing is sent
	for i, end := range []func(*probeLine){
		func(line *probeLine) {
			m.s.probes.answer(line, "1", []byte(`{"error":"the program does not know of profile-start"}`))
		},
		func(*probeLine) { m.Loop.Advance(probePatience) },
		func(line *probeLine) { m.s.probes.gone(line) },
	} {
		line := f.s.probes.lines[0]
		y, err := c.profiles.make(c.ring[0], reactor.Addr{}, false)
		if err != nil {
			t.Fatal(err)
		}
		end(line)
		if y.state != "failed" || y.why == "" || c.profiles.run != nil {
			t.Errorf("%d: %q, %q", i, y.state, y.why)
		}
	}
}

func TestProfilesAreBounded(t *testing.T) {
	m, c := recorded(t)
	p := c.profiles
	for i := range mostProfiles {
		y := &profile{id: int64(i + 1), x: &record{}, state: "done", base: fmt.Sprintf("%s/p%d", m.s.base, i)}
		for _, end := range profileFiles {
			if err := os.WriteFile(y.base+end, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p.list = append(p.list, y)
	}
	if text := m.get(Prefix + "profiles/1/cpu.pprof"); text != "x" {
		t.Errorf("%q", text)
	}
	p.drop()
	if _, err := os.Stat(m.s.base + "/p0.cpu"); len(p.list) != mostProfiles-1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%d, %v", len(p.list), err)
	}
	var list []shownProfile
	if err := json.Unmarshal([]byte(m.get(Prefix+"profiles")), &list); err != nil || len(list) != mostProfiles-1 {
		t.Errorf("%v %+v", err, list)
	}
	if x := m.ask("GET", Prefix+"profiles/1"); x.Status != 404 {
		t.Errorf("%d", x.Status)
	}
}

func TestWithTag(t *testing.T) {
	for _, row := range []struct {
		flags   []string
		goFlags string
		want    []string
	}{
		{nil, "", []string{"-tags=" + devTag}},
		{[]string{"-race"}, "-mod=mod", []string{"-race", "-tags=" + devTag}},
		{[]string{"-tags=a,b", "-race"}, "-tags=c", []string{"-race", "-tags=a,b," + devTag}},
		{[]string{"--tags", "a b"}, "", []string{"-tags=a,b," + devTag}},
		{nil, "-mod=mod -tags=c", []string{"-tags=c," + devTag}},
		{[]string{"-tags=" + devTag}, "", []string{"-tags=" + devTag}},
	} {
		if got := withTag(row.flags, row.goFlags); !slices.Equal(got, row.want) {
			t.Errorf("%q %q: %q, want %q", row.flags, row.goFlags, got, row.want)
		}
	}
}
