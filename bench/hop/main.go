// Hop measures what the way through spindle dev adds to a request: the latency of one
// client that waits for each answer, asked of a program alone, and of the same program
// behind the development server, in turns; and behind others that pass requests on: nginx, the
// proxy of the standard library, and a relay that only copies bytes, which is the least that
// can be had of a process in between.
//
//	go run ./bench/hop [-rounds 7] [-window 400ms] [-spindle PROGRAM] [-only NAME,…] [-work none]
//
// It needs two cores, which client, development server and program share, and Flask for the last
// row. Handlers work by using the CPU for as long as the row says; "none" answers at once.
// The request log is on, as it is for a user, and goes to /dev/null.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if is, err := runFront(os.Args); is {
		fmt.Fprintln(os.Stderr, "hop:", err)
		os.Exit(1)
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "windows for each row and way")
	flag.DurationVar(&o.window, "window", 400*time.Millisecond, "length of a window")
	flag.StringVar(&o.spindle, "spindle", "", "`program` to measure in place of a new build of cmd/spindle")
	flag.StringVar(&o.only, "only", "", "measure the programs of these `names` alone, with commas between them")
	flag.StringVar(&o.work, "work", "", "measure this work alone: none, 1 ms or 5 ms")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "hop:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds  int
	window  time.Duration
	spindle string
	only    string
	work    string
}

type work struct{ name, path string }

// works is what handlers do, and the path that asks for it.
var works = []work{{"none", "/"}, {"1 ms", "/1"}, {"5 ms", "/5"}}

// check refuses names of nothing.
func (o *options) check() error {
	for _, name := range strings.Split(o.only, ",") {
		if name != "" && !slices.ContainsFunc(programs, func(p program) bool { return p.name == name }) {
			return fmt.Errorf("-only %s: there are spindle, net/http and flask", name)
		}
	}
	if o.work != "" && !slices.ContainsFunc(works, func(w work) bool { return w.name == o.work }) {
		return fmt.Errorf("-work %s: there are none, 1 ms and 5 ms", o.work)
	}
	return nil
}

func run(o options) error {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hop")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.spindle == "" {
		o.spindle = filepath.Join(dir, "command", "spindle")
		if err := output(exec.Command("go", "build", "-o", o.spindle, "./cmd/spindle")); err != nil {
			return err
		}
	}
	fmt.Printf("%-10s %-6s %-12s %10s %10s %7s %s\n", "program", "work", "way", "alone", "through", "ratio", "quartiles")
	for _, p := range programs {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), p.name) {
			continue
		}
		if err := p.measure(o, filepath.Join(dir, p.name)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// measure runs a program alone and behind the development server, and prints its rows.
func (p program) measure(o options, dir string) error {
	if err := p.write(dir); err != nil {
		return err
	}
	alone, err := p.alone(dir)
	if err != nil {
		return err
	}
	defer alone.end()
	for _, way := range p.ways {
		through, err := p.behind(dir, o.spindle, way)
		if err != nil {
			return err
		}
		err = p.compareAll(o, way.name, alone, through, works)
		through.end()
		if err != nil {
			return err
		}
	}
	if !p.fronts {
		return nil
	}
	for _, f := range fronts {
		through, err := f.before(dir, alone.addr)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if through == nil {
			fmt.Printf("%-10s %-6s %-12s is not installed\n", p.name, "", f.name)
			continue
		}
		err = p.compareAll(o, f.name, alone, through, works[:1])
		through.end()
		if err != nil {
			return err
		}
	}
	return nil
}

// compareAll prints the rows of one way.
func (p program) compareAll(o options, way string, alone, through *running, works []work) error {
	for _, w := range works {
		if o.work != "" && o.work != w.name {
			continue
		}
		a, b, err := compare(alone.addr, through.addr, w.path, o)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", way, w.name, err)
		}
		ratios := make([]float64, len(a))
		for i := range a {
			ratios[i] = float64(b[i]) / float64(a[i])
		}
		slices.Sort(ratios)
		fmt.Printf("%-10s %-6s %-12s %7.0f µs %7.0f µs %7.2f %.2f–%.2f\n", p.name, w.name, way,
			micros(middle(a)), micros(middle(b)), middle(ratios), ratios[len(ratios)/4], ratios[len(ratios)*3/4])
	}
	return nil
}

// compare gives the median latency of each window, of both addresses in turns.
func compare(one, other, path string, o options) (a, b []time.Duration, err error) {
	clients := make([]*client, 2)
	for i, addr := range []string{one, other} {
		if clients[i], err = newClient(addr, path); err != nil {
			return nil, nil, err
		}
		defer clients[i].close()
		if _, err = clients[i].latency(o.window / 4); err != nil {
			return nil, nil, err
		}
	}
	for range o.rounds {
		for i, list := range []*[]time.Duration{&a, &b} {
			d, err := clients[i].latency(o.window)
			if err != nil {
				return nil, nil, err
			}
			*list = append(*list, d)
		}
	}
	return a, b, nil
}

func middle[T cmp.Ordered](list []T) T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// output runs a command, whose output is in the error if there is one.
func output(c *exec.Cmd) error {
	out, err := c.CombinedOutput()
	if err != nil {
		return errors.New(strings.Join(c.Args, " ") + ": " + err.Error() + "\n" + string(out))
	}
	return nil
}
