package probe

import (
	"errors"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// This file is what any Go program can tell of itself: its memory, its goroutines.

// Process is the figures of the Go runtime.
type Process struct {
	Goroutines int64   `json:"goroutines"`
	Threads    int64   `json:"threads"`    // of the runtime, for Go code: GOMAXPROCS
	Heap       int64   `json:"heap"`       // bytes of objects, live or not yet swept
	HeapGoal   int64   `json:"heap_goal"`  // at which the collector is through with the next cycle
	Stacks     int64   `json:"stacks"`     // bytes
	Runtime    int64   `json:"runtime"`    // bytes that it has from the system, less those given back
	Objects    int64   `json:"objects"`    // live
	Allocated  int64   `json:"allocated"`  // bytes, ever
	Collected  int64   `json:"gc"`         // cycles
	GCCPU      float64 `json:"gc_cpu"`     // seconds of CPU, ever
	LongPauses int64   `json:"gc_over_ms"` // pauses of a millisecond or more, ever
}

var (
	sampling sync.Mutex
	samples  = []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"}, {Name: "/sched/gomaxprocs:threads"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/heap/objects:objects"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
)

// process reads them. It stops nothing.
func process() any {
	sampling.Lock()
	defer sampling.Unlock()
	metrics.Read(samples)
	n := func(i int) int64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return int64(samples[i].Value.Uint64())
	}
	p := Process{Goroutines: n(0), Threads: n(1), Heap: n(2), HeapGoal: n(3), Stacks: n(4), Runtime: n(5) - n(6), Objects: n(7), Allocated: n(8), Collected: n(9)}
	if v := samples[10].Value; v.Kind() == metrics.KindFloat64 {
		p.GCCPU = v.Float64()
	}
	if v := samples[11].Value; v.Kind() == metrics.KindFloat64Histogram {
		h := v.Float64Histogram()
		for i, count := range h.Counts {
			if h.Buckets[i] >= 1e-3 {
				p.LongPauses += int64(count)
			}
		}
	}
	return p
}

// mostStacks bounds the dump of all goroutines.
const mostStacks = 8 << 20

// goroutines is the stacks of all goroutines as text. The program stands still meanwhile,
// for some milliseconds if there are thousands.
func goroutines(string) (any, error) {
	for size := 256 << 10; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= mostStacks {
			return string(buf[:n]), nil
		}
	}
}

// collect has the garbage collector run.
func collect(string) (any, error) {
	runtime.GC()
	return process(), nil
}

// standard is what every program answers.
func (p *probe) standard() {
	p.figures["process"] = process
	p.handlers["goroutines"] = goroutines
	p.handlers["gc"] = collect
	p.handlers["level"] = level
	p.recording()
}

func hello(kind string) Hello {
	return Hello{PID: os.Getpid(), Kind: kind, Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Started: time.Now().UnixMilli()}
}

var errNoLevel = errors.New("the log of this program does not follow slog.SetLogLoggerLevel, nor LogLevel")
