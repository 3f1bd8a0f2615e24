//go:build linux

// Wsload measures WebSocket servers side by side: the CPU time (user and system) that a
// server spends for a message. It starts each server on one core and itself runs on
// another, takes windows in turn, so that a slow machine is slow for all, and prints
// medians and their ratio to the first server.
//
//	wsload -mode echo      [-conns 64] [-size 125] 'spindle=./target|/ws' 'gws=./wsgws|/'
//	wsload -mode broadcast [-conns 10000] [-size 125] 'write=./wswrite|/' 'spindle=./target|/all'
//	wsload -mode idle      [-conns 10000] 'spindle=./target|/ws'
//
// A server is NAME=COMMAND|PATH. It is started with -listen 127.0.0.1:0 and prints
// "listening on ADDR".
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var (
	mode    = flag.String("mode", "echo", "echo, broadcast or idle")
	conns   = flag.Int("conns", 64, "`number` of connections")
	size    = flag.Int("size", 125, "`bytes` of a message")
	windows = flag.Int("windows", 9, "`number` of windows for each server")
	length  = flag.Duration("window", time.Second, "how long one of them is")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	runtime.LockOSThread() // the servers end with this thread
	var list []*server
	for _, arg := range flag.Args() {
		s, err := start(arg)
		if err != nil {
			log.Fatal("wsload: ", err)
		}
		defer s.stop()
		list = append(list, s)
	}
	pin(0, 1)
	if err := measure(list); err != nil {
		log.Print("wsload: ", err)
	}
}

// measure runs the mode and prints its table.
func measure(list []*server) error {
	if *mode == "idle" {
		return idle(list)
	}
	for range *windows {
		for _, s := range list {
			perCPU, err := s.window()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			s.results = append(s.results, perCPU)
		}
	}
	for _, s := range list {
		slices.Sort(s.results)
		slices.Sort(list[0].results)
		m, first := median(s.results), median(list[0].results)
		fmt.Printf("%-10s %9.0f messages per CPU second, %6.2f µs each, × %.3f of %s (quartiles %.0f %.0f)\n", s.name, m, 1e6/m,
			first/m, list[0].name, s.results[len(s.results)/4], s.results[len(s.results)*3/4])
	}
	return nil
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// window is the messages that were delivered in one window, for each second of the
// server's CPU.
func (s *server) window() (float64, error) {
	if *mode == "broadcast" {
		return s.broadcast()
	}
	return s.echo()
}

// echo has each connection send a message as soon as the last has come back.
func (s *server) echo() (float64, error) {
	list, err := s.dialAll(*conns)
	defer closeAll(list)
	if err != nil {
		return 0, err
	}
	var count atomic.Int64
	var all sync.WaitGroup
	var failed atomic.Value
	message := clientFrame(*size)
	end := time.Now().Add(*length + *length/4)
	for _, c := range list {
		all.Go(func() {
			in := make([]byte, serverFrame(*size))
			for time.Now().Before(end) {
				if _, err := c.Write(message); err != nil {
					failed.Store(err)
					return
				}
				if _, err := io.ReadFull(c, in); err != nil {
					failed.Store(err)
					return
				}
				count.Add(1)
			}
		})
	}
	time.Sleep(*length / 4)
	n, cpu := count.Load(), s.cpu()
	time.Sleep(*length / 2)
	n, cpu = count.Load()-n, s.cpu()-cpu
	all.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, err
	}
	return float64(n) / cpu.Seconds(), nil
}

