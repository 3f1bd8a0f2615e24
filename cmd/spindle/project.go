package main

import (
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file is what the commands have in common that look at what 'spindle dev' would run:
// spindle routes, request and shell. They read the same configuration.

// projectFlags are the flags of spindle dev that these commands have, too.
var projectFlags = []string{"config", envKey, "env-file", "python", "build-flag"}

// project is what is looked at.
type project struct {
	config  *devConfig
	of      *cobra.Command // has every key
	all     *pflag.FlagSet // of it
	options dev.Options
	app     *pythonApp // nil for what is no application of Python
}

// addTo gives cmd the flags.
func (p *project) addTo(cmd *cobra.Command) {
	p.of, p.config = new(cobra.Command), newDevConfig()
	p.config.addFlags(p.of)
	p.all = p.of.Flags()
	f := cmd.Flags()
	f.SortFlags = false
	for _, name := range projectFlags {
		f.AddFlag(p.all.Lookup(name)) // with its completion
	}
	cmd.ValidArgsFunction = completeTarget
}

// completeTarget completes the first argument: a directory or a Python file.
func completeTarget(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// find reads the configuration and finds what target names; "" is what the configuration
// says, or what is here.
func (p *project) find(target string) (err error) {
	if err = p.config.readConfig(p.all); err != nil {
		return err
	}
	if target != "" {
		p.config.Target, p.config.Command = target, false
	}
	p.options, p.app, err = p.config.options()
	return err
}

// what is the target in words.
func (p *project) what() string {
	switch {
	case p.app != nil:
		return p.app.target
	case p.options.Kind == dev.Files:
		return "directory " + p.options.Dir
	case p.options.Kind == dev.Command:
		return "command " + fmt.Sprint(p.options.Args)
	}
	return "Go program " + p.options.Package
}

// script runs body, a program of Python, with what the application runs with.
func (p *project) script(body string, args ...string) (*exec.Cmd, error) {
	if err := p.options.CheckEnvFiles(); err != nil {
		return nil, failure{err}
	}
	c, err := wsgi.Script(p.config.Python, p.options.Dir, p.options.Environment(), body, append([]string{p.app.target}, args...)...)
	if err != nil {
		return nil, failure{fmt.Errorf("%s", withoutPackage(err))}
	}
	return c, nil
}

// oneTargetAtMost is the target of a command line; "" for none.
func oneTargetAtMost(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "", nil
	case 1:
		return args[0], nil
	}
	return "", fmt.Errorf("there is one target, and %q is a second", args[1])
}
