package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"spindle/reactor"
)

// A port in use: the message names who has it, and a port that is free.
func TestPortInUse(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells who holds a port")
	}
	holder := startChild(t, "holder")
	port := holder.line()
	for _, loops := range []string{"1", "2"} {
		code, _, errs := capture(t, "web", "--listen", "127.0.0.1:"+port, "--loops", loops)
		want := fmt.Sprintf("spindle: port %s is in use by process %d: %s.\n", port, holder.cmd.Process.Pid, holder.cmd.Path)
		if code != exitFailed || !strings.HasPrefix(errs, want) {
			t.Errorf("exit code %d, said %q, want %q", code, errs, want)
		}
		_, mend, ok := strings.Cut(errs, "take the next port that is free: --listen ")
		if !ok {
			t.Fatalf("no free port is named: %q", errs)
		}
		e, err := reactor.ParseEndpoint(strings.TrimSpace(mend))
		if err != nil || e.Interface != "127.0.0.1" {
			t.Fatalf("the mend is no endpoint of this address: %q: %v", mend, err)
		}
		l, err := net.Listen("tcp", net.JoinHostPort(e.Interface, fmt.Sprint(e.Port)))
		if err != nil {
			t.Errorf("the port that is said to be free: %v", err)
			continue
		}
		l.Close()
	}
}

func TestPortGivenTwice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close() // most likely it stays free for this moment
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	code, _, errs := capture(t, "web", "--listen", listen, "--listen", listen)
	if want := fmt.Sprintf("port %d is given twice", port); runtime.GOOS == "linux" && (code != exitFailed || !strings.Contains(errs, want)) {
		t.Errorf("exit code %d, said %q, want %q", code, errs, want)
	}
}

func TestSocketInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, errs := capture(t, "web", "--listen", "unix:"+path)
	if want := "another process listens at " + path; code != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, said %q, want %q", code, errs, want)
	}
}

func TestPrivileged(t *testing.T) {
	for port, mend := range map[int]string{80: "--listen tcp:8080\n", 443: "--listen tcp:8443\n", 25: "--listen tcp:8025\n"} {
		got := privileged(reactor.Endpoint{Kind: reactor.EndpointTCP, Port: port})
		for _, want := range []string{fmt.Sprintf("port %d needs a right", port), mend, "setcap cap_net_bind_service=+ep /", "systemd:index=0"} {
			if !strings.Contains(got, want) {
				t.Errorf("port %d: no %q in %q", port, want, got)
			}
		}
	}
}

func TestNoSuchAddress(t *testing.T) {
	got := noSuchAddress(reactor.Endpoint{Interface: "203.0.113.9"}, []netip.Addr{netip.MustParseAddr("192.0.2.2")})
	if want := "203.0.113.9 is no address of this machine; it has 127.0.0.1, 192.0.2.2. Without"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q", got)
	}
}

// fakeProc is a /proc with one listener and the processes of pids.
func fakeProc(t *testing.T, port int, uid string, pids map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("net/tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
		fmt.Sprintf("   0: 0100007F:%04X 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0\n", port)+
		fmt.Sprintf("   1: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000  %s        0 222 1 0\n", port, uid))
	for pid, command := range pids {
		write(pid+"/cmdline", command)
		write(pid+"/comm", "short\n")
		if err := os.MkdirAll(filepath.Join(dir, pid, "fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("socket:[222]", filepath.Join(dir, pid, "fd", "3")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindHolder(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, test := range []struct {
		name, proc, want string
	}{
		{"seen", fakeProc(t, 8080, "0", map[string]string{"77": "nginx\x00-g\x00daemon off;\x00"}), "process 77: nginx -g daemon off;"},
		{"no command line", fakeProc(t, 8080, "0", map[string]string{"77": ""}), "process 77: short"},
		{"long, with escapes", fakeProc(t, 8080, "0", map[string]string{"77": "\x1b[2J" + long}), "process 77: [2J" + long[:97] + "…"},
		{"another user's", fakeProc(t, 8080, "4294967", nil), "a process of user 4294967 ('sudo ss -ltnp sport = :8080' names it)"},
	} {
		if got := findHolder(test.proc, 8080).String(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if got := findHolder(fakeProc(t, 8081, "0", nil), 8080).String(); !strings.HasPrefix(got, "another process") {
		t.Errorf("nothing known: got %q", got)
	}
}
