package static

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/protocol"
)

// linked is a tree with links of every kind, and a secret beside it.
func linked(t testing.TB) (dir string) {
	t.Helper()
	top := write(t, map[string]string{"root/a.txt": "a", "root/sub/b.txt": "b", "secret.txt": "secret", "outside/c.txt": "secret"})
	dir = filepath.Join(top, "root")
	for name, to := range map[string]string{
		"inside":      "a.txt",
		"insidedir":   "sub",
		"sub/up":      "../a.txt",
		"chain":       "sub/up",
		"out":         "../secret.txt",
		"outdir":      "../outside",
		"absolute":    filepath.Join(top, "secret.txt"),
		"absoluteout": "/etc/passwd",
		"outandin":    "../root/a.txt",
		"broken":      "nowhere",
		"loop":        "loop",
		"sub/outdeep": "../../secret.txt",
	} {
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	return dir
}

func TestSymlinkPolicies(t *testing.T) {
	dir := linked(t)
	inside := []string{"/inside", "/insidedir/b.txt", "/sub/up", "/chain"}
	outside := []string{"/out", "/outdir/c.txt", "/absolute", "/absoluteout", "/outandin", "/sub/outdeep"}
	dead := []string{"/broken", "/loop", "/loop/x"}
	for policy, c := range map[SymlinkPolicy]struct{ inside, outside int }{
		FollowInside: {200, 404}, FollowAll: {200, 200}, FollowNone: {404, 404},
	} {
		s := server(t, &Dir{Path: dir, FollowSymlinks: policy, Listing: true})
		for _, list := range []struct {
			targets []string
			want    int
		}{{inside, c.inside}, {outside, c.outside}, {dead, 404}, {[]string{"/a.txt", "/sub/b.txt"}, 200}} {
			for i, status := range statusOf(s, list.targets...) {
				if status != list.want {
					t.Errorf("policy %d: %s: %d, want %d", policy, list.targets[i], status, list.want)
				}
			}
		}
		page := string(s.Get("/").Body)
		for name, want := range map[string]bool{"a.txt": true, "inside": c.inside == 200, "out": c.outside == 200, "broken": false, "loop": false} {
			if strings.Contains(page, `href="./`+name+`"`) != want {
				t.Errorf("policy %d: listing shows %s: %v", policy, name, !want)
			}
		}
	}
}

// The root itself may be a link, whatever the policy: it is what was named.
func TestRootThatIsALink(t *testing.T) {
	top := write(t, map[string]string{"v1/x": "one", "v2/x": "two"})
	current := filepath.Join(top, "current")
	must(t, os.Symlink("v1", current))
	s := server(t, &Dir{Path: current, FollowSymlinks: FollowNone})
	if x := s.Get("/x"); string(x.Body) != "one" {
		t.Fatal(x)
	}
	must(t, os.Symlink("v2", current+".new"))
	must(t, os.Rename(current+".new", current))
	if x := s.Get("/x"); string(x.Body) != "one" {
		t.Error("looked at the disk too early", x)
	}
	s.Loop.Advance(time.Second)
	if x := s.Get("/x"); string(x.Body) != "two" {
		t.Error("the release was not switched", x)
	}
}

// A pipe would hold the thread that opens it, a device may do anything.
func TestSpecialFilesAreNeverOpened(t *testing.T) {
	dir := write(t, map[string]string{"a": "a"})
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo.txt"), 0o644))
	must(t, os.Symlink("fifo.txt", filepath.Join(dir, "tofifo")))
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	must(t, syscall.Mkfifo(filepath.Join(dir, "d/index.html"), 0o644))
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(t, err)
	defer l.Close()
	s := server(t, &Dir{Path: dir, FollowSymlinks: FollowAll, Listing: true})
	for _, target := range []string{"/fifo.txt", "/tofifo", "/sock", "/d/index.html"} {
		if x := s.Get(target); x.Status != 404 {
			t.Errorf("%s: %v", target, x)
		}
	}
	page := string(s.Get("/").Body)
	if strings.Contains(page, "fifo") || strings.Contains(page, "sock") || !strings.Contains(page, `"./a"`) {
		t.Error(page)
	}
	s = server(t, &Dir{Path: "/dev", FollowSymlinks: FollowAll})
	if got := statusOf(s, "/null", "/zero", "/tty"); got[0] != 404 || got[1] != 404 || got[2] != 404 {
		t.Error(got)
	}
}

// A pipe that takes the place of the file between the look and the open does not
// hold the thread either.
func TestPipeThatComesBetween(t *testing.T) {
	dir := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	for _, policy := range []SymlinkPolicy{FollowInside, FollowAll} {
		tree, err := newDisk(dir, policy).tree()
		must(t, err)
		f, err := tree.(*diskTree).openFile("fifo")
		if err != nil {
			continue
		}
		if _, _, err := opened(f); !errors.Is(err, errSpecial) {
			t.Errorf("policy %d: %v", policy, err)
		}
	}
}

func TestNamesThatAreTooLong(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"a": ""})))
	long := strings.Repeat("x", 256)
	deep := strings.Repeat("y/", 2500)
	for _, target := range []string{"/" + long, "/" + long + "/", "/a/" + long, "/" + deep + "z", "/a/b/c"} {
		if x := s.Get(target); x.Status != 404 {
			t.Errorf("%.20s: %v", target, x)
		}
	}
}

