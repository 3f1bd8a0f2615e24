// Command spindle is the web server at the command line: it serves a directory,
// or, asked for nothing, the page that shows how it works.
//
//	main.go     commands, errors, exit codes
//	web.go      spindle web: flags and what they mean
//	listen.go   the flags of every command that serves
//	wsgi.go     spindle wsgi
//	service.go  of the flags, those about running as a service (package daemon: what does it)
//	mailflags.go  of the flags, those about mails of errors
//	control.go  spindle status, stop, reload, reopen
//	acme.go     of the flags, those about certificates of an authority, and https alone
//	serve.go    reactors, sites, log; from there to the end
//	stock.go    the trees that it serves: the one file that imports every resource
//	start.go    the start page, with its tree (draw.go) and its stream (events.go)
//	demo.go     the resources below the start page
//	banner.go   where the server can be reached
//	refusal.go  what to do when the system refuses a port (holder.go: who has it)
//	cert.go     spindle cert
//	version.go  spindle version
//	routes.go, request.go, shell.go  a look at what spindle dev would run (project.go: what it is; once.go)
//	dev.go      spindle dev: what is run (devserve.go: how; devterminal.go: what is shown of it)
//	devconfig.go, devenv.go, devschema.go, devinit.go  its file, environments, schema, first files
//	flags.go    how flags read in help and completion
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"spindle/cmd/spindle/locals"
	"spindle/cmd/spindle/recordings"
	"spindle/site/dev"
	"spindle/site/dev/inspect"
)

// The exit codes.
const (
	exitFailed = 1 // the system refused something: a port, a file, a directory
	exitUsage  = 2 // the command line is wrong
)

// failure is an error of the world, not of the command line. Its text says what
// to do.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// exitCode is an error that a person has been told of already, and the code to exit with.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// errTold ends the program like a failure; a person has been told why.
var errTold = exitCode(exitFailed)

func main() {
	dev.KeepIfAsked()
	if socket := inspect.Asked(); socket != nil {
		os.Exit(help(socket))
	}
	if what := inspect.AskedToRead(); what != "" {
		os.Exit(read(what))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// read has this process read a recording for a development server.
func read(what string) int {
	if err := inspect.Read(what, recordings.Reader{}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return 0
}

// helperGarbage is how much garbage there may be in a helper, in percent of what it holds: that
// is much, and it does next to nothing.
const helperGarbage = 50

// help has this process look into programs for a development server: on one processor, since
// programs need the others, and it is no slower.
func help(socket *os.File) int {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(helperGarbage)
	if err := inspect.Serve(socket, new(locals.Reader)); err != nil {
		fmt.Fprintf(os.Stderr, "spindle: %v\n", err)
		return exitFailed
	}
	return 0
}

// run is the whole program; what it returns is the exit code.
func run(args []string, out, errs *os.File) int {
	root := newRoot(func(c *webConfig) error { return serve(c, out, errs) })
	root.AddCommand(newDev(func(c *devConfig) error { return serveDev(c, out, errs) }),
		newWSGI(func(c *wsgiConfig) error { return serveWSGI(c, out, errs) }),
		newRoutes(out, errs), newRequest(out, errs), newShell())
	root.AddCommand(newControls(out, errs)...)
	nameValues(root.Commands())
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	refuseTopics(root) // once it is known where they write
	command, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	if code := exitCode(0); errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintf(errs, "spindle: %v\n", err)
	if errors.As(err, new(failure)) {
		return exitFailed
	}
	if command == root && (strings.HasPrefix(err.Error(), "unknown flag") || strings.HasPrefix(err.Error(), "unknown shorthand flag")) {
		fmt.Fprintln(errs, "The flags of the server stand behind 'spindle web'.")
	}
	fmt.Fprintf(errs, "'%s --help' tells more.\n", command.CommandPath())
	return exitUsage
}

// refuseTopics has help and completion refuse what they do not know, as other commands do.
func refuseTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			help := c.Run
			c.RunE = func(c *cobra.Command, args []string) error {
				if topic, rest, err := root.Find(args); err != nil || topic == nil || len(rest) > 0 {
					return fmt.Errorf("help %s: there is no such command", strings.Join(args, " "))
				}
				help(c, args)
				return nil
			}
		case "completion":
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// flagError is err without the insides of the number parser.
func flagError(_ *cobra.Command, err error) error {
	if text, _, ok := strings.Cut(err.Error(), ": strconv."); ok {
		return errors.New(text)
	}
	return err
}

func newRoot(start func(*webConfig) error) *cobra.Command {
	root := &cobra.Command{
		Use:   "spindle",
		Short: "An event-loop web server",
		Long: `Spindle is an event-loop web server: one loop holds every connection and hands
each request down a tree of resources.

Without a command it serves its start page at http://127.0.0.1:8080/, as does
'spindle web' without --path.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			return start(defaultWebConfig())
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newWeb(start), newCert(), newVersion())
	root.Version = versionText(readBuild()) // for --version, which some try first
	root.SetVersionTemplate("{{.Version}}")
	return root
}
