package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// This file reads the configuration of spindle dev: a file whose keys are the flags, and
// variables of the environment.

const (
	configName = "spindle.toml"
	envPrefix  = "SPINDLE_DEV_"
	targetKey  = "target"
	argsKey    = "args"
)

// isKey tells whether a flag is a key of the file, too.
func isKey(name string) bool { return name != "config" && name != "help" }

// readConfig sets the flags that were not given, from the environment and from the file.
func (c *devConfig) readConfig(f *pflag.FlagSet) error {
	given := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { given[flag.Name] = flag.Changed })
	var wrong error
	f.VisitAll(func(flag *pflag.Flag) {
		name := variableOf(flag.Name)
		value, set := os.LookupEnv(name)
		if !set || given[flag.Name] || flag.Name == "help" {
			return
		}
		given[flag.Name] = true
		if flag.Name == envKey {
			c.envFrom = name + "=" + value
		}
		if err := f.Set(flag.Name, value); err != nil && wrong == nil {
			wrong = fmt.Errorf("%s=%s: %w", name, value, err)
		}
	})
	if wrong != nil {
		return wrong
	}
	c.nameEnvironment(given)
	return c.readFile(f, given)
}

// variableOf is the variable that stands for a flag.
func variableOf(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
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
	own, err := c.readEnvironments(path, all)
	if err == nil {
		err = c.setKeys(f, given, "["+envKey+"."+c.Env+"]: ", own)
	}
	if err == nil {
		delete(all, envKey)
		err = c.setKeys(f, given, "", all)
	}
	if err != nil {
		return failure{fmt.Errorf("%s: %w", path, err)}
	}
	return nil
}

// setKeys takes a table, which prefix names. The keys are given then: what comes later
// does not replace them.
func (c *devConfig) setKeys(f *pflag.FlagSet, given map[string]bool, prefix string, table map[string]any) error {
	for key, value := range table {
		if err := c.setKey(f, given, key, value); err != nil {
			return fmt.Errorf("%s%w", prefix, err)
		}
	}
	for key := range table {
		given[key] = true
	}
	return nil
}

// setKey takes one key of the file.
func (c *devConfig) setKey(f *pflag.FlagSet, given map[string]bool, key string, value any) error {
	switch {
	case given[key]:
		return nil
	case key == targetKey:
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("%s is a string", key)
		}
		c.Target = text
		return nil
	case key == argsKey:
		list, err := textsOf(key, value)
		c.Args = list
		return err
	}
	flag := f.Lookup(key)
	if flag == nil || !isKey(key) {
		return fmt.Errorf("there is no key %q%s", key, nearestKey(key, f))
	}
	list, err := textsOf(key, value)
	if err != nil {
		return err
	}
	if _, many := plainValue(flag).(pflag.SliceValue); !many && len(list) != 1 {
		return fmt.Errorf("%s is one value, not a list", key)
	}
	for _, text := range list {
		if err := f.Set(key, text); err != nil {
			return fmt.Errorf("%s = %q: it must be %s", key, text, valuesOf(plainValue(flag).Type()))
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

// nearestKey names the key that was most likely meant.
func nearestKey(key string, f *pflag.FlagSet) string {
	names := []string{targetKey, argsKey}
	f.VisitAll(func(flag *pflag.Flag) {
		if isKey(flag.Name) {
			names = append(names, flag.Name)
		}
	})
	best := nearest(key, names)
	if best == "" {
		return "; 'spindle dev --help' lists them"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// nearest is the one of names that was most likely meant; "" when none is like it.
func nearest(name string, names []string) string {
	best, least := "", min(4, max(2, len(name)))
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d < least {
			best, least = n, d
		}
	}
	return best
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
