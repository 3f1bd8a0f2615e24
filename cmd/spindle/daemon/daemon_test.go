package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The test binary is also a process that becomes another user.
const roleKey = "DAEMON_TEST_BECOMES"

func TestMain(m *testing.M) {
	if name := os.Getenv(roleKey); name != "" {
		becomes(name)
	}
	os.Exit(m.Run())
}

func becomes(name string) {
	id, err := Find(name, "")
	if err == nil {
		err = id.Assume()
	}
	groups, _ := os.Getgroups()
	fmt.Println(err, os.Getuid(), os.Getgid(), groups, os.Getenv("HOME"), syscall.Setuid(0))
	os.Exit(0)
}

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.pid")
	if _, err := Look(path); !os.IsNotExist(errors.Unwrap(err)) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	p, err := Claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Look(path); err != nil || !s.Running || s.PID != os.Getpid() || s.Since.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	var held *HeldError
	if _, err := Claim(path); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second claim: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("%q", text)
	}
	p.Release()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Release: %v", err)
	}
}

// A file that was left behind is no living process's, whoever has the number now.
func TestPIDFileLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.pid")
	if err := os.WriteFile(path, []byte("1\nand more that a longer one had\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Look(path); err != nil || s.Running || s.PID != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	p, err := Claim(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if text, _ := os.ReadFile(path); string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("%q", text)
	}
}

func TestPIDFileErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no number\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		text: "its first line is no number", dir: "is no PID file", dir + "/no/it.pid": "there is no directory " + dir + "/no",
	} {
		if _, err := Look(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Look(%s): %v, want %q", path, err, want)
		}
	}
	if _, err := Claim(dir + "/no/it.pid"); err == nil || !strings.Contains(err.Error(), "there is no directory "+dir+"/no") {
		t.Errorf("%v", err)
	}
	(*PIDFile)(nil).Release()
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		user, group string
		uid, gid    int
		want        string // an error
	}{
		{user: "root"}, {user: "0"},
		{user: "root", group: "12345", gid: 12345},
		{user: "54321", group: "12345", uid: 54321, gid: 12345},
		{user: "54321", want: "there is no user 54321 in the system's list; give its group, too, as in 54321:GROUP"},
		{user: "no-such-one", want: "there is no user no-such-one on this machine"},
		{user: "root", group: "no-such-one", want: "there is no group no-such-one on this machine"},
	} {
		id, err := Find(test.user, test.group)
		if test.want != "" {
			if err == nil || err.Error() != test.want {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		}
		if err != nil || id.UID != test.uid || id.GID != test.gid || id.Groups[0] != test.gid {
			t.Errorf("%+v: %+v, %v", test, id, err)
		}
	}
}

func TestAssume(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may become another user")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleKey+"=nobody", "HOME=/root")
	text, err := cmd.Output()
	id, findErr := Find("nobody", "")
	if err != nil || findErr != nil {
		t.Fatal(err, findErr)
	}
	want := fmt.Sprintf("<nil> %d %d %v %s operation not permitted\n", id.UID, id.GID, id.Groups, id.Home)
	if string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleKey+"=root")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(id.UID), Gid: uint32(id.GID)}}
	if text, err := cmd.Output(); err == nil && !strings.HasPrefix(string(text), "only root may become another user, and this is nobody") {
		t.Errorf("not as root: %s", text)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("HOME", "/root")
	t.Setenv("USER", "root")
	id := &Identity{Name: "web", Home: "/srv", UID: 54321}
	got := id.Environment([]string{"HOME=/root", "A=1", "USER=mine", "LOGNAME"})
	if want := []string{"HOME=/srv", "A=1", "USER=mine", "LOGNAME"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if id.Environment(nil) != nil {
		t.Error("nil is not nil")
	}
}

func TestGive(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	dir := t.TempDir()
	for _, name := range []string{"plain", "linked"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "linked"), filepath.Join(t.TempDir(), "elsewhere")); err != nil {
		t.Fatal(err)
	}
	id := &Identity{Name: "web", UID: 54321, GID: 12345}
	if err := id.Give(dir); err != nil {
		t.Fatal(err)
	}
	if err := id.Create(filepath.Join(dir, "new"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := id.Create(filepath.Join(dir, "linked"), 0o640); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Error("a file with another name:", err)
	}
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	for _, link := range []string{ours, theirs} {
		if err := os.Symlink("plain", link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Lchown(theirs, id.UID, id.GID); err != nil {
		t.Fatal(err)
	}
	if err := id.Create(ours, 0o640); err != nil {
		t.Error("a link of root's:", err)
	}
	if err := id.Create(theirs, 0o640); err == nil || !strings.Contains(err.Error(), "symbolic link of web's") {
		t.Error("a link of the user's:", err)
	}
	for name, want := range map[string]uint32{"": 54321, "plain": 54321, "new": 54321, "linked": 0} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%q is of user %d, want %d", name, got, want)
		}
	}
}

func TestOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	stream, err := os.Create(filepath.Join(t.TempDir(), "terminal"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	o, err := OpenOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Take(int(stream.Fd())); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stream, "one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stream, "two")
	o.Reopen()
	fmt.Fprintln(stream, "three")
	for name, want := range map[string]string{path + ".1": "one\ntwo\n", path: "three\n"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v, want %q", name, text, err, want)
		}
	}
	if _, err := OpenOutput(path + "/no/log"); err == nil {
		t.Error("a place that is not there was opened")
	}
}

func TestListeners(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells it")
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("there is no IPv6")
	}
	defer six.Close()
	path := filepath.Join(t.TempDir(), "socket")
	sock, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := Listeners("/proc", os.Getpid())
	for _, want := range []string{tcp.Addr().String(), six.Addr().String(), path} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
	if n := Connected("/proc", os.Getpid()); n < 1 {
		t.Errorf("%d connections", n)
	}
}

func TestChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells it")
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := Children("/proc", os.Getpid()); !slices.Contains(got, cmd.Process.Pid) {
		t.Errorf("%d is not in %v", cmd.Process.Pid, got)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
