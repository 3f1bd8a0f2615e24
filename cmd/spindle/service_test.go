package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestServiceRefusals(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("NOTIFY_SOCKET", "")
	writeAll(t, dir, map[string]string{"text": "no number\n"})
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"web", "--group", "x"}, 2, "--group goes with --user"},
		{[]string{"web", "--user", "no-such-one"}, 1, "--user no-such-one: there is no user no-such-one on this machine"},
		{[]string{"web", "--user", "root", "--group", "no-such-one"}, 1, "there is no group no-such-one"},
		{[]string{"web", "--user", "root:"}, 2, "--user root:: give it as name or name:group"},
		{[]string{"web", "--user", "root:root", "--group", "root"}, 2, "both name a group"},
		{[]string{"web", "--daemon", "--listen", "fd:3"}, 2, "--daemon: a socket that is open already stays"},
		{[]string{"wsgi", "a", "--daemon", "--listen", "systemd:index=0"}, 2, "leave --daemon out"},
		{[]string{"web", "--daemon", "--log", "json"}, 2, "--log json: a daemon has no standard output; name a file with --log-file"},
		{[]string{"web", "--daemon", "--as", "cgi"}, 2, "--as cgi: the web server starts a process for each request"},
		{[]string{"web", "--pid-file", dir + "/no/it.pid"}, 1, "--pid-file " + dir + "/no/it.pid: there is no directory " + dir + "/no"},
		{[]string{"web", "--listen", "tcp:0", "--error-log", dir + "/no/it.log"}, 1, "--error-log " + dir + "/no/it.log: there is no directory"},
		{[]string{"status"}, 2, "name the file that the server was started with"},
		{[]string{"status", "--pid-file", dir + "/text"}, 4, "text is no PID file: its first line is no number"},
		{[]string{"stop", "--pid-file", dir + "/text"}, 1, "text is no PID file"},
		{[]string{"reload", "--pid-file", dir + "/none"}, 1, "it does not run: there is no " + dir + "/none"},
		{[]string{"stop", "--pid-file", dir + "/none", "--timeout", "0s"}, 2, "--timeout 0s: give a time to wait"},
	} {
		code, out, errs := capture(t, test.args...)
		if code != test.code || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%q: exit code %d, said %q%q, want %d, %q", test.args, code, out, errs, test.code, test.want)
		}
	}
}

// The codes of status, and what stop says of a server that does not run.
func TestNothingRuns(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"left": "1\n", "empty": ""})
	for _, test := range []struct {
		command, file string
		code          int
		want          string
	}{
		{"status", "none", 3, "It does not run: there is no "},
		{"status", "empty", 3, "/empty is empty"},
		{"status", "left", 1, "It has died: process 1 has left "},
		{"stop", "none", 0, "It does not run: there is no "},
		{"stop", "left", 0, "process 1 has left "},
	} {
		code, out, errs := capture(t, test.command, "--pid-file", filepath.Join(dir, test.file))
		if code != test.code || errs != "" || !strings.Contains(out, test.want) {
			t.Errorf("%+v: exit code %d, said %q%q", test, code, out, errs)
		}
	}
	if code, _, errs := capture(t, "reopen", "--pid-file", dir+"/left"); code != 1 || !strings.Contains(errs, "it does not run: process 1 has left") {
		t.Errorf("reopen: %d, %q", code, errs)
	}
}

