package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"spindle/site/dev"
)

// This file is spindle shell: an interactive Python with the application loaded.

var (
	//go:embed python/behind.py
	behindScript string
	//go:embed python/shell.py
	shellScript string
)

const shellLong = `Start an interactive Python with an application loaded: with its interpreter and its
virtual environment, the variables of .env, and the names of its module. Flask has its
context, Django its models, Pyramid a request, its root and its registry. It is IPython
where that is installed.

What comes by a pipe, or with --command, is run and not asked for.`

func newShell() *cobra.Command {
	p := new(project)
	plain, source := false, ""
	cmd := &cobra.Command{
		Use:   "shell [target]",
		Short: "Start a Python shell with an application loaded",
		Long:  shellLong,
		Example: `  spindle shell
  spindle shell app.py
  spindle shell mysite.wsgi:application --command 'print(User.objects.count())'
  spindle shell app:app < script.py`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := oneTargetAtMost(args)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("command") && source == "" {
				return errors.New("--command: there is nothing to run")
			}
			if err := p.find(target); err != nil {
				return err
			}
			return p.shell(plain, source)
		},
	}
	p.addTo(cmd)
	cmd.Flags().StringVar(&source, "command", "", "run this `source`, and end")
	cmd.Flags().BoolVar(&plain, "plain", false, "Python's own shell, also where IPython is installed")
	if err := cmd.RegisterFlagCompletionFunc("command", cobra.NoFileCompletions); err != nil {
		panic(err) // no such flag: a slip in this program
	}
	return cmd
}

// noShell is what else there is for a program that has no shell.
const noShell = `%s has no shell: only Python has an interpreter that could load it. What there is for it:
  spindle dev              the page of a panic has a console, for expressions in each of its frames;
                           with --debugger 127.0.0.1:2345 Delve has breakpoints for an editor
  spindle request          one request, without a server
  go test                  with spindle/resource/resourcetest for a tree of resources`

// shell becomes the interpreter.
func (p *project) shell(plain bool, source string) error {
	if p.app == nil {
		if p.options.Kind == dev.Files {
			return failure{fmt.Errorf("%s has no shell: name an application of Python, as in 'spindle shell app.py'", p.what())}
		}
		return failure{fmt.Errorf(noShell, p.what())}
	}
	kind := ""
	if plain {
		kind = "plain"
	}
	c, err := p.script(behindScript+"\n"+shellScript, kind, source)
	if err != nil {
		return err
	}
	if err := os.Chdir(c.Dir); err != nil {
		return failure{err}
	}
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	return failure{fmt.Errorf("%s: %w", c.Path, syscall.Exec(c.Path, c.Args, env))}
}
