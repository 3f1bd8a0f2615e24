package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file makes the flags of all commands read well: in their help, and where a
// shell shows them.

// nameValues takes the name of a flag's value out of the backquotes in its line of
// help, since the completion of the shells shows that line as it stands.
func nameValues(commands []*cobra.Command) {
	for _, c := range commands {
		nameValues(c.Commands())
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				v := namedValue{Value: f.Value}
				v.name, f.Usage = pflag.UnquoteUsage(f)
				f.Value, f.DefValue = v, v.String()
			}
		})
	}
}

// plainValue is the value of a flag as it was made.
func plainValue(f *pflag.Flag) pflag.Value {
	if v, ok := f.Value.(namedValue); ok {
		return v.Value
	}
	return f.Value
}

// namedValue is the value of a flag, of a type that means something to people.
type namedValue struct {
	pflag.Value
	name string
}

func (v namedValue) Type() string { return v.name }

// String is without the brackets of a list.
func (v namedValue) String() string { return strings.Trim(v.Value.String(), "[]") }
