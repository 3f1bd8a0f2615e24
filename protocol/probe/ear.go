//go:build spindle_dev

package probe

import (
	"context"
	"log"
	"log/slog"
	"os"
	"reflect"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// This file knows which exchange has logged a line. The goroutine that works on an exchange
// has a label of pprof, which those inherit that it starts; who writes to the output of the
// standard logs is looked at by that. What is written, and when, is the same as ever.

const (
	mostSaid     = 200     // lines of an exchange, and of all together
	mostSaidText = 4 << 10 // bytes of one
	saidLabel    = "request"

	// readLate is how much later than it was written the development server may read a line.
	readLate = int64(200 * time.Millisecond)
)

// said is an exchange under way. Its lines are guarded by ear.mu.
type said struct {
	number string
	began  int64
	label  context.Context
	labels unsafe.Pointer // that, as a goroutine has it; nil before the first
	own    []Line
}

// spoken is a line of whoever it was.
type spoken struct {
	of   *said
	line Line
}

// ear is what listens. There is one for a process.
var ear = struct {
	mu   sync.Mutex
	by   map[unsafe.Pointer]*said // by the labels of its goroutines
	last []spoken
}{by: map[unsafe.Pointer]*said{}}

//go:linkname goroutineLabels runtime/pprof.runtime_getProfLabel
func goroutineLabels() unsafe.Pointer

//go:linkname setGoroutineLabels runtime/pprof.runtime_setProfLabel
func setGoroutineLabels(labels unsafe.Pointer)

// newSaid begins to note what an exchange logs.
func newSaid(what, number string) *said {
	return &said{number: number, began: time.Now().UnixNano(), label: pprof.WithLabels(context.Background(), pprof.Labels(saidLabel, what))}
}

// enter has the calling goroutine work on the exchange, until it calls leave. Labels that
// the program has set itself stay, and nothing is noted.
func (s *said) enter() (leave func()) {
	was := goroutineLabels()
	ear.mu.Lock()
	defer ear.mu.Unlock()
	if was != nil && ear.by[was] == nil {
		return nothing
	}
	pprof.SetGoroutineLabels(s.label)
	s.labels = goroutineLabels()
	ear.by[s.labels] = s
	return func() { setGoroutineLabels(was) }
}

// end forgets the exchange: what goroutines that it has left behind log is nobody's.
func (s *said) end() {
	ear.mu.Lock()
	defer ear.mu.Unlock()
	delete(ear.by, s.labels)
}

// said is what is told of it.
func (s *said) said() *Said {
	ear.mu.Lock()
	defer ear.mu.Unlock()
	all := &Said{Number: s.number, Began: s.began, Own: append([]Line(nil), s.own...)}
	for _, x := range ear.last {
		if x.of != s && x.line.At >= s.began-readLate {
			all.Others = append(all.Others, x.line)
		}
	}
	return all
}

// SaidHere is what is known of the exchange that the calling goroutine works on; nil where
// it is not known.
func SaidHere() *Said {
	labels := goroutineLabels()
	if labels == nil {
		return nil
	}
	ear.mu.Lock()
	s := ear.by[labels]
	ear.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.said()
}

// hear notes what the calling goroutine has written, if it works on an exchange.
func hear(p []byte, errors bool) {
	labels := goroutineLabels()
	if labels == nil {
		return
	}
	ear.mu.Lock()
	defer ear.mu.Unlock()
	s := ear.by[labels]
	if s == nil {
		return
	}
	text := strings.TrimSuffix(string(p[:min(len(p), mostSaidText)]), "\n")
	l := Line{At: time.Now().UnixNano(), Text: text, Errors: errors}
	s.own = lastOf(append(s.own, l))
	ear.last = lastOf(append(ear.last, spoken{s, l}))
}

// lastOf is list, cut from time to time to the last of it.
func lastOf[T any](list []T) []T {
	if len(list) < 2*mostSaid {
		return list
	}
	return append(list[:0], list[len(list)-mostSaid:]...)
}

// listen has what the program logs heard from now on: by log, and by the handlers of slog
// where the default one is of the standard library. Who has given his log another output
// than that of the process keeps it, unheard.
func listen() {
	if w := heardWriter(log.Writer()); w != nil {
		log.SetOutput(w)
	}
	listenToHandler(slog.Default().Handler())
}

// heardWriter is w so that it is heard; nil where that can not be, or it is.
func heardWriter(w any) *heardOutput {
	f, ok := w.(*os.File)
	if !ok || f == nil || f != os.Stderr && f != os.Stdout {
		return nil
	}
	return &heardOutput{File: f, errors: f == os.Stderr}
}

// heardOutput is an output of the process.
type heardOutput struct {
	*os.File
	errors bool
}

func (w *heardOutput) Write(p []byte) (int, error) {
	n, err := w.File.Write(p)
	hear(p[:n], w.errors)
	return n, err
}

func (w *heardOutput) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// listenToHandler exchanges the writer of a slog.TextHandler or slog.JSONHandler, which
// nobody sees from outside, while none of its goroutines writes. What is not as it is known
// is left alone.
func listenToHandler(h slog.Handler) {
	switch h.(type) {
	case *slog.TextHandler, *slog.JSONHandler:
	default:
		return
	}
	common := reflect.ValueOf(h).Elem().FieldByName("commonHandler")
	if common.Kind() != reflect.Pointer || common.IsNil() {
		return
	}
	out, mutex := common.Elem().FieldByName("w"), common.Elem().FieldByName("mu")
	if out.Kind() != reflect.Interface || out.Type().String() != "io.Writer" || mutex.Type() != reflect.TypeFor[*sync.Mutex]() {
		return
	}
	mu := (*sync.Mutex)(mutex.UnsafePointer())
	mu.Lock()
	defer mu.Unlock()
	at := reflect.NewAt(out.Type(), unsafe.Pointer(out.UnsafeAddr())).Elem()
	if w := heardWriter(at.Interface()); w != nil {
		at.Set(reflect.ValueOf(w))
	}
}