// failing is a tree whose every call fails.
type failing struct{ err error }

func (f failing) tree() (tree, error) { return f, nil }
func (f failing) fixed() bool         { return false }
func (f failing) stat(string) (info, error) {
	return info{}, &fs.PathError{Op: "stat", Path: "/secret/path", Err: f.err}
}
func (f failing) open(string) (file, info, error)               { return nil, info{}, f.err }
func (f failing) path(string) string                            { return "" }
func (f failing) list(string, int, bool) ([]child, bool, error) { return nil, false, f.err }

func TestErrorsOfTheDisk(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{syscall.ENOENT, 404}, {syscall.ENOTDIR, 404}, {syscall.ENAMETOOLONG, 404}, {syscall.ELOOP, 404}, {syscall.EILSEQ, 404},
		{fs.ErrInvalid, 404}, {errSpecial, 404},
		{syscall.EACCES, 403}, {syscall.EPERM, 403},
		{syscall.EMFILE, 503}, {syscall.ENFILE, 503}, {syscall.ENOMEM, 503},
		{syscall.EIO, 500}, {syscall.ESTALE, 500}, {errors.New("else"), 500},
	} {
		d := New("unused")
		d.start()
		d.state.source = failing{c.err}
		x := server(t, d).Get("/a")
		if x.Status != c.want || strings.Contains(string(x.Body), "/secret/path") {
			t.Errorf("%v: %v", c.err, x)
		}
		if c.want == 503 && x.Field("Retry-After") == "" {
			t.Errorf("%v: %v", c.err, x)
		}
	}
}

// denied is a disk on which one file may be looked at and not opened: what a mode
// of 000 does to everybody but root.
type denied struct {
	*disk
	name string
}

type deniedTree struct {
	tree
	name string
}

func (s denied) tree() (tree, error) {
	t, err := s.disk.tree()
	return deniedTree{t, s.name}, err
}

func (t deniedTree) open(name string) (file, info, error) {
	if name == t.name {
		return nil, info{}, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	return t.tree.open(name)
}

func TestFileThatMayNotBeRead(t *testing.T) {
	dir := write(t, map[string]string{"a.txt": "a", "b.txt": "b"})
	d := New(dir)
	d.start()
	d.state.source = denied{newDisk(dir, FollowInside), "a.txt"}
	s := server(t, d)
	if got := statusOf(s, "/a.txt", "/b.txt"); got[0] != 403 || got[1] != 200 {
		t.Error(got)
	}
}

// Whatever is asked, nothing of what lies outside is answered.
func FuzzTraversal(f *testing.F) {
	for _, s := range []string{
		"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/sub/../../secret.txt", "/out", "/outdir/c.txt", "/outdir/../secret.txt",
		"/sub/outdeep", "/absolute", "//secret.txt", "/./../secret.txt", "/inside/../../secret.txt", "/insidedir/../../secret.txt",
		`/..\secret.txt`, "/%c0%ae%c0%ae/secret.txt", "/..;/secret.txt", "/sub/%2e%2e/%2e%2e/secret.txt", "/%00/../secret.txt", "/...//secret.txt", "/outdir",
		"/a.txt", "/sub/", "/sub", "/outandin",
	} {
		f.Add(s)
	}
	dir := linked(f)
	d := &Dir{Path: dir, Listing: true, DotFiles: true, Revalidate: -1}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, "?# \x00\r\n") {
			return
		}
		d.state = nil
		s := server(t, d)
		x := s.Get(target)
		if strings.Contains(string(x.Body), "secret") && x.Status == 200 && !strings.Contains(string(x.Body), "<title>") {
			t.Fatalf("%q: %v", target, x)
		}
		if strings.Contains(string(x.Body), "c.txt") || strings.Contains(string(x.Body), `"./secret.txt"`) || strings.Contains(string(x.Body), `"./root/"`) {
			t.Fatalf("%q lists what is outside: %v", target, x)
		}
		switch x.Status {
		case 200, 301, 400, 404:
		default:
			t.Fatalf("%q: %v", target, x)
		}
		if to := x.Field("Location"); x.Status == 301 && (!strings.HasPrefix(to, "./") || protocol.CheckField("Location", to) != nil) {
			t.Fatalf("%q: redirect to %q", target, to)
		}
	})
}

// What a link costs: os.Root opens each directory on the way.
func BenchmarkStat(b *testing.B) {
	dir := write(b, map[string]string{"a/b/c/d.txt": "x"})
	for _, policy := range []SymlinkPolicy{FollowInside, FollowAll, FollowNone} {
		tree, err := newDisk(dir, policy).tree()
		must(b, err)
		b.Run(fmt.Sprintf("policy%d", policy), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tree.stat("a/b/c/d.txt"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
