package wsgi

import (
	_ "embed"
	"os/exec"
	"path/filepath"
	"strings"
)

// This file runs programs of Python that look at an application without serving it: they
// load it as a worker does, with the same interpreter.

//go:embed worker/script.py
var scriptPart string

// Script is a command that runs body with args, from sys.argv[1] on, by the interpreter
// python in dir; "" means what FindPython finds. The function loaded(target) gives
// body the application and its file, or ends it with exit status 1 and says why. env is
// its environment, nil for that of this process. Nothing is started.
func Script(python, dir string, env []string, body string, args ...string) (*exec.Cmd, error) {
	a := App{Python: python, Dir: dir, Env: env}
	path, err := a.interpreter()
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, append([]string{"-c", strings.Join([]string{scriptPart, loadPart, body}, "\n")}, args...)...)
	c.Dir, c.Env = dir, venvEnv(env, path)
	if c.Dir != "" {
		if c.Dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	return c, nil
}
