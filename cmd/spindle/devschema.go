package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file is spindle dev schema: what spindle.toml may hold, as a JSON Schema for editors.
// It is made of the flags, so that it knows what they know.

const schemaName = "spindle.schema.json"

// schema is as much of JSON Schema (draft 7) as is needed here.
type schema struct {
	Draft       string             `json:"$schema,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Default     any                `json:"default,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	More        any                `json:"additionalProperties,omitempty"` // false, or the *schema of other keys
}

const schemaLong = `Print the JSON Schema of spindle.toml: every key with its type, its default and what
it is for. 'spindle dev init' writes it beside the file; after an update of spindle

  spindle dev schema > spindle.schema.json

writes it anew. Editors find it by the first line of spindle.toml:

  #:schema ./spindle.schema.json`

// newDevSchema makes the command; f are the flags of spindle dev.
func newDevSchema(f *pflag.FlagSet) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of spindle.toml",
		Long:  schemaLong,
		Args:  cobra.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := schemaText(f)
			if err != nil {
				return failure{err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}

// schemaText is the schema as a file.
func schemaText(f *pflag.FlagSet) (string, error) {
	text, err := json.MarshalIndent(schemaOf(f), "", "  ")
	return string(text) + "\n", err
}

// schemaOf makes the schema of flags.
func schemaOf(f *pflag.FlagSet) *schema {
	keys := map[string]*schema{
		targetKey: {Type: "string", Description: "what is run: a Go package, a Python application, a directory"},
		argsKey:   {AnyOf: []*schema{listSchema(), {Type: "string"}}, Description: "arguments of the program"},
	}
	f.VisitAll(func(flag *pflag.Flag) {
		if isKey(flag.Name) && flag.Name != envKey {
			keys[flag.Name] = flagSchema(flag)
		}
	})
	own := map[string]*schema{} // of an environment: the same keys
	for name := range keys {
		own[name] = &schema{Ref: "#/properties/" + name}
	}
	keys[envKey] = &schema{Description: "the environment, or a table with the keys of each environment and default, which names one",
		AnyOf: []*schema{{Type: "string"}, {Type: "object", Properties: map[string]*schema{defaultEnv: {Type: "string"}},
			More: &schema{Type: "object", Properties: own, More: false}}}}
	return &schema{Draft: "http://json-schema.org/draft-07/schema#", Title: "spindle.toml: what 'spindle dev' runs, and how",
		Type: "object", Properties: keys, More: false}
}

func listSchema() *schema { return &schema{Type: "array", Items: &schema{Type: "string"}} }

// durationPattern is what time.ParseDuration reads.
const durationPattern = `^[-+]?(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`

// flagSchema is that of one key.
func flagSchema(flag *pflag.Flag) *schema {
	name, usage := pflag.UnquoteUsage(flag)
	s := &schema{Description: usage}
	value := plainValue(flag)
	if _, many := value.(pflag.SliceValue); many {
		s.AnyOf = []*schema{listSchema(), {Type: "string"}}
		if strings.Contains(name, "=") { // a table of names does, too
			s.AnyOf = append(s.AnyOf, &schema{Type: "object", More: &schema{Type: "string"}})
		}
		return s
	}
	switch value.Type() {
	case "bool":
		s.Type, s.Default = "boolean", flag.DefValue == "true"
	case "int", "int64", "uint", "uint16":
		s.Type, s.Default = "integer", json.Number(flag.DefValue)
	case "duration":
		s.Type, s.Pattern, s.Default = "string", durationPattern, flag.DefValue
	default:
		if s.Type = "string"; flag.DefValue != "" {
			s.Default = flag.DefValue
		}
	}
	return s
}
