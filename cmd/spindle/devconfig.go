package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file reads the configuration of spindle dev: a file whose keys are the flags, and
// variables of the environment.

const (
	configName  = "spindle.toml"
	envPrefix   = "SPINDLE_DEV_"
	targetKey   = "target"
	argsKey     = "args"
	notInConfig = "config help"
)

// readConfig sets the flags that were not given, from the environment and from the file.
func (c *devConfig) readConfig(f *pflag.FlagSet) error {
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	var wrong error
	f.VisitAll(func(flag *pflag.Flag) {
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value, set := os.LookupEnv(name)
		if !set || given[flag.Name] || strings.Contains(notInConfig, flag.Name) && flag.Name != "config" {
			return
		}
		given[flag.Name] = true
		if err := f.Set(flag.Name, value); err != nil && wrong == nil {
			wrong = fmt.Errorf("%s=%s: %w", name, value, err)
		}
	})
	if wrong != nil {
		return wrong
	}
	return c.readFile(f, given)
}

// readFile reads the file, if it is there or was named.
func (c *devConfig) readFile(f *pflag.FlagSet, given map[string]bool) error {
	path := c.Config
	if path == "" {
		path = configName
	}
	var all map[string]any
	_, err := toml.DecodeFile(path, &all)
	var syntax toml.ParseError
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Config == "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return failure{fmt.Errorf("--config %s: there is no such file; 'spindle dev init' writes one", path)}
	case errors.As(err, &syntax):
		return failure{fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)}
	case err != nil:
		return failure{fmt.Errorf("%s: %w", path, err)}
	}
	for key, value := range all {
		if err := c.setKey(f, given, key, value); err != nil {
			return failure{fmt.Errorf("%s: %w", path, err)}
		}
	}
	return nil
}

// setKey takes one key of the file.
func (c *devConfig) setKey(f *pflag.FlagSet, given map[string]bool, key string, value any) error {
	switch key {
	case targetKey:
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("%s is a string", key)
		}
		c.Target = text
		return nil
	case argsKey:
		list, err := textsOf(key, value)
		c.Args = list
		return err
	}
	flag := f.Lookup(key)
	if flag == nil || strings.Contains(notInConfig, key) {
		return fmt.Errorf("there is no key %q%s", key, nearest(key, f))
	}
	if given[key] {
		return nil
	}
	list, err := textsOf(key, value)
	if err != nil {
		return err
	}
	if _, many := flag.Value.(pflag.SliceValue); !many && len(list) != 1 {
		return fmt.Errorf("%s is one value, not a list", key)
	}
	for _, text := range list {
		if err := f.Set(key, text); err != nil {
			return fmt.Errorf("%s = %q: it must be %s", key, text, valuesOf(flag.Value.Type()))
		}
	}
	return nil
}

// valuesOf says what values a flag takes.
func valuesOf(kind string) string {
	switch kind {
	case "bool":
		return "true or false"
	case "duration":
		return `a time, as in "5s" or "1m30s"`
	case "int", "int64", "uint", "uint16":
		return "a whole number"
	}
	return "a " + kind
}

// textsOf is a value of TOML as flags take it: a table of strings is a list of name=value.
func textsOf(key string, value any) (list []string, err error) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			one, err := textsOf(key, e)
			if err != nil {
				return nil, err
			}
			list = append(list, one...)
		}
		return list, nil
	case map[string]any:
		for name, e := range v {
			text, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%s.%s is a string", key, name)
			}
			list = append(list, name+"="+text)
		}
		slices.Sort(list)
		return list, nil
	}
	return []string{fmt.Sprint(value)}, nil
}

// nearest names the key that was most likely meant.
func nearest(key string, f *pflag.FlagSet) string {
	best, least := "", 4
	f.VisitAll(func(flag *pflag.Flag) {
		if d := distance(key, flag.Name); d < least {
			best, least = flag.Name, d
		}
	})
	if best == "" {
		return "; 'spindle dev --help' lists them"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many letters have to be changed, added or left out (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

const configText = `# What 'spindle dev' runs here. Every key is also a flag, and a variable of the
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
`

const (
	tasksText = `{
  "version": "2.0.0",
  "tasks": [
    {
      "label": "spindle dev",
      "type": "shell",
      "command": "spindle dev --keys=false",
      "isBackground": true,
      "problemMatcher": {
        "owner": "go",
        "fileLocation": ["relative", "${workspaceFolder}"],
        "pattern": { "regexp": "^\\s*(\\S+\\.(?:go|py)):(\\d+):(\\d+): (.*)$", "file": 1, "line": 2, "column": 3, "message": 4 },
        "background": { "activeOnStart": true, "beginsPattern": "^[0-9:]+ .*  (rebuild|restart)$", "endsPattern": "^[0-9:]+ (ready|failed)  " }
      }
    }
  ]
}
`
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
      "preLaunchTask": "spindle dev"
    }
  ]
}
`
)

func newDevInit() *cobra.Command {
	vscode := false
	c := &cobra.Command{
		Use:   "init",
		Short: "Write spindle.toml, and with --vscode a task and a launch file",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if err != nil {
				return failure{err}
			}
			target, err := guessTarget(dir)
			if err != nil {
				target = "."
			}
			written := map[string]string{configName: fmt.Sprintf(configText, target)}
			if vscode {
				written[".vscode/tasks.json"], written[".vscode/launch.json"] = tasksText, launchText
				if _, err := os.Stat(configName); err == nil {
					delete(written, configName) // which was written before
				}
			}
			return writeNew(cmd, written)
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
	for path, text := range files {
		if dir, _, nested := strings.Cut(path, "/"); nested {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return failure{err}
			}
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return failure{err}
		}
		fmt.Fprintln(cmd.OutOrStdout(), "written:", path)
	}
	return nil
}
