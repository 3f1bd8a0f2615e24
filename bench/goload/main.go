//go:build linux

// Goload is the load client for what bench/load, in C, can not do: TLS handshakes and
// WebSocket. It runs on one core, and does its work in steps, so that who has started
// it can read the server's meters in between:
//
//	goload -to ADDR -work handshake|echo|broadcast|idle-tls|idle-websocket [-conns N]
//		[-seconds S] [-request FILE -length N] [-path PATH -size N]
//
// It opens its connections and prints "ready". At a line of its input it begins, and
// prints what it saw in JSON; at the end of its input it ends. With idle work it holds
// its connections until then, and tells how many of them the server has left open.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

var (
	to      = flag.String("to", "", "`address` of the server")
	work    = flag.String("work", "", "handshake, echo, broadcast, idle-tls or idle-websocket")
	conns   = flag.Int("conns", 64, "`number` of connections")
	seconds = flag.Float64("seconds", 1, "how long the work is")
	request = flag.String("request", "", "`file` with the request, for TLS")
	length  = flag.Int("length", 0, "`bytes` of the content of its answer")
	path    = flag.String("path", "/", "where the WebSocket is")
	size    = flag.Int("size", 125, "`bytes` of a message")
)

// worker is one kind of work.
type worker interface {
	// open opens the connections.
	open() error
	// run works until end, and gives back how often, and how long each took where
	// that was measured.
	run(end time.Time) (n int, each []time.Duration, err error)
	// left is how many connections are open.
	left() int
}

// report is what is printed. The latencies are in microseconds.
type report struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	Open     int     `json:"open"`
	CPU      float64 `json:"cpu_seconds"` // of this client, for the work alone
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := obey(); err != nil {
		log.Fatal("goload: ", err)
	}
}

// obey is the whole run.
func obey() error {
	w, idle, err := workerOf(*work)
	if err != nil {
		return err
	}
	if err := w.open(); err != nil {
		return err
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	if idle {
		for in.Scan() {
		}
		return json.NewEncoder(os.Stdout).Encode(report{Requests: *conns, Seconds: 1, Open: w.left()})
	}
	if !in.Scan() {
		return nil
	}
	r, err := measure(w)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	for in.Scan() {
	}
	return nil
}

func workerOf(name string) (w worker, idle bool, err error) {
	switch name {
	case "handshake", "idle-tls":
		w, err = newSecure(*request)
		return w, name == "idle-tls", err
	case "echo":
		return new(echo), false, nil
	case "broadcast":
		return new(broadcast), false, nil
	case "idle-websocket":
		return new(echo), true, nil
	}
	return nil, false, fmt.Errorf("no work is called %q", name)
}

func measure(w worker) (r report, err error) {
	began, spent := time.Now(), cpu()
	n, each, err := w.run(began.Add(time.Duration(*seconds * float64(time.Second))))
	if err == nil && n == 0 {
		err = errors.New("not one answer came")
	}
	r = report{Requests: n, Seconds: time.Since(began).Seconds(), Open: *conns, CPU: (cpu() - spent).Seconds()}
	if len(each) > 0 {
		slices.Sort(each)
		r.P50, r.P99 = micros(each[len(each)/2]), micros(each[len(each)*99/100])
	}
	return r, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// cpu is the CPU time of this process.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
