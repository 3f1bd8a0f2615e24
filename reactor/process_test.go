package reactor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// childNotes is a protocol that notes its events; data is gathered by descriptor.
type childNotes struct {
	c      *ChildProcess
	events []string
	data   map[int]string
	status ProcessStatus
	ended  bool
	made   func(c *ChildProcess)
	got    func(fd int, data []byte)
	exited func()
	end    func()
}

func (p *childNotes) note(event string) { p.events = append(p.events, event) }

func (p *childNotes) ProcessMade(c *ChildProcess) {
	p.c = c
	p.note("made")
	if p.made != nil {
		p.made(c)
	}
}
func (p *childNotes) OutReceived(data []byte) { p.PipeReceived(1, data) }
func (p *childNotes) ErrReceived(data []byte) { p.PipeReceived(2, data) }
func (p *childNotes) PipeReceived(fd int, data []byte) {
	if p.data == nil {
		p.data = map[int]string{}
	}
	if p.got != nil {
		p.got(fd, data)
		return
	}
	p.data[fd] += string(data)
}
func (p *childNotes) PipeLost(fd int, reason error) {
	p.note(fmt.Sprintf("lost %d %v", fd, reason == ErrDone || errors.Is(reason, syscall.EPIPE)))
	if reason != ErrDone {
		p.note(reason.Error())
	}
}
func (p *childNotes) ProcessExited(status ProcessStatus) {
	p.note("exited " + status.String())
	if p.exited != nil {
		p.exited()
	}
}
func (p *childNotes) ProcessEnded(status ProcessStatus) {
	p.note("ended")
	p.status, p.ended = status, true
	if p.end != nil {
		p.end()
	}
}

// sh is a shell that runs script.
func sh(script string) Process {
	return Process{Path: "/bin/sh", Args: []string{"-c", script}}
}

// spawn starts spec on a loop, and turns that until the child has ended.
func spawn(t *testing.T, p *childNotes, spec Process) {
	t.Helper()
	l := newTestLoop()
	start(t, l, p, spec)
	l.until(t, func() bool { return p.ended })
	checkEnd(t, p)
}

func start(t *testing.T, l Loop, p *childNotes, spec Process) *ChildProcess {
	t.Helper()
	c, err := SpawnProcess(l, p, spec)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.events) > 0 {
		t.Errorf("called back from inside SpawnProcess: %q", p.events)
	}
	return c
}

// checkEnd checks what holds for every child that has ended.
func checkEnd(t *testing.T, p *childNotes) {
	t.Helper()
	if n := len(p.events); n < 3 || p.events[0] != "made" || p.events[n-1] != "ended" {
		t.Errorf("events %q", p.events)
	}
	if _, err := syscall.Wait4(p.c.Pid(), nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("the child is left as a zombie: %v", err)
	}
	if err := p.c.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to a child that has ended: %v", err)
	}
	p.c.Write([]byte("late"))
	p.c.LoseConnection()
	p.c.ResumeReading()
}

// leaks checks at the end of the test that it has left no goroutine and no
// descriptor behind.
func leaks(t *testing.T) {
	t.Helper()
	goroutines, fds := runtime.NumGoroutine(), openFDs(t)
	t.Cleanup(func() {
		for i := 0; i < 1_000_000 && runtime.NumGoroutine() > goroutines; i++ {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			stacks := make([]byte, 1<<16)
			t.Errorf("%d goroutines, were %d:\n%s", n, goroutines, stacks[:runtime.Stack(stacks, true)])
		}
		if n := openFDs(t); n > fds {
			t.Errorf("%d descriptors, were %d", n, fds)
		}
	})
}

func openFDs(t *testing.T) int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

func TestProcessEcho(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	p.made = func(c *ChildProcess) {
		c.Write([]byte("hello "))
		c.Write([]byte("world"))
		c.CloseStdin()
		c.Write([]byte("too late"))
	}
	spawn(t, p, Process{Path: "cat"})
	if p.data[1] != "hello world" || p.data[2] != "" || !p.status.Success() {
		t.Errorf("got %v, %v", p.data, p.status)
	}
}

