package main

import (
	"slices"
	"strings"
	"testing"

	"spindle/site/dev"
)

// The keys of an environment win over the others, and lose to flags and variables.
func TestDevEnvironment(t *testing.T) {
	const config = "vet = true\nthreads = 1\nexclude = [\"a\"]\ntarget = \"./a\"\n[env]\ndefault = \"test\"\n" +
		"[env.test]\nthreads = 2\nexclude = [\"b\", \"c\"]\ntarget = \"./b\"\npatience = \"1s\"\n[env.staging]\nvet = false\n"
	inDir(t, map[string]string{configName: config, "a/main.go": "", "b/main.go": ""})
	for _, row := range []struct {
		variable, value string
		args            []string
		want            devConfig
	}{
		{want: devConfig{Env: "test", Vet: true, Threads: 2, Exclude: []string{"b", "c"}, Target: "./b"}},
		{variable: dev.EnvironmentVariable, value: "staging", want: devConfig{Env: "staging", Threads: 1, Exclude: []string{"a"}, Target: "./a"}},
		{variable: "SPINDLE_DEV_ENV", value: "staging", want: devConfig{Env: "staging", Threads: 1, Exclude: []string{"a"}, Target: "./a"}},
		{variable: dev.EnvironmentVariable, value: "staging", args: []string{"--env", "test", "--threads", "9"},
			want: devConfig{Env: "test", Vet: true, Threads: 9, Exclude: []string{"b", "c"}, Target: "./b"}},
		{variable: "SPINDLE_DEV_THREADS", value: "8", args: []string{"./a"}, want: devConfig{Env: "test", Vet: true, Threads: 8, Exclude: []string{"b", "c"}, Target: "./a"}},
	} {
		t.Run(row.variable+row.value, func(t *testing.T) {
			if row.variable != "" {
				t.Setenv(row.variable, row.value)
			}
			c, err := devOf(row.args...)
			if err != nil {
				t.Fatal(err)
			}
			w := row.want
			if c.Env != w.Env || c.Vet != w.Vet || c.Threads != w.Threads || !slices.Equal(c.Exclude, w.Exclude) || c.Target != w.Target {
				t.Errorf("%+v", c)
			}
			o, _, err := c.options()
			if err != nil || o.Env != w.Env || !slices.ContainsFunc(o.EnvFiles, func(f string) bool { return strings.HasSuffix(f, "/.env."+w.Env+".local") }) {
				t.Errorf("%q %v %v", o.Env, o.EnvFiles, err)
			}
		})
	}
}

// A name for which there is nothing is refused, with those that there are.
func TestDevEnvironmentMistakes(t *testing.T) {
	for _, row := range []struct{ config, name, want string }{
		{"[env.test]\n", "tset", "--env tset: there is no such environment; did you mean test? There are staging, test; a file .env.tset or a table [env.tset] in spindle.toml makes one"},
		{"", "zzzzzz", "there are staging;"},
		{"", "local", "is not \"local\""},
		{"", "a/b", "letters, digits"},
		{"env = 3\n", "", `as in env = "test"`},
		{"[env]\ndefault = 3\n", "", `default = "test"`},
		{"[env]\ntest = 3\n", "", `env.test: give a table`},
		{"env = \"none\"\n", "", "spindle.toml: env = none: there is no such environment"},
		{"[env.test]\nenv = \"x\"\n", "test", "there is no environment in an environment"},
		{"[env.test]\nlistn = \"x\"\n", "test", `[env.test]: there is no key "listn"; did you mean "listen"?`},
	} {
		inDir(t, map[string]string{configName: row.config, "index.html": "", ".env.staging.local": "", ".env.example": "", ".env.local": ""})
		c, err := devOf("--env", row.name)
		if row.name == "" {
			c, err = devOf()
		}
		if err == nil {
			_, _, err = c.options()
		}
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q %s: %v", row.config, row.name, err)
		}
	}
	inDir(t, map[string]string{"index.html": ""})
	c, err := devOf("--env", "test")
	if err == nil {
		_, _, err = c.options()
	}
	if err == nil || !strings.Contains(err.Error(), "there is none here") {
		t.Error(err)
	}
}

// spindle wsgi reads the files of an environment when it is told to.
func TestWSGIEnvironment(t *testing.T) {
	inDir(t, map[string]string{".env": "A=1\nB=1\n", ".env.test": "B=2\n", "more.env": "A=3\n"})
	t.Setenv("C", "set")
	wsgiOf := func(args ...string) (c *wsgiConfig, err error) {
		cmd := newWSGI(func(got *wsgiConfig) error { c = got; return nil })
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(append([]string{"app:app"}, args...))
		return c, cmd.Execute()
	}
	if c, err := wsgiOf(); err != nil || c.env != nil {
		t.Errorf("without: %v %v", c.env, err)
	}
	if c, err := wsgiOf("--env", "test", "--env-file", "more.env"); err != nil || !slices.Contains(c.env, "B=2") || !slices.Contains(c.env, "SPINDLE_ENV=test") ||
		slices.Index(c.env, "A=3") < slices.Index(c.env, "A=1") {
		t.Errorf("%v %v", c, err)
	}
	if _, err := wsgiOf("--env", "prod"); err == nil || !strings.Contains(err.Error(), "there are test; a file .env.prod makes one") {
		t.Error(err)
	}
}
