package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what it was built from",
		Args:  cobra.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), versionText(readBuild()))
			return err
		},
	}
}

// build is what a binary knows of its making.
type build struct {
	version  string // of the module; "" for a build from a checkout
	revision string
	time     string
	modified bool
}

func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) (b build) {
	if info.Main.Version != "(devel)" {
		b.version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.revision = s.Value
		case "vcs.time":
			b.time = s.Value
		case "vcs.modified":
			b.modified = s.Value == "true"
		}
	}
	return b
}

// name is "spindle v1.2.3", or "spindle (development build)".
func (b build) name() string {
	if b.version == "" {
		return "spindle (development build)"
	}
	return "spindle " + b.version
}

// platform is the Go version and the system, on one line.
func platform() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }

func versionText(b build) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n%s\n", b.name(), platform())
	if b.revision == "" {
		return s.String()
	}
	fmt.Fprintf(&s, "revision %s", b.revision)
	if b.time != "" {
		fmt.Fprintf(&s, " of %s", b.time)
	}
	if b.modified {
		s.WriteString(", with changes that are not committed")
	}
	s.WriteByte('\n')
	return s.String()
}
