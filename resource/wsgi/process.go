package wsgi

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"spindle/reactor"
)

// This file finds the interpreter and starts it.

// boot is what the interpreter is given at the command line: it reads the program from
// its control, so that no file has to be where it can be read.
//
//go:embed worker/boot.py
var boot string

// spawn starts the process of w on r, or has it forked.
func (w *worker) spawn(r *reactor.Reactor) error {
	if s := w.app.stem(); s != nil {
		python, err := w.app.interpreter()
		if err != nil {
			return err
		}
		if s.fork(w, python) {
			return nil
		}
	}
	return w.spawnAlone(r)
}

// spawnAlone starts an interpreter for w.
func (w *worker) spawnAlone(r *reactor.Reactor) error {
	a := w.app
	python, err := a.interpreter()
	if err != nil {
		return err
	}
	ours, theirs, err := reactor.SocketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	child, err := reactor.SpawnProcess(r, w, reactor.Process{
		Path: python,
		Args: []string{"-c", boot, strconv.Itoa(len(a.source())), a.Target,
			strconv.Itoa(max(a.Threads, 1)), strconv.Itoa(max(a.Workers, 1)), a.mode()},
		Dir: a.Dir,
		Env: venvEnv(a.Env, python),
		FDs: map[int]reactor.ChildFD{0: a.input(), 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}, 3: {File: theirs}},
		Sys: &syscall.SysProcAttr{Setpgid: true}, // a Ctrl-C at the terminal is for the server
	})
	if err != nil {
		_ = ours.Close()
		return startError(err, python, a.Dir)
	}
	w.process = child
	w.lives(true)
	return r.AdoptConnection(ours, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return w.control }))
}

// input is the standard input of workers: empty, but below a development server, where
// somebody may type for a debugger.
func (a *App) input() reactor.ChildFD {
	if a.Failed != nil {
		return reactor.ChildFD{Pipe: reactor.ChildReads}
	}
	return reactor.ChildFD{}
}

// Type gives what somebody has typed to the workers of a development server. It is false when
// there is none that reads. Loop only.
func (a *App) Type(text []byte) bool {
	read := false
	for _, w := range a.workers {
		if a.Failed != nil && w.process != nil && !w.gone {
			w.process.Write(text)
			read = true
		}
	}
	return read
}

// startError says what is missing.
func startError(err error, python, dir string) error {
	if dir != "" {
		if info, e := os.Stat(dir); e != nil || !info.IsDir() {
			return fmt.Errorf("there is no directory %s", dir)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no interpreter %s", python)
	}
	return fmt.Errorf("the interpreter %s does not start: %w", python, err)
}

// interpreter is Python, or the one that FindPython finds.
func (a *App) interpreter() (string, error) {
	if a.Python == "" {
		return FindPython(a.Dir, a.Env)
	}
	if !strings.Contains(a.Python, "/") {
		path, err := exec.LookPath(a.Python)
		if err != nil {
			return "", fmt.Errorf("there is no interpreter %s in PATH", a.Python)
		}
		return path, nil
	}
	return filepath.Abs(a.Python)
}

// FindPython is the interpreter for an application in dir: that of the virtual
// environment which VIRTUAL_ENV names, of dir/.venv, or of dir/venv; else python3 in PATH.
// env is the environment, nil for that of this process.
func FindPython(dir string, env []string) (string, error) {
	if env == nil {
		env = os.Environ()
	}
	if venv := lookUp(env, "VIRTUAL_ENV"); venv != "" {
		path := filepath.Join(venv, "bin", "python")
		if !isProgram(path) {
			return "", fmt.Errorf("VIRTUAL_ENV is %s, and there is no interpreter %s", venv, path)
		}
		return path, nil
	}
	for _, name := range [...]string{".venv", "venv"} {
		path, err := filepath.Abs(filepath.Join(dir, name, "bin", "python"))
		if err == nil && isProgram(path) {
			return path, nil
		}
	}
	for _, name := range [...]string{"python3", "python"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errors.New("there is no interpreter: no python3 in PATH, no .venv in the application's directory, and VIRTUAL_ENV is not set")
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lookUp is the value of a variable, the last of that name.
func lookUp(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if key, value, ok := strings.Cut(env[i], "="); ok && key == name {
			return value
		}
	}
	return ""
}

// venvEnv is env as the activation of python's virtual environment makes it, so that the
// programs which came with it are found, too. It is env if there is none.
func venvEnv(env []string, python string) []string {
	bin := filepath.Dir(python)
	root := filepath.Dir(bin)
	if _, err := os.Stat(filepath.Join(root, "pyvenv.cfg")); err != nil {
		return env
	}
	if env == nil {
		env = os.Environ()
	}
	return append(append([]string(nil), env...), "VIRTUAL_ENV="+root, "PATH="+bin+string(os.PathListSeparator)+lookUp(env, "PATH"))
}
