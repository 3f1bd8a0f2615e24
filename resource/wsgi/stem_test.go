package wsgi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file has real interpreters be a Stem, with packages that are made for it.

// stemmed is an application whose workers are forked when they can be.
type stemmed struct {
	*served
	dir  string
	stem *Stem
	env  []string

	mu      sync.Mutex
	notices []string
	groups  map[int]bool // that live
}

// grow serves an application of files: those below lib are installed.
func grow(t *testing.T, files map[string]string) *stemmed {
	s := &stemmed{dir: t.TempDir(), groups: map[int]bool{}}
	for name, text := range files {
		s.put(t, name, text)
	}
	lib := filepath.Join(s.dir, "lib", "site-packages")
	s.env = append(os.Environ(), "PYTHONPATH="+lib, "PYTHONDONTWRITEBYTECODE=1")
	s.served = serveApp(t, "app", func(a *App) { s.set(a) })
	if _, err := s.loaded(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stemmed) set(a *App) {
	if s.stem == nil {
		s.stem = NewStem(a.loop.(*reactor.Reactor))
		s.stem.period = time.Millisecond
		s.stem.Notice = func(text string) { s.locked(func() { s.notices = append(s.notices, text) }) }
		s.stem.Lives = s.lives
	}
	a.Dir, a.Env, a.Stem, a.Lives = s.dir, s.env, s.stem, s.lives
	a.Failed = func(r *resource.Request, _ *Exception) bool { return false }
}

func (s *stemmed) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *stemmed) lives(pid int, lives bool) {
	s.locked(func() {
		if s.groups[pid] = true; !lives {
			delete(s.groups, pid)
		}
	})
}