// A server that was told to run by itself: started, looked at, its logs moved away, stopped.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("NOTIFY_SOCKET", "")
	writeAll(t, dir, map[string]string{"a.txt": "text"})
	pid, access, errors := dir+"/it.pid", dir+"/access.log", dir+"/errors.log"
	args := []string{"web", "--path", dir, "--listen", "127.0.0.1:0", "--daemon", "--pid-file", pid, "--log-file", access, "--error-log", errors}
	c := startChild(t, "spindle", args...)
	if state := c.end(); !state.Success() {
		t.Fatalf("it ended with %v: %s", state, c.said())
	}
	t.Cleanup(func() { capture(t, "stop", "--pid-file", pid, "--timeout", "1s") })
	url := c.wait(localPattern)
	number := c.wait(`Process (\d+); 'spindle stop --pid-file \S+/it.pid' stops it`)
	if text, _ := os.ReadFile(pid); string(text) != number+"\n" || number == fmt.Sprint(c.cmd.Process.Pid) {
		t.Errorf("the file has %q; the daemon is %s, who started it was %d", text, number, c.cmd.Process.Pid)
	}
	if status, _, body := c.get(url + "a.txt"); status != 200 || body != "text" {
		t.Errorf("%d %q", status, body)
	}
	if code, out, errs := capture(t, "status", "--pid-file", pid); code != 0 || !strings.Contains(out, "Process "+number+" runs since ") {
		t.Errorf("status: %d, %q%q", code, out, errs)
	}
	second := startChild(t, "spindle", args...)
	if state := second.end(); state.ExitCode() != 1 || !strings.Contains(second.said(), "process "+number+" is running") {
		t.Errorf("a second one: %v, %q", state, second.said())
	}
	for _, name := range []string{access, errors} {
		if err := os.Rename(name, name+".1"); err != nil {
			t.Error(err)
		}
	}
	if code, out, errs := capture(t, "reopen", "--pid-file", pid); code != 0 || !strings.Contains(out, "was told to open its logs again") {
		t.Errorf("reopen: %d, %q%q", code, out, errs)
	}
	for _, name := range []string{access, errors} {
		waitForFile(t, name)
	}
	if code, out, errs := capture(t, "stop", "--pid-file", pid); code != 0 || !strings.Contains(out, "Process "+number+" has ended") {
		t.Errorf("stop: %d, %q%q", code, out, errs)
	}
	if text, _ := os.ReadFile(errors); !strings.Contains(string(text), "Spindle served 1 request") {
		t.Errorf("the error log: %q", text)
	}
	if code, _, _ := capture(t, "status", "--pid-file", pid); code != 3 {
		t.Errorf("status at the end: %d", code)
	}
}

func waitForFile(t *testing.T, name string) {
	t.Helper()
	for range 1 << 20 {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
	t.Errorf("there is no %s", name)
}

// Who can not serve says so at the terminal, and ends with the code that it has without
// --daemon, too.
func TestDaemonFails(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	holder := startChild(t, "holder")
	port := holder.line()
	pid := filepath.Join(t.TempDir(), "it.pid")
	c := startChild(t, "spindle", "web", "--daemon", "--listen", "127.0.0.1:"+port, "--pid-file", pid)
	if state := c.end(); state.ExitCode() != 1 || !strings.Contains(c.said(), "port "+port+" is in use by ") {
		t.Errorf("%v, %q", state, c.said())
	}
	if _, err := os.Stat(pid); err == nil {
		t.Error("the PID file is still there")
	}
}

// Signals for logs end no server that has none to open.
func TestServiceTakesSignals(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "it.pid")
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0", "--pid-file", pid)
	url := c.wait(localPattern)
	for _, command := range []string{"reopen", "reload"} {
		if code, _, errs := capture(t, command, "--pid-file", pid); code != 0 {
			t.Errorf("%s: %d, %q", command, code, errs)
		}
	}
	if status, _, _ := c.get(url); status != 200 {
		t.Errorf("%d", status)
	}
	c.signal(syscall.SIGTERM)
	if state := c.end(); !state.Success() {
		t.Errorf("it ended with %v: %s", state, c.said())
	}
}

// As root: port and logs are opened, and the server is nobody.
func TestServeAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may become another user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "secret")
	writeAll(t, dir, map[string]string{"secret": "text"})
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	log := dir + "/access.log"
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0", "--path", dir, "--user", "nobody", "--log-file", log)
	url := c.wait(localPattern)
	if status, _, _ := c.get(url + "secret"); status != 403 && status != 404 {
		t.Errorf("what only root may read is answered with %d", status)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err == nil && (strings.Contains(string(status), "\nUid:\t0") || !strings.Contains(string(status), "CapEff:\t0000000000000000")) {
		t.Errorf("it is still root: %s", status)
	}
	info, err := os.Stat(log)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Errorf("the log is root's: %v", err)
	}
	c.signal(os.Interrupt)
	if state := c.end(); !state.Success() {
		t.Errorf("it ended with %v: %s", state, c.said())
	}
}
