package reactor

import (
	"fmt"
	"strings"
	"testing"
)

func TestSystemdSockets(t *testing.T) {
	for _, row := range []struct {
		name string
		env  []string
		want string // sockets, or what the error says
	}{
		{"none", nil, "LISTEN_FDS is not set"},
		{"two with names", []string{"LISTEN_PID=42", "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin"}, "[{3 web} {4 admin}]"},
		{"without names", []string{"LISTEN_PID=42", "LISTEN_FDS=1"}, "[{3 unknown}]"},
		{"another process", []string{"LISTEN_PID=41", "LISTEN_FDS=1"}, `are for process "41", this one is 42`},
		{"no process", []string{"LISTEN_FDS=1"}, `are for process "", this one is 42`},
		{"too few names", []string{"LISTEN_PID=42", "LISTEN_FDS=2", "LISTEN_FDNAMES=web"}, "2 sockets and 1 names"},
		{"too many names", []string{"LISTEN_PID=42", "LISTEN_FDS=1", "LISTEN_FDNAMES=a:b"}, "1 sockets and 2 names"},
		{"no number", []string{"LISTEN_PID=42", "LISTEN_FDS=x"}, `LISTEN_FDS is "x"`},
		{"none of them", []string{"LISTEN_PID=42", "LISTEN_FDS=0"}, `LISTEN_FDS is "0"`},
		{"negative", []string{"LISTEN_PID=42", "LISTEN_FDS=-2"}, `LISTEN_FDS is "-2"`},
		{"absurd", []string{"LISTEN_PID=42", "LISTEN_FDS=999999999"}, `LISTEN_FDS is "999999999"`},
	} {
		env := append([]string{"HOME=/", "ODD"}, row.env...)
		sockets, rest, err := SystemdSockets(append(env, "LISTEN_X=1"), 42)
		got := fmt.Sprint(sockets)
		if err != nil {
			got = err.Error()
			if sockets != nil {
				t.Errorf("%s: an error and %v", row.name, sockets)
			}
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
		if fmt.Sprint(rest) != "[HOME=/ ODD LISTEN_X=1]" {
			t.Errorf("%s: the environment left is %q", row.name, rest)
		}
	}
}

func TestFindSystemdSocket(t *testing.T) {
	sockets := []SystemdSocket{{3, "web"}, {4, "admin"}, {5, "web"}}
	for in, want := range map[string]string{
		"systemd:index=0":    "3",
		"systemd:index=2":    "5",
		"systemd:index=3":    "systemd gave 3 sockets, counted from 0",
		"systemd:name=admin": "4",
		"systemd:name=web":   "more than one socket has that name; use index",
		"systemd:name=x":     `no socket has that name; systemd gave ["web" "admin" "web"]`,
	} {
		e, err := ParseEndpoint(in)
		if err != nil {
			t.Fatal(err)
		}
		fd, err := FindSystemdSocket(sockets, e)
		got := fmt.Sprint(fd)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
