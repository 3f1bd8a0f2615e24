package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/reactor"
	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file is spindle dev check: what is wrong with a configuration and with what it names,
// before anything runs.

const devCheckLong = `Look at spindle.toml, the variables of the environment and the target that they name, and say
what 'spindle dev' would run and watch. Nothing is built, and nothing listens; a Python
application is loaded once, and Django's own checks are made.

It exits with 1 when something is wrong.`

func newDevCheck(out, errs *os.File) *cobra.Command {
	p := new(project)
	cmd := &cobra.Command{
		Use:   "check [target]",
		Short: "Say what is wrong with the configuration, and what would run",
		Long:  devCheckLong,
		RunE: func(_ *cobra.Command, args []string) error {
			target, err := oneTargetAtMost(args)
			if err != nil {
				return err
			}
			k := &checkup{p: p, errs: errs}
			k.look(target)
			return k.print(out)
		},
	}
	p.addTo(cmd)
	return cmd
}

// checkup is what was found.
type checkup struct {
	p      *project
	errs   *os.File
	rows   [][2]string // what there is
	notes  []string    // that are no faults
	faults []string
	busy   bool // a port can not be had now, perhaps since spindle dev runs
}

func (k *checkup) row(name, format string, args ...any) {
	k.rows = append(k.rows, [2]string{name, fmt.Sprintf(format, args...)})
}

// fault notes an error.
func (k *checkup) fault(err error) {
	k.faults = append(k.faults, withoutPackage(err))
}

// look looks at everything, as far as it comes.
func (k *checkup) look(target string) {
	c := k.p.config
	k.faults = strayVariables(k.p.all, os.Environ())
	if err := k.p.find(target); err != nil {
		k.fault(err)
		return
	}
	if err := c.checkValues(k.p.of); err != nil {
		k.fault(err)
	}
	k.lookAtFiles()
	k.lookAtPorts()
	if k.p.app != nil {
		k.lookAtPython()
	}
	k.survey()
}

// strayVariables finds variables that stand for no flag, and look as if they did.
func strayVariables(flags *pflag.FlagSet, environ []string) (faults []string) {
	names := []string{envPrefix + "KEEPER", envPrefix + "PROBE", envPrefix + "REPORT", envPrefix + "INSPECT"} // between our own processes
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, variableOf(f.Name)) })
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(names, name) {
			continue
		}
		text := name + " is set, and there is no such flag"
		lower := make([]string, len(names))
		for i := range names {
			lower[i] = strings.ToLower(names[i])
		}
		if best := nearest(name, lower); best != "" {
			text += "; did you mean " + strings.ToUpper(best) + "?"
		}
		faults = append(faults, text)
	}
	return faults
}

// lookAtFiles tells of the configuration, its schema, and the files of variables.
func (k *checkup) lookAtFiles() {
	c := k.p.config
	path := c.Config
	if path == "" {
		path = configName
	}
	if _, err := os.Stat(path); err == nil {
		k.row("config", "%s", path)
	} else {
		k.row("config", "none; 'spindle dev init' writes %s", configName)
	}
	if was, err := os.ReadFile(schemaName); err == nil {
		if now, err := schemaText(k.p.all); err == nil && now != string(was) {
			k.notes = append(k.notes, schemaName+" is that of another version: spindle dev schema > "+schemaName)
		}
	}
	if c.Env != "" {
		k.row("environment", "%s", c.Env)
	}
	if err := k.p.options.CheckEnvFiles(); err != nil {
		k.fault(err)
	}
	var files []string
	for _, path := range k.p.options.EnvFiles {
		if _, err := os.Stat(path); err == nil {
			files = append(files, shortPath(path))
		}
	}
	if len(files) > 0 {
		k.row("variables", "%s", strings.Join(files, ", "))
	}
}

