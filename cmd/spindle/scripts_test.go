package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spindle/resource/cgi"
	"spindle/resource/fastcgi"
	"spindle/resource/scgi"
)

func TestScriptFlags(t *testing.T) {
	dir := t.TempDir()
	script, text := filepath.Join(dir, "x.cgi"), filepath.Join(dir, "x.txt")
	for name, mode := range map[string]os.FileMode{script: 0o755, text: 0o644} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		s    scripts
		want string // in the error; "" for none
	}{
		{"a directory and a script", scripts{CGI: []string{"/cgi-bin=" + dir, "/x=" + script}}, ""},
		{"PHP", scripts{PHP: []string{"/=" + dir + "@unix:/run/x,tcp:127.0.0.1:9000"}, Front: "index.php"}, ""},
		{"applications", scripts{FastCGI: []string{"/a=unix:/x"}, SCGI: []string{"/b=127.0.0.1:4000"}, As: "fastcgi"}, ""},
		{"no path", scripts{CGI: []string{dir}}, "give it as /path=directory"},
		{"no directory", scripts{CGI: []string{"/x=/nowhere/at/all"}}, "nowhere/at/all is not in it"},
		{"no program", scripts{CGI: []string{"/x=" + text}}, "chmod +x"},
		{"no backend", scripts{PHP: []string{"/x=" + dir}}, "say where php-fpm listens"},
		{"a backend that is none", scripts{FastCGI: []string{"/x=tcp:nowhere"}}, "backend"},
		{"a front of nothing", scripts{Front: "index.php"}, "name one"},
		{"a front outside", scripts{PHP: []string{"/=" + dir + "@unix:/x"}, Front: "../x.php"}, "below the directory"},
		{"as", scripts{As: "gopher"}, "there are http, fastcgi, scgi and cgi"},
	} {
		err := c.s.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestScriptTree(t *testing.T) {
	dir := t.TempDir()
	s := scripts{CGI: []string{"/cgi-bin=" + dir}, PHP: []string{"/=" + dir + "@unix:/x"}, FastCGI: []string{"/a=unix:/x"}, SCGI: []string{"/a/b=unix:/x"}}
	m, ok := s.wrap(nil, nil).(*mounts)
	if !ok || len(m.list) != 4 {
		t.Fatalf("%+v", m)
	}
	if _, ok := m.list[0].resource.(*scgi.App); !ok {
		t.Errorf("the longest path is not first: %+v", m.list[0])
	}
	if p, ok := m.list[3].resource.(*fastcgi.PHP); !ok || p.Files == nil {
		t.Errorf("PHP at the root: %+v", m.list[3])
	}
	if _, ok := m.list[1].resource.(*cgi.Dir); !ok {
		t.Errorf("scripts: %+v", m.list[1])
	}
	if (&scripts{}).wrap(nil, nil) != nil {
		t.Error("a tree that nothing is to be added to is not the same")
	}
}