// broadcast has the first connection send a message when the last one has reached all.
func (s *server) broadcast() (float64, error) {
	list, err := s.dialAll(*conns)
	defer closeAll(list)
	if err != nil {
		return 0, err
	}
	got := make(chan bool, len(list))
	for _, c := range list {
		go func() {
			in := make([]byte, serverFrame(*size))
			for {
				if _, err := io.ReadFull(c, in); err != nil {
					return
				}
				got <- true
			}
		}()
	}
	message := clientFrame(*size)
	n, cpu := 0, time.Duration(0)
	end := time.Now().Add(*length)
	for round := 0; round < 2 || time.Now().Before(end); round++ {
		if round == 1 {
			n, cpu = 0, s.cpu() // the first one grows buffers
		}
		if _, err := list[0].Write(message); err != nil {
			return 0, err
		}
		late := time.NewTimer(20 * time.Second)
		for range list {
			select {
			case <-got:
				n++
			case <-late.C:
				return 0, errors.New("a broadcast does not arrive")
			}
		}
		late.Stop()
	}
	return float64(n) / (s.cpu() - cpu).Seconds(), nil
}

// idle prints what a connection costs the server that does nothing.
func idle(list []*server) error {
	for _, s := range list {
		some, err := s.dialAll(100) // what the first connections bring is no cost of the others
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		before := s.memory()
		more, err := s.dialAll(*conns)
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Second)
		fmt.Printf("%-10s %.0f bytes for each of %d connections\n", s.name, float64(s.memory()-before)/float64(*conns), *conns)
		closeAll(append(some, more...))
	}
	return nil
}

// server is one that was started.
type server struct {
	name, addr, path string
	cmd              *exec.Cmd
	results          []float64
}

func start(arg string) (*server, error) {
	name, rest, _ := strings.Cut(arg, "=")
	command, path, ok := strings.Cut(rest, "|")
	if !ok {
		return nil, fmt.Errorf("%q is not NAME=COMMAND|PATH", arg)
	}
	words := append(strings.Fields(command), "-listen", "127.0.0.1:0")
	s := &server{name: name, path: path, cmd: exec.Command(words[0], words[1:]...)}
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	s.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	pin(s.cmd.Process.Pid, 0)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if s.addr, ok = strings.CutPrefix(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s does not listen", name)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(unix.SIGKILL)
	_ = s.cmd.Wait()
}

// pin puts all threads of a process on a core, if the machine has more than one.
func pin(pid, core int) {
	var set unix.CPUSet
	set.Set(core)
	if pid == 0 {
		pid = os.Getpid()
	}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range tasks {
		var tid int
		fmt.Sscan(t.Name(), &tid)
		_ = unix.SchedSetaffinity(tid, &set)
	}
}

// cpu is the CPU time of the server, over all its threads, in nanoseconds exactly.
func (s *server) cpu() (sum time.Duration) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.cmd.Process.Pid))
	for _, t := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", s.cmd.Process.Pid, t.Name()))
		var ns int64
		fmt.Sscan(string(text), &ns)
		sum += time.Duration(ns)
	}
	return sum
}

// memory is the bytes of the server that are in memory.
func (s *server) memory() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	var total, resident int64
	fmt.Sscan(string(text), &total, &resident)
	return resident * int64(os.Getpagesize())
}

func (s *server) dialAll(n int) (list []net.Conn, err error) {
	for range n {
		c, err := s.dial()
		if err != nil {
			return list, err
		}
		list = append(list, c)
	}
	return list, nil
}

// dial opens a connection, with the handshake of RFC 6455 §1.3.
func (s *server) dial() (net.Conn, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", s.path, s.addr)
	var head []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, one[0]) {
		if _, err := io.ReadFull(c, one); err != nil {
			return nil, err
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
		return nil, fmt.Errorf("the handshake is answered %q", head)
	}
	return c, nil
}

func closeAll(list []net.Conn) {
	for _, c := range list {
		_ = c.(*net.TCPConn).SetLinger(0) // no port is kept
		_ = c.Close()
	}
}

// clientFrame is a text of n bytes, masked.
func clientFrame(n int) []byte {
	b := appendHead([]byte{0x81}, 0x80, n)
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, mask[:]...)
	for i := range n {
		b = append(b, 'x'^mask[i%4])
	}
	return b
}

// serverFrame is how long the answer is.
func serverFrame(n int) int { return len(appendHead([]byte{0x81}, 0, n)) + n }

func appendHead(b []byte, mask byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, mask|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
}
