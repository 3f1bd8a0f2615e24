//go:build e2e && linux && amd64

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spindle/cmd/spindle/locals"
	"spindle/site/dev"
	"spindle/site/dev/inspect"
)

const waitingMain = `package main

import (
	"fmt"
	"time"
)

func wait(order int, c chan int) int {
	text := fmt.Sprint("order ", order)
	return <-c + len(text)
}

func main() {
	go func() {
		for {
			time.Sleep(time.Hour)
		}
	}()
	fmt.Println("waits")
	wait(4711, make(chan int))
}
`

// TestMomentOfPastProgram asks about a program that another has taken the place of, after the
// helper has let go of what it knew of it.
func TestMomentOfPastProgram(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(waitingMain), 0o600))
	path := filepath.Join(dir, "waiting")
	cmd := exec.CommandContext(patience(t), "go", "build", "-gcflags=-N -l", "-o", path, filepath.Join(dir, "main.go"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := exec.CommandContext(patience(t), path)
	said, err := program.StdoutPipe()
	must(t, err)
	must(t, program.Start())
	defer func() { _ = program.Process.Kill(); _ = program.Wait() }()
	_, err = bufio.NewReader(said).ReadString('\n')
	must(t, err)

	r := new(locals.Reader)
	exe, err := os.Open(path)
	must(t, err)
	m := lookUntilParked(t, r, path, exe, program.Process.Pid)
	must(t, exe.Close())
	frames, err := m.Frames()
	must(t, err)
	at := slices.IndexFunc(frames, func(f dev.Frame) bool { return f.Function == "main.wait" })
	ask := func(when string) {
		t.Helper()
		for expression, want := range map[string]string{"order": "4711", "text": `"order 4711"`} {
			if v, err := m.Eval(at, expression); err != nil || v.Text != want {
				t.Errorf("%s, %s: %+v %v", when, expression, v, err)
			}
		}
		if _, err := m.Eval(99, "order"); err == nil {
			t.Errorf("%s: there is a frame 99", when)
		}
	}
	ask("at first")
	must(t, os.Rename(path, path+"2"))
	next, err := os.Open(path + "2")
	must(t, err)
	defer next.Close()
	must(t, r.Prepare(next.Name(), next))
	for range 2 {
		r.Rest()
		m.(interface{ Rest() }).Rest()
		ask("after a rest")
	}
}

// lookUntilParked looks at goroutine 1, which is about to wait.
func lookUntilParked(t *testing.T, r *locals.Reader, path string, exe *os.File, pid int) dev.Moment {
	t.Helper()
	for {
		m, err := r.Look(path, exe, memoryOf(t, pid), 1)
		if err == nil {
			return m
		}
		if patience(t).Err() != nil {
			t.Fatal(err)
		}
	}
}

// memoryOf is what a process may write.
func memoryOf(t *testing.T, pid int) (m inspect.Memory) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	must(t, err)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	must(t, err)
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasPrefix(mode, "rw") || to-from > 64<<20 {
			continue
		}
		data := make([]byte, to-from)
		if n, err := mem.ReadAt(data, int64(from)); err == nil || err == io.EOF {
			m.Runs = append(m.Runs, [2]uint64{from, uint64(n)})
			m.Data = append(m.Data, data[:n]...)
		}
	}
	return m
}
