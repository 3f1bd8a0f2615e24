package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/site/dev"
)

// This file is spindle dev init: the files that a project begins with.

// configText is the file that init writes. Editors that know TOML (taplo, Even Better TOML)
// take the first line for where its schema is.
const configText = `#:schema ./` + schemaName + `

# What 'spindle dev' runs here. Every key is also a flag, and a variable of the
# environment (SPINDLE_DEV_LISTEN); a flag wins over the variable, that over this file.

target = %q
# args = ["--verbose"]                  # of the program

# listen = ["127.0.0.1:8080"]
# tls = true
# env-file = ["dev.env"]                # beside .env and .env.local
# watch = ["config.yaml"]               # starts the program again
# exclude = ["testdata/**"]
# quiet-path = ["/static/*", "/healthz"]
# vet = true
# test = true

# [rule]                                # what a change asks for: swap, reload, restart, rebuild, ignore
# "*.tmpl" = "restart"
# "*.scss" = "ignore:npx sass in.scss static/out.css"

# [with]                                # runs beside the program
# css = "npx tailwindcss -i in.css -o static/out.css --watch"

# [every]                               # runs beside it again and again, each 10m or daily at 03:00
# sessions = "10m python manage.py clearsessions"

# [env]                                 # which one it is: --env NAME, SPINDLE_ENV, or
# default = "test"
# [env.test]                            # its keys win over those above; .env.test is read, too
# listen = ["127.0.0.1:8081"]
`

// delveAddr is where the debugger of the launch file listens.
const delveAddr = "127.0.0.1:2345"

const (
	// taskText is one task: its name, the command, and how the line begins at which it is up.
	taskText = `    {
      "label": %q,
      "type": "shell",
      "command": %q,
      "isBackground": true,
      "problemMatcher": {
        "owner": "go",
        "fileLocation": ["relative", "${workspaceFolder}"],
        "pattern": { "regexp": "^\\s*(\\S+\\.(?:go|py)):(\\d+):(\\d+): (.*)$", "file": 1, "line": 2, "column": 3, "message": 4 },
        "background": { "activeOnStart": true, "beginsPattern": "^[0-9:]+ .*  (rebuild|restart)$", "endsPattern": "^[0-9:]+ (%s|failed  )" }
      }
    }`
	launchText = `{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "Attach to the program of spindle dev",
      "type": "go",
      "request": "attach",
      "mode": "remote",
      "host": "127.0.0.1",
      "port": 2345,
      "preLaunchTask": "spindle dev with Delve"
    }
  ]
}
`
)

// vscodeFiles is what VS Code is given for a target of that kind. It can attach to a Go
// program alone: Python stops at breakpoint(), at the terminal.
func vscodeFiles(kind dev.Kind) map[string]string {
	tasks := []string{fmt.Sprintf(taskText, "spindle dev", "spindle dev --keys=false", "ready  ")}
	files := map[string]string{}
	if kind == dev.Go {
		tasks = append(tasks, fmt.Sprintf(taskText, "spindle dev with Delve", "spindle dev --keys=false --debugger="+delveAddr, "Delve "))
		files[".vscode/launch.json"] = launchText
	}
	files[".vscode/tasks.json"] = "{\n  \"version\": \"2.0.0\",\n  \"tasks\": [\n" + strings.Join(tasks, ",\n") + "\n  ]\n}\n"
	return files
}

// withoutLaunch says why there is no launch file; "" when there is one.
func withoutLaunch(kind dev.Kind) string {
	switch kind {
	case dev.Go:
		return ""
	case dev.WSGI:
		return "no .vscode/launch.json: spindle dev attaches no debugger to Python; breakpoint() stops a request, and the key i talks to it"
	}
	return "no .vscode/launch.json: spindle dev attaches a debugger to Go programs alone"
}

// kindHere is the kind of what runs in dir: of target, unless the configuration says
// something else.
func kindHere(dir, target string) dev.Kind {
	c := newDevConfig()
	var said struct {
		Target  string
		Command bool
	}
	if _, err := toml.DecodeFile(filepath.Join(dir, configName), &said); err == nil && said.Target != "" {
		target = said.Target
	}
	o := dev.Options{Dir: dir}
	c.Target, c.Command = target, said.Command
	_, _ = c.findTarget(&o) // what is not there is told when it is run
	return o.Kind
}

const initLong = `Write spindle.toml, with what is found here as its target and the other keys as
comments, and beside it spindle.schema.json, which says to an editor what keys there are:
with taplo or Even Better TOML it completes them, explains them and marks what is wrong.
--vscode adds a task and, for a Go program, another with Delve, and a launch file that
attaches to it. A file that is there already is never touched.`

// newDevInit makes the command; f are the flags of spindle dev.
func newDevInit(f *pflag.FlagSet) *cobra.Command {
	vscode := false
	c := &cobra.Command{
		Use:   "init",
		Short: "Write spindle.toml and its schema, and with --vscode a task and a launch file",
		Long:  initLong,
		Args:  cobra.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if err != nil {
				return failure{err}
			}
			target, err := guessTarget(dir)
			if err != nil {
				target = "."
			}
			schema, err := schemaText(f)
			if err != nil {
				return failure{err}
			}
			written := map[string]string{configName: fmt.Sprintf(configText, target), schemaName: schema}
			kind := kindHere(dir, target)
			if vscode {
				maps.Copy(written, vscodeFiles(kind))
				if _, err := os.Stat(configName); err == nil {
					delete(written, configName) // which was written before
					delete(written, schemaName)
				}
			}
			if err := writeNew(cmd, written); err != nil {
				return err
			}
			if text := withoutLaunch(kind); vscode && text != "" {
				fmt.Fprintln(cmd.OutOrStdout(), text)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&vscode, "vscode", false, "write .vscode/tasks.json and launch.json, too")
	return c
}

// writeNew writes files that are not there; it touches none that is.
func writeNew(cmd *cobra.Command, files map[string]string) error {
	for path := range files {
		if _, err := os.Stat(path); err == nil {
			return failure{fmt.Errorf("%s is there already; nothing was written", path)}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if dir, _, nested := strings.Cut(path, "/"); nested {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return failure{err}
			}
		}
		if err := os.WriteFile(path, []byte(files[path]), 0o644); err != nil {
			return failure{err}
		}
		fmt.Fprintln(cmd.OutOrStdout(), "written:", path)
	}
	return nil
}
