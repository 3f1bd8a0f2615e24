package dev

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseEnv(t *testing.T) {
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"HOME": "/home/me", "EMPTY": ""}[name]
		return v, ok
	}
	for text, want := range map[string][]string{
		"":                              nil,
		"# a comment\n\n  \n":           nil,
		"A=1\nB = two words \n":         {"A=1", "B=two words"},
		"export A=1\r\nA=2":             {"A=1", "A=2"},
		"A=":                            {"A="},
		"A=b=c #d":                      {"A=b=c"},
		"A=b#c":                         {"A=b#c"},
		`A="b \"c\" \n\\ #d" #e`:        {"A=b \"c\" \n\\ #d"},
		`A='b\n"c" $x'`:                 {`A=b\n"c" $x`},
		`A="\x"`:                        {`A=\x`},
		"\ufeffA=1":                     {"A=1"},
		"A=\"one\ntwo\" # x\nB=3":       {"A=one\ntwo", "B=3"},
		"A='one\r\n# two\nB=3'":         {"A=one\n# two\nB=3"},
		"KEY=pa$word$1$$":               {"KEY=pa$word$1$$"},
		"D=${HOME}/x":                   {"D=/home/me/x"},
		"A=1\nB=\"<${A}>\"\nC='${A}'":   {"A=1", "B=<1>", `C=${A}`},
		"A=${NONE:-b c}${EMPTY:-d}|":    {"A=b cd|"},
		"A=${NONE}${EMPTY}.":            {"A=."},
		`A="\${HOME}"`:                  {`A=${HOME}`},
		"A=${HOME\nB=${1}\nC=${a b}$":   {"A=${HOME", "B=${1}", "C=${a b}$"},
		"A=${${HOME}}":                  {"A=${/home/me}"},
		"HOME=/x\nA=${HOME}":            {"HOME=/x", "A=/x"},
		"A=\"1\"\n\nB='2'\n":            {"A=1", "B=2"},
		"A=a\"b\"":                      {`A=a"b"`},
		"A=\"${HOME}\\n${HOME:-none}\"": {"A=/home/me\n/home/me"},
	} {
		if got, err := ParseEnv(text, nil, lookup); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"A":                     `line 1: "A" is not NAME=value`,
		"A=1\n1A=2":             `line 2: "1A=2" is not NAME=value`,
		"=1":                    `line 1: "=1" is not NAME=value`,
		"A=\"1":                 "line 1: the quote \" is not closed",
		"A='1' and 2":           `line 1: there is more behind the quote: "and 2"`,
		"A B=1\nB='\n":          `line 1: "A B=1" is not NAME=value`,
		"A=\"1\n2\n3\"\nB":      `line 4: "B" is not NAME=value`,
		"A='1\n2' x\nB":         `line 1: there is more behind the quote: "x"`,
		"\n\nA='never\nB=1\nC=": "line 3: the quote ' is not closed",
	} {
		if got, err := ParseEnv(text, nil, lookup); err == nil || err.Error() != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseEnv(f *testing.F) {
	f.Add("A=1\nexport B='x\ny'\n# c\nC=\"${A:-2}\\n\"")
	f.Add("A=${B}${\n")
	f.Fuzz(func(t *testing.T, text string) {
		env, err := ParseEnv(text, nil, func(string) (string, bool) { return "", false })
		if err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Error(err)
		}
		for _, e := range env {
			if name, _, ok := strings.Cut(e, "="); !ok || !isVariable(name) {
				t.Errorf("%q", e)
			}
		}
	})
}

func TestEnvironmentOfFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SPINDLE_TEST_OWN", "mine")
	for name, text := range map[string]string{
		".env":       "SPINDLE_TEST_OWN=theirs\nA=1\nB=${SPINDLE_TEST_OWN}",
		".env.local": "A=2\nC=${A}${B}",
		"bad.env":    "A=3\nnonsense",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{EnvFiles: FindEnvFiles(dir, "", []string{filepath.Join(dir, "bad.env"), filepath.Join(dir, "none.env"), dir})}
	env, errs := o.environment()
	got := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		got[name] = value
	}
	for name, want := range map[string]string{"SPINDLE_TEST_OWN": "mine", "A": "2", "B": "mine", "C": "2mine"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(errs) != 2 || !strings.Contains(errs[0].Error(), "bad.env, line 2: ") || !strings.Contains(errs[1].Error(), "is a directory") {
		t.Errorf("%q", errs)
	}
}

// Those of an environment come behind those of all, and what is set wins.
func TestEnvironmentFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		".env": "A=env\nB=env\nC=env\nD=env\nE=env\nF=env\n", ".env.local": "B=local\nC=local\nD=local\nE=local\nF=local\n",
		".env.test": "C=test\nD=test\nE=test\nF=test\n", ".env.test.local": "D=test.local\nE=test.local\nF=test.local\n",
		"more.env": "E=more\nF=more\n", ".env.other": "A=other\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("F", "set")
	t.Setenv(EnvironmentVariable, "other")
	o := Options{Env: "test", EnvFiles: FindEnvFiles(dir, "test", []string{filepath.Join(dir, "more.env")})}
	if err := o.CheckEnvFiles(); err != nil {
		t.Error(err)
	}
	env := o.Environment()
	for _, want := range []string{"A=env", "B=local", "C=test", "D=test.local", "E=more", "F=set", EnvironmentVariable + "=test"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s", want)
		}
	}
	if slices.Contains(env, EnvironmentVariable+"=other") {
		t.Error("two environments")
	}
}