func (s *stemmed) put(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(strings.Replace(name, "lib/", "lib/site-packages/", 1)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// on is what f says on the loop.
func (s *stemmed) on(f func() bool) bool {
	got := make(chan bool, 1)
	s.r.CallFromThread(func() { got <- f() })
	return <-got
}

// until waits for what f tells on the loop.
func (s *stemmed) until(what string, f func() bool) {
	s.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); !s.on(f); {
		select {
		case <-tick.C:
		case <-late:
			var notices []string
			s.locked(func() { notices = s.notices })
			s.Fatalf("%s: it does not come to that; notices %q", what, notices)
		}
	}
}

// grown waits until workers can be forked.
func (s *stemmed) grown() {
	s.Helper()
	s.until("the stem", func() bool { return s.stem.ready != nil && s.stem.next == nil && s.stem.timer == nil })
}

// again loads the application anew, and tells whether the worker is a fork.
func (s *stemmed) again() (forked bool) {
	s.Helper()
	var was *worker
	s.on(func() bool {
		was = s.app.slots[0].current
		s.app.Reload()
		return true
	})
	s.until("another worker", func() bool {
		w := s.app.slots[0].current
		if w == nil || w == was {
			return false
		}
		forked = w.forked
		return true
	})
	return forked
}

// of is the value of an expression in a worker.
func (s *stemmed) of(expression string) string {
	s.Helper()
	res, err := http.Get(s.url + "/?" + url.PathEscape(expression))
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}

func (s *stemmed) hasNotice(text string) bool {
	found := false
	s.locked(func() { found = strings.Contains(strings.Join(s.notices, "\n"), text) })
	return found
}

// telling answers with what it is asked for: an expression.
const telling = `import os, sys, urllib.parse
%s
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(eval(urllib.parse.unquote(environ["QUERY_STRING"]))).encode()]
`

// A fork is what a process of its own would be.
func TestForkIsAsAnInterpreter(t *testing.T) {
	s := grow(t, map[string]string{
		"app.py":         fmt.Sprintf(telling, "import library, random, tempfile, threading, signal, atexit, logging, json"),
		"lib/library.py": "import random, logging\nloaded = 1\ndice = random.Random()\nfixed = random.Random(1)\n",
	})
	of := s.of
	same := []string{"sys.argv", "sys.path", "os.getcwd()", "sorted(os.environ.items())", "sorted(sys.modules['__main__'].__dict__)", "sys.flags",
		"[signal.getsignal(n) for n in sorted(signal.valid_signals())]", "sorted(os.listdir('/proc/self/fd'))", "[t.name for t in threading.enumerate()]",
		"os.getpgid(0) == os.getpid()", "os.getsid(0)", "os.fstat(0).st_mode, sys.stdin.fileno(), sys.stdin.isatty()", "type(sys.stdout).__name__, type(sys.stderr).__name__", "sys.stdout.encoding", "os.umask(0o22)",
		"sys.meta_path", "library.__loader__.path, library.__spec__.loader is library.__loader__", "type(os.environ).__getitem__.__qualname__", "random.Random.seed.__qualname__",
		"library.fixed.random()", "logging.getLogger().handlers", "sys.getrecursionlimit()", "sys.gettrace(), sys.getprofile()"}
	var alone []string
	for _, expression := range same {
		alone = append(alone, of(expression))
	}
	s.grown()
	var dice []string
	for range 2 {
		if !s.again() {
			t.Fatal("it is no fork")
		}
		for i, expression := range same {
			if got := of(expression); got != alone[i] && !strings.Contains(expression, "fixed") && !strings.Contains(expression, "meta_path") || strings.Contains(got, "Error") {
				t.Errorf("%s: got %s, want %s", expression, got, alone[i])
			}
		}
		dice = append(dice, of("library.dice.random()"), of("random.random()"), of("next(tempfile._get_candidate_names())"))
	}
	seen := map[string]bool{}
	for _, d := range dice {
		if seen[d] {
			t.Errorf("twice the same by chance: %v", dice)
		}
		seen[d] = true
	}
	of("print('said')")
	s.wait("worker 1: said")
}

// Modules that must not be there before the application are left out, with all that load
// them; the others are there.
func TestLeftOut(t *testing.T) {
	s := grow(t, map[string]string{
		"app.py":               fmt.Sprintf(telling, "os.environ['OF_THE_APP'] = '1'\nimport own\nimport plain, threads, user, opens, late, reads, hooks, prints, finishes, lazy"),
		"own.py":               "ready = True\n",
		"lib/plain.py":         "import json\npid = None\n",
		"lib/threads.py":       "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
		"lib/user.py":          "try:\n    import threads\nexcept Exception:\n    threads = None\n",
		"lib/opens.py":         "import socket\ns = socket.socket()\n",
		"lib/late.py":          "import sys\nassert 'own' in sys.modules\n",
		"lib/reads.py":         "import os\nread = os.environ.get('OF_THE_APP')\n",
		"lib/hooks.py":         "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)\n",
		"lib/prints.py":        "print('printed')\n",
		"lib/finishes.py":      "import atexit, os\natexit.register(int)\nnumber_pid = os.getpid()\n",
		"lib/lazy/__init__.py": "from . import part\nimport own\n",
		"lib/lazy/part.py":     "",
	})
	s.grown()
	if !s.again() {
		t.Fatal("it is no fork")
	}
	var left map[string]string
	var has map[string]bool
	s.on(func() bool { left, has = s.stem.leftOut, s.stem.ready.modules; return true })
	for name, why := range map[string]string{"threads": "starts threads", "user": "", "opens": "opens files or sockets", "late": "", "hooks": "takes signals",
		"reads": "reads OF_THE_APP, which the application sets", "prints": "prints", "finishes": "has to be told of the end", "lazy": ""} {
		if got, there := left[name]; !there || got != why {
			t.Errorf("%s: left out %v, %q; want %q", name, there, got, why)
		}
	}
	if _, out := left["plain"]; out || !has["plain"] || has["own"] {
		t.Errorf("left out: %v", left)
	}
	for expression, want := range map[string]string{"threads is user.threads": "True", "reads.read": "1", "finishes.number_pid==os.getpid()": "True"} {
		if got := s.of(expression); got != want {
			t.Errorf("%s is %s", expression, got)
		}
	}
	if !s.hasNotice("opens (opens files or sockets)") {
		t.Errorf("%q", s.notices)
	}
}

// What has changed since the modules were loaded gives workers an interpreter of their own,
// once; then there is another stem.
func TestStemIsUpToDate(t *testing.T) {
	s := grow(t, map[string]string{
		"app.py":         fmt.Sprintf(telling, "import library"),
		"lib/library.py": "import os\nvalue = 'old'\nread = os.environ.get('READ')\n",
		"lib/other.py":   "value = 'installed'\n",
	})
	s.grown()
	check := func(what string, forked bool, expression, want string) {
		t.Helper()
		if got := s.again(); got != forked {
			t.Errorf("%s: a fork: %v; notices %q", what, got, s.notices)
		}
		if got := s.of(expression); got != want {
			t.Errorf("%s: %s is %s, want %s", what, expression, got, want)
		}
		s.grown()
	}
	check("nothing changed", true, "library.value", "old")
	s.put(t, "lib/library.py", "import os\nvalue = 'edited'\nread = os.environ.get('READ')\n")
	check("an edit of what is installed", false, "library.value", "edited")
	check("after it", true, "library.value", "edited")
	s.put(t, "library.py", "value = 'own'\n")
	check("a module before it", false, "library.value", "own")
	if err := os.Remove(filepath.Join(s.dir, "library.py")); err != nil {
		t.Fatal(err)
	}
	check("it has gone", true, "library.value", "edited")
	s.grown()
	s.on(func() bool { s.app.Env = append(s.app.Env, "OTHER=1"); return true })
	check("a variable that nobody read", true, "os.environ.get('OTHER')", "1")
	s.on(func() bool { s.app.Env = append(s.app.Env, "READ=1"); return true })
	s.put(t, "app.py", fmt.Sprintf(telling, "import library, other"))
	s.again()
	if got := s.of("library.read"); got != "1" {
		t.Errorf("a variable that was read: %s", got)
	}
	s.grown()
	s.put(t, "app.py", fmt.Sprintf(telling, "os.environ['READ'] = '2'\nimport library, other"))
	check("the application sets it", false, "library.read", "2")
	check("the module is left out then", true, "library.read", "2")
	s.on(func() bool { s.app.Fresh = true; return true })
	check("it is asked for", false, "library.read", "2")
}

// A failure of the application is the same; what patches modules has none forked.
func TestForkThatFails(t *testing.T) {
	s := grow(t, map[string]string{
		"app.py":         fmt.Sprintf(telling, "import library"),
		"lib/library.py": "",
		"lib/gevent.py":  "",
	})
	s.grown()
	s.put(t, "app.py", "import library\nthis is no Python\n")
	s.on(func() bool { s.app.Reload(); return true })
	s.wait("can not be loaded: " + filepath.Join(s.dir, "app.py") + ", line 2")
	s.put(t, "app.py", fmt.Sprintf(telling, "import library, gevent"))
	if s.again() {
		t.Error("a fork with gevent")
	}
	s.until("no stem", func() bool { return s.stem.patching != "" && s.stem.ready == nil && s.stem.next == nil })
	if !s.hasNotice("gevent may patch modules") {
		t.Errorf("%q", s.notices)
	}
	s.put(t, "app.py", fmt.Sprintf(telling, "import library"))
	s.again()
	s.grown()
	if !s.again() {
		t.Error("without it, it is no fork")
	}
}

// The end of a fork is told however it comes, and that of the stem leaves forks at work.
func TestEndsOfForks(t *testing.T) {
	s := grow(t, map[string]string{"app.py": fmt.Sprintf(telling, "import library"), "lib/library.py": ""})
	s.grown()
	if !s.again() {
		t.Fatal("it is no fork")
	}
	s.of("os._exit(7)")
	s.wait("it exited with status 7")
	s.of("os.kill(os.getpid(),9)")
	s.wait("it was killed (killed)")
	s.until("a fork", func() bool { w := s.app.slots[0].current; return w != nil && w.forked })
	var stem int
	s.on(func() bool { stem = s.stem.ready.child.Pid(); return true })
	if err := syscall.Kill(stem, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("the end of the stem", func() bool { return s.stem.ready == nil || s.stem.ready.child.Pid() != stem })
	if got := s.of("1"); got != "1" {
		t.Errorf("its fork answers %q", got)
	}
	s.of("os._exit(8)")
	s.wait(errOrphan.Error())
	s.grown()
	s.again()
	s.locked(func() {
		if len(s.groups) < 2 {
			t.Errorf("groups that live: %v", s.groups)
		}
	})
	s.on(func() bool { s.app.Stop(); s.stem.drop(); return true })
	s.until("nothing lives", func() bool { n := 0; s.locked(func() { n = len(s.groups) }); return n == 0 })
}
