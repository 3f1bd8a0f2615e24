package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// This file is the programs that are measured, and how they are run.

// program is one of them.
type program struct {
	name  string
	files map[string]string
	build []string // what makes it from the files; nil for nothing
	run   []string // alone, with the address of its port in PORT
	dev   []string // arguments of spindle dev
	ways  []way
	// fronts has it measured behind others, too.
	fronts bool
}

// way is one of the development server's.
type way struct {
	name string
	args []string
}

var proxied = way{"proxied", nil}

const mod = "module hop\n\ngo 1.26\n"

var programs = []program{
	{"spindle", map[string]string{"main.go": spindleText}, goBuild, []string{"./hop"}, []string{"."},
		[]way{proxied, {"direct", []string{"--direct"}}}, true},
	{"net/http", map[string]string{"main.go": nethttpText, "go.mod": mod}, goBuild, []string{"./hop"}, []string{"."},
		[]way{proxied}, true},
	{"flask", map[string]string{"app.py": flaskText}, nil, []string{"python3", "app.py"}, []string{"--command", "--", "python3", "app.py"},
		[]way{proxied}, false},
}

var goBuild = []string{"go", "build", "-o", "hop", "."}

const spindleText = `package main

import (
	"log"
	"os"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

type work struct{ resource.Leaf }

func (work) RenderGET(r *resource.Request) ([]byte, error) {
	ms, _ := strconv.Atoi(string(r.PathBytes()[1:]))
	for end := time.Now().Add(time.Duration(ms) * time.Millisecond); ms > 0 && time.Now().Before(end); {
	}
	r.SetField("Content-Type", "text/plain")
	return []byte("Hello, World!"), nil
}

func main() {
	port, _ := strconv.Atoi(os.Getenv("PORT"))
	reactor.ListenTCP(port, site.New(work{}))
	log.Fatal(reactor.Run())
}
`

const nethttpText = `package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.URL.Path[1:])
		for end := time.Now().Add(time.Duration(ms) * time.Millisecond); ms > 0 && time.Now().Before(end); {
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Write([]byte("Hello, World!"))
	})))
}
`

const flaskText = `import logging, os, time
import flask
from werkzeug.serving import WSGIRequestHandler

app = flask.Flask(__name__)
WSGIRequestHandler.protocol_version = "HTTP/1.1"  # connections are kept
logging.getLogger("werkzeug").disabled = True

@app.get("/")
@app.get("/<int:ms>")
def work(ms=0):
    end = time.perf_counter() + ms / 1000
    while ms and time.perf_counter() < end:
        pass
    return "Hello, World!"

app.run(port=int(os.environ["PORT"]))
`

// write makes the program from its files.
func (p program) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := p.files
	if files["main.go"] != "" && files["go.mod"] == "" {
		var err error
		if files, err = ofThisModule(files); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if p.build == nil {
		return nil
	}
	c := exec.Command(p.build[0], p.build[1:]...)
	c.Dir = dir
	return output(c)
}

// ofThisModule adds a go.mod with which a program uses the Spindle of this directory.
func ofThisModule(files map[string]string) (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	root := strings.TrimSpace(string(out))
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	all := map[string]string{"go.sum": string(sums),
		"go.mod": strings.Replace(string(text), "module spindle\n", "module hop\n", 1) + "\nrequire spindle v0.0.0\n\nreplace spindle => " + root + "\n"}
	for name, text := range files {
		all[name] = text
	}
	return all, nil
}

// running is one that is to be asked.
type running struct {
	cmd   *exec.Cmd
	addr  string
	ended atomic.Bool
}

// alone runs the program by itself.
func (p program) alone(dir string) (*running, error) {
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	c := exec.Command(p.run[0], p.run[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), "PORT="+port)
	return start(c, addr)
}

// behind runs it by spindle dev.
func (p program) behind(dir, spindle string, w way) (*running, error) {
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := append([]string{"dev", "--listen", "tcp:" + port + ":interface=127.0.0.1"}, w.args...)
	c := exec.Command(spindle, append(args, p.dev...)...)
	c.Dir = dir
	return start(c, addr)
}

// start runs a command, and waits until it answers.
func start(c *exec.Cmd, addr string) (*running, error) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	r := &running{cmd: c, addr: addr}
	atEnd(r)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		a, err := client.Get("http://" + addr + "/")
		if err != nil {
			continue
		}
		_ = a.Body.Close()
		if a.StatusCode == 200 {
			return r, nil
		}
	}
	r.end()
	return nil, errors.New(strings.Join(c.Args, " ") + " does not answer")
}

// atEnd has r end, too, when somebody ends this process: it has a group of its own.
func atEnd(r *running) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-told
		if !r.ended.Load() {
			r.kill()
		}
		time.Sleep(time.Second) // the others have theirs
		os.Exit(1)
	}()
}

func (r *running) kill() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM) }

// end has it end.
func (r *running) end() {
	r.kill()
	r.ended.Store(true)
	_ = r.cmd.Wait()
}

func freeAddr() (addr, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port, err
}
