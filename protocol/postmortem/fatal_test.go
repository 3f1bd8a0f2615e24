//go:build spindle_dev && linux && (amd64 || arm64)

package postmortem

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// ends is how a program may end.
var ends = []struct {
	name, kind, text string
	f                func()
}{
	{"a text", "panic", "boom", func() { panic("boom") }},
	{"an error of several lines", "panic", "order 4711: out of \"paper\"\n\tand \\ink", func() { panic(fmt.Errorf("order %d: %w", 4711, errors.New("out of \"paper\"\nand \\ink"))) }},
	{"a nil pointer", "panic", "runtime error: invalid memory address or nil pointer dereference", func() { var r *Report; r.PID = 1 }},
	{"in a deferred function", "panic", "first\n\tpanic: second", func() {
		defer func() { panic("second") }()
		panic("first")
	}},
	{"an unlocked mutex", "fatal error", "sync: unlock of unlocked mutex", func() { new(sync.Mutex).Unlock() }},
	{"behind something that was printed", "panic", "boom", func() {
		println("panic: ", "not yet", 7)
		panic("boom")
	}},
}

// A program that ends tells why, and of which goroutine, before it does.
func TestEndOfProgram(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv("POSTMORTEM_END")); err == nil {
		go ends[n].f()
		for { // has the runtime interrupt whoever seems to run for long
			runtime.Gosched()
		}
	}
	for n, row := range ends {
		t.Run(row.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "end")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			told, waited := make(chan Report, 1), make(chan struct{})
			go func() {
				defer close(told)
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				in := bufio.NewReader(c)
				goroutine, _ := in.ReadString('\n')
				var r Report
				if json.NewDecoder(in).Decode(&r) == nil && strconv.FormatInt(r.Goroutine, 10) == strings.TrimSpace(goroutine) {
					told <- r
				}
				_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				if _, err := in.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
					close(waited)
				}
				_, _ = io.WriteString(c, Seen)
			}()
			cmd := exec.Command(os.Args[0], "-test.run=^TestEndOfProgram$")
			cmd.Env = append(os.Environ(), "POSTMORTEM_END="+strconv.Itoa(n), Variable+"="+path)
			out, err := cmd.CombinedOutput()
			_ = l.Close()
			if err == nil || !strings.Contains(string(out), fmt.Sprintf("%s: ", row.kind)) || !strings.Contains(string(out), "\ngoroutine ") {
				t.Errorf("%v\n%s", err, out)
			}
			r := <-told
			if !r.Fatal || len(r.Causes) != 1 || r.Causes[0] != (Cause{Type: row.kind, Text: row.text}) || r.Goroutine == 0 {
				t.Errorf("%+v", r)
			}
			select {
			case <-waited:
			case <-time.After(time.Second):
				t.Error("it has not waited until it was seen")
			}
			if where := fmt.Sprintf("goroutine %d ", r.Goroutine); !strings.Contains(string(out), where) {
				t.Errorf("%sis not in %s", where, out)
			}
		})
	}
}

// A program whose development server is gone ends as any other.
func TestEndWithoutAnybody(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestEndOfProgram$")
	cmd.Env = append(os.Environ(), "POSTMORTEM_END=0", Variable+"="+filepath.Join(t.TempDir(), "none"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "panic: boom") {
		t.Errorf("%v\n%s", err, out)
	}
}
