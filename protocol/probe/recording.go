//go:build spindle_dev

package probe

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"
)

// This file records how the program runs, for the development server, which has it write
// files to its private directory: the last seconds of its execution, and profiles.

// recorder has what is under way.
type recorder struct {
	mu     sync.Mutex
	flight *trace.FlightRecorder // nil while nothing is kept
	config trace.FlightRecorderConfig
	cpu    *os.File // of the profile under way; nil while there is none
	base   string   // of the files of the profile
	rate   int      // of the profile of memory, before
	limit  *time.Timer
}

// mostProfile is how long a profile is made at most: the development server may be gone, or
// have given up before it was begun.
const mostProfile = 30 * time.Second

// recording is what a program answers that the development server has built. Its logs are
// heard.
func (p *probe) recording() {
	listen()
	r := new(recorder)
	p.handlers["trace-start"] = r.startTrace
	p.handlers["trace"] = r.trace
	p.handlers["profile-start"] = r.startProfile
	p.handlers["profile-stop"] = r.stopProfile
	p.handlers["coverage"] = covered
	p.handlers["coverage-clear"] = uncover
}

// Flight says how much a flight recorder keeps.
type Flight struct {
	Seconds float64 `json:"seconds"` // at least, if there is room
	Bytes   uint64  `json:"bytes"`   // at most, about
}

// startTrace begins to keep the last seconds.
func (r *recorder) startTrace(arg string) (any, error) {
	var f Flight
	if err := json.Unmarshal([]byte(arg), &f); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return nil, nil
	}
	r.config = trace.FlightRecorderConfig{MinAge: time.Duration(f.Seconds * float64(time.Second)), MaxBytes: f.Bytes}
	return nil, r.fly()
}

// fly begins to keep.
func (r *recorder) fly() error {
	flight := trace.NewFlightRecorder(r.config)
	if err := flight.Start(); err != nil {
		return err
	}
	r.flight = flight
	return nil
}

// trace writes them to the file arg.
func (r *recorder) trace(arg string) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight == nil {
		return nil, errors.New("the last seconds are not recorded")
	}
	f, err := create(arg)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := r.flight.WriteTo(f)
	return map[string]int64{"bytes": n}, err
}

// create makes a file that nobody else can read.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// allocRate is how many bytes are allocated for each that is noted while a profile is made.
const allocRate = 32 << 10

// startProfile begins profiles of the CPU and of what is allocated, in files whose names
// begin with arg.
func (r *recorder) startProfile(arg string) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cpu != nil {
		return nil, errors.New("a profile is made already")
	}
	f, err := create(arg + ".cpu")
	if err != nil {
		return nil, err
	}
	if r.flight != nil { // its cost would be in the profile
		r.flight.Stop()
	}
	r.rate, runtime.MemProfileRate = runtime.MemProfileRate, allocRate
	if err = writeAllocs(arg + ".before"); err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, errors.Join(err, r.asBefore())
	}
	r.cpu, r.base = f, arg
	r.limit = time.AfterFunc(mostProfile, func() { r.expire(f) })
	return nil, nil
}

// stopProfile ends them.
func (r *recorder) stopProfile(string) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cpu == nil {
		return nil, errors.New("no profile is made")
	}
	return nil, r.endProfile()
}

// expire ends the profile in f, if it has not ended.
func (r *recorder) expire(f *os.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cpu == f {
		_ = r.endProfile()
	}
}

// endProfile ends what is under way.
func (r *recorder) endProfile() error {
	r.limit.Stop()
	pprof.StopCPUProfile()
	err := writeAllocs(r.base + ".after")
	err = errors.Join(err, r.cpu.Close(), r.asBefore())
	r.cpu = nil
	return err
}

// asBefore is how it was before the profile.
func (r *recorder) asBefore() error {
	runtime.MemProfileRate = r.rate
	if r.flight == nil {
		return nil
	}
	r.flight = nil
	return r.fly()
}

// writeAllocs writes what was allocated up to now: the profile knows it up to the last
// collection.
func writeAllocs(path string) error {
	runtime.GC()
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("allocs").WriteTo(f, 0)
}

// Task is one exchange: in a trace of the execution, and in what is logged.
type Task struct {
	ctx  context.Context
	task *trace.Task // nil while nothing is traced
	said *said
}

// NewTask begins one: what is asked for, and the number by which the development server
// knows it ("" for none).
func NewTask(ctx context.Context, what, number string) Task {
	t := Task{said: newSaid(what, number)}
	if !trace.IsEnabled() {
		return t
	}
	t.ctx, t.task = trace.NewTask(ctx, what)
	if number != "" {
		trace.Log(t.ctx, "request", number)
	}
	return t
}

// Begin notes that a part of the task begins, on this goroutine; end is called there, too.
// Parts of other tasks may lie between, but for their ends.
func (t Task) Begin(name string) (end func()) {
	leave := t.said.enter()
	if t.task == nil {
		return leave
	}
	region := trace.StartRegion(t.ctx, name)
	return func() {
		region.End()
		leave()
	}
}

// Said is what is known of what it has logged. Any goroutine.
func (t Task) Said() *Said { return t.said.said() }

// End ends the task.
func (t Task) End() {
	t.said.end()
	if t.task != nil {
		t.task.End()
	}
}

func nothing() {}
