package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// This file runs a development server, edits what it watches, and asks it.

const (
	askEvery = 5 * time.Millisecond
	mostWait = 15 * time.Second
	mostCold = 3 * time.Minute         // for the first answer: all that is imported may have to be built
	tellCold = 5 * time.Second         // between words about it
	settle   = 1500 * time.Millisecond // before an edit: Flask and air do not see what comes sooner
	mostTold = 2000                    // bytes of what a runner has printed
)

// runner is a development server at work on an application of its own.
type runner struct {
	name, app, dir, url string
	cmd                 *exec.Cmd
	client              *http.Client
	refused             int // requests that failed
	out                 *output
}

// output takes what a runner prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is the end of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	return string(text[max(0, len(text)-mostTold):])
}

// last is the last line of it.
func (o *output) last() string {
	text := strings.TrimRight(o.String(), "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// start runs words, in which PORT is a free port, and waits for the first answer.
func (b *bench) start(app, name string, words ...string) (*runner, error) {
	dir, err := b.unpack(app, fmt.Sprintf("%s%d", app, len(b.runners)))
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	var args []string
	for _, w := range words[1:] {
		args = append(args, strings.ReplaceAll(w, "PORT", strconv.Itoa(port)))
	}
	r := &runner{name: name, app: app, dir: dir, url: fmt.Sprintf("http://127.0.0.1:%d", port), out: new(output)}
	r.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r.cmd = exec.Command(words[0], args...)
	r.cmd.Dir = dir
	r.cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port))
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = aSession()
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.runners = append(b.runners, r)
	b.mu.Unlock()
	first := "VERSION"
	if app == "page" {
		first = "<"
	}
	if err := r.awaitFirst(first); err != nil {
		return nil, err
	}
	r.refused = 0
	return r, nil
}

// aSession puts each runner, and each bare build, into a session of its own: Linux divides the
// processor between sessions first, so that they are equal only then.
func aSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// stopAll ends every runner, with all that it has started.
func (b *bench) stopAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runners {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT)
		done := make(chan struct{})
		go func() { _ = r.cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
	b.runners = nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// edit writes a file of the application anew, with version in it.
func edit(dir, app, file, version string) error {
	text, err := fs.ReadFile(testdata, "testdata/"+app+"/"+file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = fs.ReadFile(testdata, "testdata/"+app+"/"+file+".txt")
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), bytes.ReplaceAll(text, []byte("VERSION"), []byte(version)), 0o644)
}

// save edits, and waits for the answer that has version in it.
func (r *runner) save(file, version string) error {
	if err := edit(r.dir, r.app, file, version); err != nil {
		return err
	}
	return r.await(version)
}

// lostError is a save that nothing came of.
type lostError struct{ text string }

func (e *lostError) Error() string { return e.text }

func (r *runner) await(version string) error { return r.awaitFor(version, mostWait) }

// awaitFirst waits for the first answer, and says so when that takes long.
func (r *runner) awaitFirst(version string) error {
	began := time.Now()
	tell := time.NewTicker(tellCold)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-tell.C:
				fmt.Fprintf(os.Stderr, "reload: %s has not answered yet, %v: %s\n", r.name, time.Since(began).Round(time.Second), r.out.last())
			case <-done:
				return
			}
		}
	}()
	defer close(done)
	defer tell.Stop()
	return r.awaitFor(version, mostCold)
}

func (r *runner) awaitFor(version string, most time.Duration) error {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(askEvery) {
		if strings.Contains(r.get("/"), version) {
			return nil
		}
	}
	return &lostError{fmt.Sprintf("%s did not come to answer %q:\n%s", r.name, version, r.out)}
}

// get is an answer, "" when there is none.
func (r *runner) get(path string) string {
	res, err := r.client.Get(r.url + path)
	if err != nil {
		r.refused++
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.refused++
	}
	return string(text)
}

// live is the events that the script of a page gets.
type live struct {
	body   io.Closer
	events chan string
}

func (r *runner) listen() (*live, error) {
	req, err := http.NewRequest(http.MethodGet, r.url+"/__spindle__/events", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	l := &live{body: res.Body, events: make(chan string, 64)}
	go func() {
		defer close(l.events)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				l.events <- name
			}
		}
	}()
	return l, nil
}

func (l *live) await(event string) error {
	for late := time.After(mostWait); ; {
		select {
		case name, ok := <-l.events:
			if !ok {
				return errors.New("the events ended")
			}
			if name == event {
				return nil
			}
		case <-late:
			return fmt.Errorf("the event %q did not come", event)
		}
	}
}

func (l *live) close() { _ = l.body.Close() }