// lookAtPorts tells whether they are free. One that is not may be taken by this very server.
func (k *checkup) lookAtPorts() {
	for _, text := range k.p.config.Listen {
		e, err := reactor.ParseEndpoint(text)
		if err != nil {
			continue // which was said
		}
		k.row("listen", "%s", text)
		if isTCP(e) && e.Port != 0 {
			if err := tryPort(e); err != nil {
				k.busy = true
				k.notes = append(k.notes, strings.ReplaceAll(refusedPort(e, err), "\n", "\n        "))
			}
		}
	}
}

// lookAtPython loads the application.
func (k *checkup) lookAtPython() {
	c, err := k.p.script("print(sys.executable, '%d.%d.%d' % sys.version_info[:3], file=os.fdopen(3, 'w')) if loaded(sys.argv[1]) else None")
	if err != nil {
		k.fault(err)
		return
	}
	k.row("python", "%s", c.Path)
	if answer, err := answerOf(c, k.errs); errors.Is(err, errTold) {
		k.faults = append(k.faults, k.p.app.target+" can not be loaded; why is above")
	} else if err != nil {
		k.faults = append(k.faults, k.p.app.target+" can not be loaded: "+err.Error())
		return // there is no interpreter that could check
	} else if python, version, ok := strings.Cut(strings.TrimSpace(string(answer)), " "); ok {
		k.rows[len(k.rows)-1][1] = version + ", " + python
	}
	k.lookAtDjango()
}

// lookAtDjango makes Django's checks.
func (k *checkup) lookAtDjango() {
	check := k.p.app.djangoCheck(k.p.config, &k.p.options)
	if check == nil {
		return
	}
	c, err := wsgi.Script(k.p.config.Python, check.Dir, k.p.options.Environment(), "")
	if err != nil {
		return // which was said
	}
	c.Args = append([]string{c.Path}, check.Run[1:]...)
	c.WaitDelay = afterEnd
	out, err := c.Output()
	f, notices := check.Judge(string(out), "", err == nil)
	k.notes = append(k.notes, notices...)
	if f != nil {
		k.failure(f)
	}
}

// survey asks what would be watched.
func (k *checkup) survey() {
	err := surveyOf(k.p, k.errs, func(v dev.Survey) {
		k.row("target", "%s", v.What)
		var dirs []string
		for _, dir := range append(slices.Clone(v.Trees), v.Dirs...) {
			if path := shortPath(dir); path == "." {
				dirs = append(dirs, filepath.Base(dir))
			} else {
				dirs = append(dirs, path)
			}
		}
		const most = 4
		text := strings.Join(dirs[:min(most, len(dirs))], ", ")
		if n := len(dirs) - most; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		k.row("watched", "%s in %s", counted(int64(v.Files), "file"), text)
	})
	var f *dev.Failure
	switch {
	case errors.As(err, &f):
		k.failure(f)
	case err != nil:
		k.fault(err)
	}
}

// failure notes what is wrong with a source.
func (k *checkup) failure(f *dev.Failure) {
	k.faults = append(k.faults, f.Title)
	for _, x := range f.Faults {
		text := "  "
		if x.File != "" {
			text += fmt.Sprintf("%s:%d:%d: ", shortPath(x.File), x.Line, max(x.Column, 1))
		}
		if text += strings.ReplaceAll(x.Message, "\n", "\n      "); x.Mend != "" {
			text += "\n    mend: " + x.Mend
		}
		k.faults = append(k.faults, text)
	}
}

// print tells all of it.
func (k *checkup) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, r := range k.rows {
		fmt.Fprintf(w, "  %s\t%s\n", r[0], r[1])
	}
	if err := w.Flush(); err != nil {
		return failure{err}
	}
	for _, n := range k.notes {
		fmt.Fprintln(out, "  note: "+n)
	}
	for _, f := range k.faults {
		if !strings.HasPrefix(f, " ") {
			f = "fault: " + f
		}
		fmt.Fprintln(out, "  "+f)
	}
	if len(k.faults) > 0 {
		return errTold
	}
	if k.busy {
		fmt.Fprintln(out, "\nNothing else is wrong.")
	} else {
		fmt.Fprintln(out, "\nNothing is wrong.")
	}
	return nil
}
