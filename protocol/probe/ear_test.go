//go:build spindle_dev

package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
)

// asStderr runs f with another os.Stderr, of which the standard logs write, and gives what
// it has got.
func asStderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was, flags, handler := os.Stderr, log.Flags(), slog.Default()
	os.Stderr = w
	log.SetOutput(w)
	log.SetFlags(0)
	defer func() {
		os.Stderr = was
		slog.SetDefault(handler)
		log.SetOutput(was)
		log.SetFlags(flags)
	}()
	f()
	_ = w.Close()
	all, _ := io.ReadAll(r)
	return string(all)
}

func texts(list []Line) (texts []string) {
	for _, l := range list {
		texts = append(texts, l.Text)
	}
	return texts
}

// wait has f done by a goroutine that the caller starts.
func wait(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestWhoHasSaidIt(t *testing.T) {
	var a, b *Said
	all := asStderr(t, func() {
		listen()
		first, second := NewTask(context.Background(), "GET /a", "1"), NewTask(context.Background(), "GET /b", "2")
		log.Print("nobody's")
		endA := first.Begin("handler")
		log.Print("a1")
		wait(func() { slog.Info("a2"); wait(func() { log.Print("a3\nand more") }) })
		wait(func() {
			defer second.Begin("handler")()
			log.Print("b1")
			pprof.Do(context.Background(), pprof.Labels("its", "own"), func(context.Context) { log.Print("not known") })
		})
		fmt.Fprintln(os.Stderr, "not by a log")
		if here := SaidHere(); here == nil || here.Number != "1" || len(here.Own) != 3 {
			t.Errorf("here: %+v", here)
		}
		endA()
		log.Print("nobody's again")
		first.End()
		second.End()
		a, b = first.Said(), second.Said()
	})
	if got := texts(a.Own); !slices.Equal(got, []string{"a1", "INFO a2", "a3\nand more"}) || !a.Own[0].Errors || a.Own[0].At < a.Began {
		t.Errorf("a: %q, %+v", got, a)
	}
	if got := texts(b.Own); !slices.Equal(got, []string{"b1"}) || !slices.Equal(texts(a.Others), []string{"b1"}) {
		t.Errorf("b: %q; others of a: %q", got, texts(a.Others))
	}
	const want = "nobody's\na1\nINFO a2\na3\nand more\nb1\nnot known\nnot by a log\nnobody's again\n"
	if all != want {
		t.Errorf("what is printed is another thing:\n%s", all)
	}
	if SaidHere() != nil || len(ear.by) != 0 {
		t.Errorf("%d are left", len(ear.by))
	}
}

// Labels that the program has set, stay as they are.
func TestLabelsOfTheProgram(t *testing.T) {
	x := NewTask(context.Background(), "GET /", "1")
	defer x.End()
	pprof.Do(context.Background(), pprof.Labels("its", "own"), func(context.Context) {
		was := goroutineLabels()
		defer x.Begin("handler")()
		if goroutineLabels() != was {
			t.Error("they are others")
		}
	})
}

func TestHandlersOfSlog(t *testing.T) {
	for _, row := range []struct {
		name    string
		handler func(w io.Writer) slog.Handler
		want    int
	}{
		{"text", func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }, 1},
		{"JSON", func(w io.Writer) slog.Handler {
			return slog.NewJSONHandler(w, nil).WithAttrs([]slog.Attr{slog.Int("n", 1)})
		}, 1},
		{"another one", func(w io.Writer) slog.Handler { return struct{ slog.Handler }{slog.NewTextHandler(w, nil)} }, 0},
		{"elsewhere", func(io.Writer) slog.Handler { return slog.NewTextHandler(new(bytes.Buffer), nil) }, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := NewTask(context.Background(), "GET /", "1")
			defer x.End()
			all := asStderr(t, func() {
				slog.SetDefault(slog.New(row.handler(os.Stderr)))
				listen()
				defer x.Begin("handler")()
				slog.Info("hello")
			})
			if got := x.Said().Own; len(got) != row.want || row.want > 0 && all != got[0].Text+"\n" {
				t.Errorf("%q of %q", texts(got), all)
			}
		})
	}
}

// What is told is bounded, whatever is logged.
func TestSaidIsBounded(t *testing.T) {
	x := NewTask(context.Background(), "GET /", "1")
	defer x.End()
	defer x.Begin("handler")()
	for range 10 * mostSaid {
		hear([]byte(strings.Repeat("x", 3*mostSaidText)), false)
	}
	if s := x.Said(); len(s.Own) < mostSaid || len(s.Own) >= 2*mostSaid || len(s.Own[0].Text) != mostSaidText || len(ear.last) >= 2*mostSaid {
		t.Errorf("%d, %d", len(s.Own), len(ear.last))
	}
}

// What a request costs that logs nothing.
func BenchmarkTask(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		x := NewTask(context.Background(), "GET /", "1")
		x.Begin("handler")()
		x.End()
	}
}