func TestProcessStatus(t *testing.T) {
	leaks(t)
	for script, want := range map[string]string{
		"exit 0":                         "exit status 0",
		"echo out; echo err >&2; exit 3": "exit status 3",
		"kill -TERM $$":                  "signal: terminated",
		"kill -KILL $$":                  "signal: killed",
	} {
		p := &childNotes{}
		spawn(t, p, sh(script))
		if p.status.String() != want || p.status.Success() != (want == "exit status 0") {
			t.Errorf("%s: %v", script, p.status)
		}
		if strings.Contains(script, "echo") && (p.data[1] != "out\n" || p.data[2] != "err\n") {
			t.Errorf("%s: got %v", script, p.data)
		}
	}
}

func TestProcessSignal(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	p.made = func(c *ChildProcess) {
		if err := c.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	spawn(t, p, Process{Path: "cat"})
	if p.status.Signal != syscall.SIGTERM || p.status.Success() {
		t.Errorf("status %v", p.status)
	}
}

func TestProcessSurroundings(t *testing.T) {
	leaks(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPINDLE_TEST", "inherited")
	script := []string{"-c", `echo "$0|$1|$SPINDLE_TEST|$OTHER|$(pwd)"`, "zero", "one"}
	for want, spec := range map[string]Process{
		"zero|one|inherited||" + dir: {Path: "/bin/sh", Args: script, Dir: dir},
		"zero|one||x|" + dir:         {Path: "/bin/sh", Args: script, Dir: dir, Env: []string{"OTHER=x"}},
		"zero|one|||" + dir:          {Path: "/bin/sh", Args: script, Dir: dir, Env: []string{}},
	} {
		p := &childNotes{}
		if spawn(t, p, spec); p.data[1] != want+"\n" {
			t.Errorf("got %q, want %q", p.data[1], want)
		}
	}
	p := &childNotes{}
	spawn(t, p, Process{Path: "/bin/sh", Name: "other", Args: []string{"-c", `ps -o args= -p $$ 2>/dev/null || echo other`}})
	if !strings.HasPrefix(p.data[1], "other") {
		t.Errorf("its name is %q", p.data[1])
	}
}

func TestProcessDescriptors(t *testing.T) {
	leaks(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	spec := sh("cat <&4 >&3; echo x >&5; cat; echo err >&2; if { true >&6; } 2>/dev/null; then echo open >&5; fi")
	spec.FDs = map[int]ChildFD{
		0: {},
		2: {Pipe: ChildWrites},
		3: {Pipe: ChildWrites},
		4: {Pipe: ChildReads},
		5: {File: file},
	}
	p := &childNotes{}
	p.made = func(c *ChildProcess) {
		c.WriteToChild(4, []byte("through"))
		c.WriteToChild(9, []byte("nowhere"))
		c.Write([]byte("no standard input"))
		c.CloseChildFD(4)
		c.CloseChildFD(9)
		if c.Buffered() != 0 {
			t.Errorf("%d bytes for a standard input that is no pipe", c.Buffered())
		}
	}
	spawn(t, p, spec)
	text, err := os.ReadFile(file.Name())
	if err != nil || string(text) != "x\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if p.data[3] != "through" || !strings.HasSuffix(p.data[2], "err\n") {
		t.Errorf("got %v", p.data)
	}
}

func TestProcessEndsAfterItsPipes(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	spec := sh("(read x <&4; echo late) & exit 0")
	spec.FDs = map[int]ChildFD{1: {Pipe: ChildWrites}, 4: {Pipe: ChildReads}}
	spawn(t, p, spec)
	if p.data[1] != "late\n" {
		t.Errorf("got %v", p.data)
	}
	exited := slices.Index(p.events, "exited exit status 0")
	if lost := slices.Index(p.events, "lost 1 true"); exited < 0 || lost < exited {
		t.Errorf("events %q", p.events)
	}
}

func TestProcessPauses(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	n, pieces := 0, 0
	p := &childNotes{}
	p.got = func(_ int, data []byte) {
		n, pieces = n+len(data), pieces+1
		p.c.PauseReading()
	}
	c := start(t, l, p, sh("while :; do echo 0123456789; done"))
	l.until(t, func() bool { return c.out[0].held != nil })
	before := n
	for range 100 { // it is full now
		l.turn()
		runtime.Gosched()
	}
	if n != before || pieces != 1 {
		t.Errorf("%d pieces came while paused", pieces-1)
	}
	c.ResumeReading()
	c.ResumeReading()
	if pieces != 1 {
		t.Error("ResumeReading calls back")
	}
	l.until(t, func() bool { return pieces == 2 && c.out[0].held != nil })
	c.StopProducing()
	if c.out[0].held != nil {
		t.Error("something is kept after the end")
	}
	_ = c.Signal(syscall.SIGKILL) // unless the broken pipe has ended it already
	l.until(t, func() bool { return p.ended })
	if pieces != 2 {
		t.Error("data after StopProducing")
	}
	checkEnd(t, p)
}

// pusher is a push producer of n bytes.
type pusher struct {
	to      *ChildProcess
	left    int
	most    int // that were buffered
	paused  int // how often
	going   bool
	stopped int
}

func (p *pusher) PauseProducing() { p.going = false; p.paused++ }
func (p *pusher) StopProducing()  { p.going = false; p.stopped++ }
func (p *pusher) ResumeProducing() {
	p.going = true
	p.to.Loop().CallFromThread(p.push)
}
func (p *pusher) push() {
	if !p.going {
		return
	}
	piece := min(p.left, 10000)
	p.to.Write(make([]byte, piece))
	p.left -= piece
	p.most = max(p.most, p.to.Buffered())
	if p.left == 0 {
		p.to.UnregisterProducer()
		return
	}
	p.to.Loop().CallFromThread(p.push)
}

func TestProcessPushProducer(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	p := &childNotes{}
	spec := sh("read go <&4; wc -c")
	spec.FDs = map[int]ChildFD{0: {Pipe: ChildReads}, 1: {Pipe: ChildWrites}, 4: {Pipe: ChildReads}}
	c := start(t, l, p, spec)
	push := &pusher{to: c, left: 3_000_000}
	c.RegisterProducer(push)
	c.CloseStdin() // waits for the producer
	push.ResumeProducing()
	l.until(t, func() bool { return push.paused > 0 })
	if panicOf(func() { c.RegisterProducer(push) }) == nil {
		t.Error("a second producer")
	}
	c.WriteToChild(4, []byte("go\n"))
	l.until(t, func() bool { return p.ended })
	if strings.TrimSpace(p.data[1]) != "3000000" {
		t.Errorf("the child read %q", p.data[1])
	}
	if push.most > highWater+20000 || push.stopped > 0 {
		t.Errorf("%d bytes were buffered, stopped %d times", push.most, push.stopped)
	}
	checkEnd(t, p)
}

// puller is a pull producer of n pieces.
type puller struct {
	to      *ChildProcess
	left    int
	stopped int
}

func (p *puller) StopProducing() { p.stopped++ }
func (p *puller) ResumeProducing() {
	if p.left--; p.left < 0 {
		p.to.UnregisterProducer()
		p.to.CloseStdin()
		return
	}
	if p.to.Buffered() != 0 {
		panic("asked while something is queued")
	}
	p.to.Write([]byte("piece\n"))
}

func TestProcessPullProducer(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	p.made = func(c *ChildProcess) { c.RegisterProducer(&puller{to: c, left: 5}) }
	spawn(t, p, Process{Path: "cat"})
	if p.data[1] != strings.Repeat("piece\n", 5) {
		t.Errorf("got %v", p.data)
	}
}

func TestProcessClosesItsInput(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	p := &childNotes{}
	spec := sh("exec 0<&-; echo closed; read go <&4")
	spec.FDs = map[int]ChildFD{0: {Pipe: ChildReads}, 1: {Pipe: ChildWrites}, 4: {Pipe: ChildReads}}
	c := start(t, l, p, spec)
	l.until(t, func() bool { return p.data[1] != "" })
	pull := &puller{to: c, left: 3}
	c.RegisterProducer(pull)
	l.until(t, func() bool { return pull.stopped == 1 && slices.Contains(p.events, "lost 0 true") })
	c.Write([]byte("dropped"))
	if c.Buffered() != 0 {
		t.Error("a lost pipe keeps what is written")
	}
	late := &puller{to: c}
	c.RegisterProducer(late)
	if late.stopped != 0 {
		t.Error("RegisterProducer calls back")
	}
	l.until(t, func() bool { return late.stopped == 1 })
	c.CloseChildFD(4)
	l.until(t, func() bool { return p.ended })
	if !strings.Contains(strings.Join(p.events, " "), "broken pipe") {
		t.Errorf("events %q", p.events)
	}
	checkEnd(t, p)
}

func TestProcessExitStopsItsProducer(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	p := &childNotes{}
	c := start(t, l, p, sh("exit 0"))
	push := &pusher{to: c, left: 1 << 30}
	c.RegisterProducer(push)
	l.until(t, func() bool { return p.ended && push.stopped == 1 })
	checkEnd(t, p)
}

func TestProcessCloseOneOutput(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	p.made = func(c *ChildProcess) {
		c.CloseChildFD(2)
		c.CloseStdin()
	}
	spawn(t, p, sh("trap '' PIPE; read x; echo lost >&2; echo out"))
	if p.data[1] != "out\n" || p.data[2] != "" || !slices.Contains(p.events, "lost 2 true") {
		t.Errorf("got %v, %q", p.data, p.events)
	}
}

func TestProcessLoseConnection(t *testing.T) {
	leaks(t)
	p := &childNotes{}
	p.made = func(c *ChildProcess) { c.LoseConnection() }
	spawn(t, p, Process{Path: "cat"}) // ends by itself
	if !p.status.Success() {
		t.Errorf("status %v", p.status)
	}
}

func TestProcessLargeThroughBothWays(t *testing.T) {
	leaks(t)
	data := make([]byte, 5_000_003)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	var got bytes.Buffer
	p := &childNotes{}
	p.got = func(_ int, data []byte) { got.Write(data) }
	p.made = func(c *ChildProcess) { c.Write(data); c.CloseStdin() }
	spawn(t, p, Process{Path: "cat"})
	if !bytes.Equal(got.Bytes(), data) {
		t.Errorf("%d bytes came back, not the same %d", got.Len(), len(data))
	}
}

// Whenever reading is paused and resumed, all comes, in order, and nothing while
// it is paused.
func TestProcessPausedAtRandom(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	rng := rand.New(rand.NewPCG(3, 4))
	var got bytes.Buffer
	p := &childNotes{}
	p.got = func(_ int, data []byte) {
		if p.c.paused {
			t.Error("data while paused")
		}
		got.Write(data)
		switch rng.IntN(3) {
		case 0:
			p.c.PauseReading()
			l.CallFromThread(p.c.ResumeReading)
		case 1:
			p.c.PauseReading()
			p.c.ResumeReading()
			p.c.PauseReading()
			p.c.ResumeReading()
		}
	}
	var want bytes.Buffer
	for i := range 40_000 {
		fmt.Fprintln(&want, i+1)
	}
	start(t, l, p, sh("i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo $i; done"))
	l.until(t, func() bool { return p.ended })
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes came, not the same %d", got.Len(), want.Len())
	}
	checkEnd(t, p)
}

// Many at once, each with a different end.
func TestManyProcesses(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	var all []*childNotes
	for i := range 12 {
		p := &childNotes{}
		p.made = func(c *ChildProcess) {
			c.Write([]byte("in\n"))
			if i%2 == 0 {
				c.CloseStdin()
			}
		}
		start(t, l, p, sh(fmt.Sprintf("read x; echo $x; exit %d", i)))
		all = append(all, p)
	}
	l.until(t, func() bool {
		return !slices.ContainsFunc(all, func(p *childNotes) bool { return !p.ended })
	})
	for i, p := range all {
		if p.status.Code != i || p.data[1] != "in\n" {
			t.Errorf("child %d: %v, %v", i, p.status, p.data)
		}
		checkEnd(t, p)
	}
}

// plainProtocol has only what ProcessProtocol asks for.
type plainProtocol struct{ end func(ProcessStatus) }

func (plainProtocol) ProcessMade(*ChildProcess)      {}
func (plainProtocol) OutReceived([]byte)             {}
func (plainProtocol) ErrReceived([]byte)             {}
func (p plainProtocol) ProcessEnded(s ProcessStatus) { p.end(s) }

func TestProcessPlainProtocol(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	var got *ProcessStatus
	_, err := SpawnProcess(l, plainProtocol{func(s ProcessStatus) { got = &s }}, sh("echo a; exit 7"))
	if err != nil {
		t.Fatal(err)
	}
	l.until(t, func() bool { return got != nil })
	if got.Code != 7 {
		t.Errorf("status %v", got)
	}
}

func TestSpawnFails(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	for want, spec := range map[string]Process{
		"executable file not found":         {Path: "no-such-program-here"},
		"no such file or directory":         {Path: "/no/such/program"},
		"chdir /no/such/dir":                {Path: "/bin/sh", Dir: "/no/such/dir"},
		"descriptor -1 is not from 0":       {Path: "/bin/sh", FDs: map[int]ChildFD{-1: {}}},
		"descriptor 5000 is not from 0":     {Path: "/bin/sh", FDs: map[int]ChildFD{1: {Pipe: ChildWrites}, 5000: {}}},
		"is given a pipe and a file":        {Path: "/bin/sh", FDs: map[int]ChildFD{0: {Pipe: ChildReads}, 1: {Pipe: ChildWrites, File: os.Stdout}}},
		"plainProtocol has no PipeReceived": {Path: "/bin/sh", FDs: map[int]ChildFD{1: {Pipe: ChildWrites}, 3: {Pipe: ChildWrites}}},
	} {
		_, err := SpawnProcess(l, plainProtocol{func(ProcessStatus) { t.Error("called") }}, spec)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "reactor: can not run ") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	l.turn()
}

func TestProcessProtocolPanics(t *testing.T) {
	leaks(t)
	log := catchLog(t)
	p := &childNotes{}
	p.got = func(int, []byte) { panic("oh dear") }
	spawn(t, p, sh("echo x; while :; do read x; done"))
	if p.status.Signal != syscall.SIGKILL {
		t.Errorf("status %v", p.status)
	}
	if !strings.Contains(log.String(), "oh dear") {
		t.Errorf("log %s", log)
	}
}

func TestProcessAtShutdown(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	p := &childNotes{}
	c := start(t, l, p, sh("echo x; read x; exit 5"))
	push := &pusher{to: c, left: 1}
	c.RegisterProducer(push)
	l.until(t, func() bool { return p.data[1] != "" })
	l.Fire(Shutdown)
	if p.status.Err != ErrStopped || p.events[len(p.events)-1] != "ended" {
		t.Errorf("status %v, events %q", p.status, p.events)
	}
	n := len(p.events)
	l.until(t, func() bool { return c.Signal(syscall.Signal(0)) != nil })
	for range 10 {
		l.turn()
	}
	if len(p.events) != n || push.stopped != 1 {
		t.Errorf("after the end: %q, stopped %d", p.events[n:], push.stopped)
	}
}

func TestProcessAtShutdownBeforeItIsMade(t *testing.T) {
	leaks(t)
	l := newTestLoop()
	p := &childNotes{}
	c := start(t, l, p, Process{Path: "cat"})
	l.Fire(Shutdown)
	l.until(t, func() bool { return c.Signal(syscall.Signal(0)) != nil })
	if len(p.events) > 0 {
		t.Errorf("events %q", p.events)
	}
}

func TestProcessLeavesNoTrigger(t *testing.T) {
	l := newTestLoop()
	p := &childNotes{}
	start(t, l, p, sh("exit 0"))
	l.until(t, func() bool { return p.ended })
	if n := len(l.triggers); n != 0 {
		t.Errorf("%d triggers are left", n)
	}
}

func TestProcessesOnTheReactor(t *testing.T) {
	r := New()
	const children = 8
	left := children
	in := strings.Repeat("0123456789abcdef", 50_000)
	var notes []*childNotes
	r.CallWhenRunning(func() {
		for range children {
			p := &childNotes{}
			p.made = func(c *ChildProcess) { io.WriteString(writer{c}, in); c.CloseStdin() }
			p.end = func() {
				if left--; left == 0 {
					r.Stop()
				}
			}
			notes = append(notes, p)
			if _, err := SpawnProcess(r, p, Process{Path: "cat"}); err != nil {
				t.Error(err)
				r.Stop()
			}
		}
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	for _, p := range notes {
		if p.data[1] != in || !p.status.Success() {
			t.Errorf("%d bytes came back, %v", len(p.data[1]), p.status)
		}
		checkEnd(t, p)
	}
}

// writer makes an io.Writer of a Consumer.
type writer struct{ Consumer }

func (w writer) Write(b []byte) (int, error) { w.Consumer.Write(b); return len(b), nil }

func TestReactorStopsWithAChild(t *testing.T) {
	r := New()
	p := &childNotes{made: func(*ChildProcess) { r.Stop() }}
	r.CallWhenRunning(func() { start(t, r, p, Process{Path: "cat"}) })
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if p.status.Err != ErrStopped || !p.ended {
		t.Errorf("status %v, events %q", p.status, p.events)
	}
}
