package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// Every key is in the schema, of a type that a value of TOML can have, and no other is.
func TestDevSchema(t *testing.T) {
	code, text, errs := capture(t, "dev", "schema")
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	var s schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{targetKey: true, argsKey: true}
	newDev(nil).Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "help" {
			want[f.Name] = true
		}
	})
	for name := range want {
		k := s.Properties[name]
		if k == nil || k.Description == "" || k.Type == "" && len(k.AnyOf) == 0 || strings.Contains(k.Description, "`") {
			t.Errorf("%s: %+v", name, k)
		}
	}
	for name := range s.Properties {
		if !want[name] {
			t.Errorf("%s is no key", name)
		}
	}
	for name, kind := range map[string]string{"vet": "boolean", "threads": "integer", "patience": "string", "editor": "string"} {
		if got := s.Properties[name].Type; got != kind {
			t.Errorf("%s is %s", name, got)
		}
	}
	if s.Properties["locals"].Default != true || s.Properties["threads"].Default != 4.0 || s.Properties["patience"].Default != "5s" {
		t.Error("defaults are missing")
	}
	if n := len(s.Properties["with"].AnyOf); n != 3 {
		t.Errorf("with has %d forms", n)
	}
}

// What the file that init writes names, is in the schema beside it, and can be read.
func TestDevInitSchema(t *testing.T) {
	inDir(t, map[string]string{"main.go": "package main\n"})
	if code, _, errs := capture(t, "dev", "init"); code != 0 {
		t.Fatal(errs)
	}
	var s schema
	for path, to := range map[string]any{schemaName: &s} {
		if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, to) != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(configName)
	if err != nil || !strings.HasPrefix(string(text), "#:schema ./"+schemaName+"\n") {
		t.Fatalf("%v: %s", err, text)
	}
	full := regexp.MustCompile(`(?m)^# ((\[|"|[a-z-]+ = ).*)$`).ReplaceAllString(string(text), "$1")
	var all map[string]any
	if _, err := toml.Decode(full, &all); err != nil {
		t.Fatalf("%v in %s", err, full)
	}
	if len(all) < 8 {
		t.Errorf("few keys: %v", all)
	}
	for key := range all {
		if s.Properties[key] == nil {
			t.Errorf("%s is not in the schema", key)
		}
	}
	if err := os.WriteFile(configName, []byte(full), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := devOf("--tls=false"); err != nil || c.Env != "test" {
		t.Errorf("%+v, %v", c, err)
	}
}

// The pattern takes what is read as a duration.
func TestDurationPattern(t *testing.T) {
	re := regexp.MustCompile(durationPattern)
	for _, text := range []string{"0", "5s", "1m30s", "1.5h", "500ms", "5", "5 s", "", "x", "1d"} {
		if _, err := time.ParseDuration(text); (err == nil) != re.MatchString(text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
