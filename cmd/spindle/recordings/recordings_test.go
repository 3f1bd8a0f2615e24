package recordings

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"spindle/site/dev"
)

// here is the directory of this package, as the programs' is that is developed.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A trace with a request that has waited for a channel tells so, and where.
func TestTrace(t *testing.T) {
	if trace.IsEnabled() {
		t.Skip("a trace is made already")
	}
	path := filepath.Join(t.TempDir(), "trace.out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		t.Fatal(err)
	}
	ctx, task := trace.NewTask(context.Background(), "GET /slow")
	trace.Log(ctx, "request", "17")
	trace.WithRegion(ctx, "render", func() { waitForIt() })
	task.End()
	_, open := trace.NewTask(context.Background(), "GET /open")
	runtime.GC()
	trace.Stop()
	open.End()
	_ = f.Close()
	s, err := Reader{}.Trace(path, here(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Requests) != 2 || len(s.GC) == 0 || len(s.Pauses) == 0 || s.Goroutines == 0 || s.Span <= 0 || s.Running <= 0 || s.Procs == 0 {
		t.Fatalf("%+v", s)
	}
	r := s.Requests[0]
	if r.What != "GET /slow" || r.Number != "17" || r.Open || len(r.Parts) != 1 || r.Parts[0].What != "render" || r.Took < 20*time.Millisecond || len(r.Waits) == 0 {
		t.Fatalf("%+v", r)
	}
	if w := r.Waits[0]; w.Took < 15*time.Millisecond || w.Why != "chan receive" || !ownIs(w.Stack, "waitForIt") {
		t.Errorf("%+v", w)
	}
	if o := s.Requests[1]; o.What != "GET /open" || !o.Open {
		t.Errorf("%+v", o)
	}
	text, _ := json.Marshal(s)
	if len(text) > 200<<10 {
		t.Errorf("%d bytes of summary", len(text))
	}
}

// waitForIt waits for another goroutine.
//
//go:noinline
func waitForIt() {
	c := make(chan struct{})
	time.AfterFunc(25*time.Millisecond, func() { close(c) })
	<-c
}

func ownIs(stack []dev.TraceFrame, name string) bool {
	for _, f := range stack {
		if f.Own && strings.HasSuffix(f.Function, name) && f.Line > 0 && strings.HasSuffix(f.File, "recordings_test.go") {
			return true
		}
	}
	return false
}

func TestTraceThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, text := range []string{"", "no trace at all", "go 1.26 trace\x00\x00\x00\xff\xff\xff"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := (Reader{}).Trace(path, ""); err == nil && len(s.Requests) > 0 {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
	if _, err := (Reader{}).Trace(path+"y", ""); err == nil {
		t.Error("a file that there is not is read")
	}
}

var sink [][]byte

//go:noinline
func allocate() {
	for range 2000 {
		sink = append(sink[:0], make([]byte, 8<<10))
	}
}

//go:noinline
func burn(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := range 10000 {
			n += i * n
		}
	}
	return n
}

func TestProfile(t *testing.T) {
	base := filepath.Join(t.TempDir(), "p")
	was := runtime.MemProfileRate
	runtime.MemProfileRate = 4 << 10
	defer func() { runtime.MemProfileRate = was }()
	allocs := func(name string) {
		runtime.GC()
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := pprof.Lookup("allocs").WriteTo(f, 0); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(base + ".cpu")
	if err != nil {
		t.Fatal(err)
	}
	allocs(base + ".before")
	if err := pprof.StartCPUProfile(f); err != nil {
		t.Skip(err)
	}
	allocate()
	burn(time.Now().Add(300 * time.Millisecond))
	pprof.StopCPUProfile()
	_ = f.Close()
	allocs(base + ".after")
	s, err := Reader{}.Profile(base+".cpu", base+".before", base+".after", base+".allocs", here(t))
	if err != nil {
		t.Fatal(err)
	}
	row := func(v dev.ProfileView, name string) (r dev.ProfileRow) {
		for _, r := range v.Rows {
			if strings.HasSuffix(r.Function, name) {
				return r
			}
		}
		t.Fatalf("%s is not in %+v", name, v.Rows)
		return r
	}
	if r := row(s.CPU, "burn"); !r.Own || r.Line == 0 || r.Cum < s.CPU.Total/4 || r.Flat > r.Cum {
		t.Errorf("%+v of %d", r, s.CPU.Total)
	}
	if r := row(s.Bytes, "allocate"); !r.Own || r.Flat < 8<<20 || r.Flat > 40<<20 {
		t.Errorf("%+v of %d", r, s.Bytes.Total)
	}
	if r := row(s.Objects, "allocate"); r.Flat < 1000 || r.Flat > 5000 {
		t.Errorf("%+v of %d", r, s.Objects.Total)
	}
	for _, v := range []dev.ProfileView{s.CPU, s.Bytes, s.Objects} {
		if v.Flame.Value != v.Total || len(v.Flame.Children) == 0 {
			t.Errorf("a flame of %d, not %d", v.Flame.Value, v.Total)
		}
	}
	if d, err := readProfile(base + ".allocs"); err != nil || len(d.Sample) == 0 {
		t.Errorf("%v", err)
	}
}
