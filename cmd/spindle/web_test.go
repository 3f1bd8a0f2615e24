package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spindle/protocol"
)

// parse gives back what spindle web would be started with.
func parse(t *testing.T, args ...string) (c *webConfig, err error) {
	t.Helper()
	root := newRoot(func(given *webConfig) error {
		c = given
		return nil
	})
	root.SetArgs(args)
	root.SetOut(t.Output())
	return c, root.Execute()
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	with := func(change func(c *webConfig)) *webConfig {
		c := defaultWebConfig()
		change(c)
		return c
	}
	for _, test := range []struct {
		args string
		want *webConfig
	}{
		{"", defaultWebConfig()},
		{"web", defaultWebConfig()},
		{"web --listen 8081", with(func(c *webConfig) { c.Listen = []string{"8081"} })},
		{"web -l tcp:1 -l unix:/x", with(func(c *webConfig) { c.Listen = []string{"tcp:1", "unix:/x"} })},
		{"web --path DIR", with(func(c *webConfig) { c.Path = dir })},
		{"web -p DIR --index a.html --index b.html --listing", with(func(c *webConfig) {
			c.Path, c.Index, c.Listing = dir, []string{"a.html", "b.html"}, true
		})},
		{"web -p DIR --mime-type text/plain", with(func(c *webConfig) { c.Path, c.MimeType = dir, "text/plain" })},
		{"web --log json", with(func(c *webConfig) { c.Log = "json" })},
		{"web --log combined --log-file a.log", with(func(c *webConfig) { c.Log, c.LogFile = "combined", "a.log" })},
		{"web --add-header X-A:1 -H X-B:two:three", with(func(c *webConfig) {
			c.Fields = protocol.Fields{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: "two:three"}}
		})},
		{"web --loops 4 --open", with(func(c *webConfig) { c.Loops, c.Open = 4, true })},
		{"web --loops 0 -q", with(func(c *webConfig) { c.Loops, c.Quiet = 0, true })},
	} {
		t.Run(test.args, func(t *testing.T) {
			got, err := parse(t, strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))...)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestFieldsKeepTheirValue(t *testing.T) {
	c, err := parse(t, "web", "--add-header", "  Cache-Control :  no-store, max-age=0 ")
	if err != nil {
		t.Fatal(err)
	}
	if want := (protocol.Fields{{Name: "Cache-Control", Value: "no-store, max-age=0"}}); !reflect.DeepEqual(c.Fields, want) {
		t.Errorf("got %q, want %q", c.Fields, want)
	}
}

// Each thing that can be wrong has its own words and its exit code.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"wbe"}, 2, "unknown command \"wbe\" for \"spindle\"\n\nDid you mean this?\n\tweb"},
		{[]string{"web", "x"}, 2, `unknown command "x" for "spindle web"`},
		{[]string{"web", dir}, 2, dir + "\" is a directory: serve it by --path " + dir},
		{[]string{"-p", dir}, 2, "The flags of the server stand behind 'spindle web'."},
		{[]string{"help", "bogus"}, 2, "help bogus: there is no such command"},
		{[]string{"completion", "bogus"}, 2, `unknown command "bogus" for "spindle completion"`},
		{[]string{"web", "--loops", "99999"}, 2, "--loops 99999: more than "},
		{[]string{"web", "--path", ""}, 2, "--path: give the name of a directory; the one that was given is empty"},
		{[]string{"web", "--bogus"}, 2, "unknown flag: --bogus\n'spindle web --help' tells more."},
		{[]string{"--path", "."}, 2, "The flags of the server stand behind 'spindle web'."},
		{[]string{"web", "--loops", "x"}, 2, `invalid argument "x" for "--loops" flag` + "\n"},
		{[]string{"web", "--loops", "-1"}, 2, "--loops -1: give a number of loops"},
		{[]string{"web", "--listen", "tcp:99999"}, 2, `--listen tcp:99999: port "99999" is no number from 0 to 65535`},
		{[]string{"web", "--listen", "http:80"}, 2, "--listen http:80: "},
		{[]string{"web", "--log", "loud"}, 2, "--log loud: there is no such format; there are short, combined, json and none"},
		{[]string{"web", "--log", "none", "--log-file", "x"}, 2, "contradict each other"},
		{[]string{"web", "--listing"}, 2, "--listing is about the files of a directory: name it with --path"},
		{[]string{"web", "--index", "x"}, 2, "--index is about the files of a directory"},
		{[]string{"web", "--mime-type", "x/y"}, 2, "--mime-type is about the files of a directory"},
		{[]string{"web", "--path", dir, "--index", "a/b"}, 2, `--index "a/b": give the name of a file`},
		{[]string{"web", "--path", dir, "--mime-type", "text"}, 2, `--mime-type "text": give a type such as`},
		{[]string{"web", "--acme", "*.example.org"}, 2, "--acme: *.example.org: a wildcard can be proved by an entry in the DNS only"},
		{[]string{"web", "--acme-email", "me@example.org"}, 2, "name the hosts with --acme"},
		{[]string{"web", "--https-only"}, 2, "no --listen has TLS to send browsers to"},
		{[]string{"web", "--acme", "example.org", "--listen", "http:80"}, 2, "--listen http:80: "},
		{[]string{"web", "--acme", "example.org", "--listen", "tcp:0"}, 2, "add --listen tls:443"},
		{[]string{"web", "--acme", "example.org", "--listen", "tls:0:cert=x"}, 2, "add --listen tls:443"},
		{[]string{"web", "--acme", "example.org", "--listen", "tls:0", "--acme-dir", filepath.Join(file, "x")}, 1, "the directory for the certificates can not be made"},
		{[]string{"web", "--acme", "example.org", "--listen", "tls:0", "--acme-dir", dir, "--acme-roots", file}, 1, file + ": the file is empty"},
		{[]string{"web", "--add-header", "X-A"}, 2, `--add-header "X-A": give it as 'Name: value'`},
		{[]string{"web", "--add-header", "X A: 1"}, 2, `--add-header "X A: 1": `},
		{[]string{"web", "--add-header", "X-A: 1\r\nX-B: 2"}, 2, `--add-header "X-A: 1\r\nX-B: 2": `},
		{[]string{"web", "--add-header", "content-length: 1"}, 2, "the server writes Content-Length itself"},
		{[]string{"web", "--path", filepath.Join(dir, "no", "where")}, 1,
			"there is no such directory; " + dir + " is there, no/where is not in it\n"},
		{[]string{"web", "--path", file}, 1, "this is a file; serve the directory that it is in: --path " + dir + "\n"},
		{[]string{"web", "--log-file", filepath.Join(dir, "no", "a.log")}, 1, "there is no directory " + filepath.Join(dir, "no") + "\n"},
		{[]string{"web", "--listen", "unix:" + filepath.Join(dir, "no", "s")}, 1, "there is no directory " + filepath.Join(dir, "no") + "\n"},
		{[]string{"web", "--listen", "tcp:0:interface=203.0.113.9"}, 1, "203.0.113.9 is no address of this machine; it has 127.0.0.1"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			code, out, errs := capture(t, test.args...)
			if code != test.code || out != "" || !strings.HasPrefix(errs, "spindle: ") || !strings.Contains(errs, test.want) {
				t.Errorf("exit code %d, said %q%q, want %d, %q", code, out, errs, test.code, test.want)
			}
			if help := strings.Contains(errs, "--help' tells more."); help != (test.code == exitUsage) {
				t.Errorf("pointed to the help: %v", help)
			}
		})
	}
}

func TestUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := capture(t, "web", "--path", dir); code != 1 || !strings.Contains(errs, "may not read the directory") {
		t.Errorf("exit code %d, said %q", code, errs)
	}
}
