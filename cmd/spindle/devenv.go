package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"spindle/site/dev"
)

// This file is the environments of spindle dev: test, staging and what else a project names,
// each with files of variables and keys of its own.

const (
	envKey     = "env"
	defaultEnv = "default" // the key of the table that names the one that is used
)

// nameEnvironment takes the name from the environment, when no flag has given it.
func (c *devConfig) nameEnvironment(given map[string]bool) {
	if given[envKey] {
		if c.envFrom == "" {
			c.envFrom = "--env " + c.Env
		}
		return
	}
	if name := os.Getenv(dev.EnvironmentVariable); name != "" {
		c.Env, c.envFrom, given[envKey] = name, dev.EnvironmentVariable+"="+name, true
	}
}

// readEnvironments takes the key env of a configuration: the name of an environment, or the
// tables of several, of which that of the one that is used is given.
func (c *devConfig) readEnvironments(path string, all map[string]any) (own map[string]any, err error) {
	name := ""
	switch v := all[envKey].(type) {
	case nil:
	case string:
		name = v
	case map[string]any:
		if name, err = c.readTables(v); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New(`env is a name, as in env = "test", or a table for each, as in [env.test]`)
	}
	if c.envFrom == "" && name != "" {
		c.Env, c.envFrom = name, path+": env = "+name
	}
	return c.tables[c.Env], nil
}

// readTables takes the tables, and gives the name that default says.
func (c *devConfig) readTables(v map[string]any) (name string, err error) {
	c.tables = map[string]map[string]any{}
	for key, value := range v {
		table, isTable := value.(map[string]any)
		text, isText := value.(string)
		switch {
		case key == defaultEnv && isText:
			name = text
		case key == defaultEnv || !isTable:
			return "", fmt.Errorf("env.%s: give a table with keys, as [env.test], or default = \"test\"", key)
		case table[envKey] != nil:
			return "", fmt.Errorf("env.%s.env: there is no environment in an environment", key)
		default:
			c.tables[key] = table
		}
	}
	return name, nil
}

// checkEnvironment refuses a name for which there is nothing: neither a table nor a file below
// dir.
func (c *devConfig) checkEnvironment(dir string) error {
	if c.Env == "" {
		return nil
	}
	known := append(environmentsIn(dir), slices.Collect(maps.Keys(c.tables))...)
	return knownEnvironment(c.Env, c.envFrom, known, fmt.Sprintf("a file .env.%s or a table [env.%[1]s] in %s makes one", c.Env, configName))
}

// knownEnvironment refuses a name that is not among known. from is how it was given, mend what
// makes one.
func knownEnvironment(name, from string, known []string, mend string) error {
	switch {
	case slices.Contains(known, name):
		return nil
	case !isEnvironment(name):
		return fmt.Errorf("%s: the name of an environment has letters, digits, - and _, and is not %q", from, "local")
	}
	slices.Sort(known)
	known = slices.Compact(known)
	text := "there is none here"
	if best := nearest(name, known); best != "" {
		text = fmt.Sprintf("did you mean %s? There are %s", best, strings.Join(known, ", "))
	} else if len(known) > 0 {
		text = "there are " + strings.Join(known, ", ")
	}
	return failure{fmt.Errorf("%s: there is no such environment; %s; %s", from, text, mend)}
}

// isEnvironment tells whether name can be one: .env.local is for this machine, in every
// environment.
func isEnvironment(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != "" && name != "local" && name != defaultEnv
}

// environmentsIn is those that have a file of variables in dir.
func environmentsIn(dir string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(dir, ".env.*"))
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), ".env."), ".local")
		if isEnvironment(name) && !slices.Contains([]string{"example", "sample", "template", "dist"}, name) {
			names = append(names, name)
		}
	}
	return names
}

// completeEnvironments names those that are here, for a shell.
func completeEnvironments(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	c := devConfig{}
	var all map[string]any
	if _, err := toml.DecodeFile(configName, &all); err == nil {
		_, _ = c.readEnvironments(configName, all) // what is wrong is said when it is run
	}
	names := append(environmentsIn("."), slices.Collect(maps.Keys(c.tables))...)
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}
