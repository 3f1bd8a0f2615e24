package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress says what runs now: on a terminal in one line that is written again,
// elsewhere in plain lines, not more often than every few seconds.
type progress struct {
	out      io.Writer
	terminal bool
	began    time.Time
	said     time.Time
	work     string
	done     int
	total    int
	repeated int
}

const quiet = 5 * time.Second // between two lines that are no terminal's

func newProgress(f *os.File) *progress {
	p := &progress{out: f, began: time.Now()}
	if info, err := f.Stat(); err == nil {
		p.terminal = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	return p
}

// note says one thing at once.
func (p *progress) note(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// plan sets how many steps there will be; the time starts here.
func (p *progress) plan(total int) { p.total, p.began = total, time.Now() }

// workload begins the next workload.
func (p *progress) workload(id string) {
	p.work, p.said = id, time.Time{}
}

// step begins one window. A failed server's windows are steps too.
func (p *progress) step(server string) {
	line := fmt.Sprintf("%-9s %-9s %3d%%%s", p.work, server, 100*p.done/max(p.total, 1), p.left())
	if p.repeated > 0 {
		line += fmt.Sprintf(", %d windows repeated for noise", p.repeated)
	}
	p.done = min(p.done+1, p.total)
	switch {
	case p.terminal:
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	case time.Since(p.said) >= quiet:
		p.said = time.Now()
		fmt.Fprintln(p.out, line)
	}
}

// again tells that a window is repeated.
func (p *progress) again() { p.repeated++ }

// left is the time that the rest will take, if it goes on as until now.
func (p *progress) left() string {
	if p.done < 3 {
		return ""
	}
	each := time.Since(p.began) / time.Duration(p.done)
	left := each * time.Duration(p.total-p.done)
	return fmt.Sprintf(", %s left", left.Round(time.Second))
}

// clear takes the line away before something else is printed.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
