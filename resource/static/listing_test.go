package static

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(got) != string(want) {
		t.Errorf("%s differs; -update writes it anew:\n%s", path, got)
	}
}

// hard is a directory with names that want escaping.
func hard(t testing.TB) string {
	t.Helper()
	dir := write(t, map[string]string{
		"d/readme.md": strings.Repeat("x", 1234), "d/photo.jpg": strings.Repeat("x", 2_345_678), "d/a10.txt": "", "d/a2.txt": "22",
		"d/<script>alert(1)<\x2fscript>.html": "", "d/quote\"'&.txt": "q", "d/javascript:alert(1)": "j", "d/100% #?.txt": "",
		"d/\u202egpj.exe": "", "d/new\nline": "", "d/bad\xff.zip": "", "d/song.mp3": "m", "d/.hidden": "", "d/back\\slash": "", "d/sub dir/x": "", "d/Zeta/x": "",
	})
	for _, name := range []string{"d/sub dir", "d/Zeta", "d/<script>alert(1)<"} {
		setTime(t, filepath.Join(dir, name), old)
	}
	setTime(t, filepath.Join(dir, "d/readme.md"), old.Add(26*time.Hour))
	return dir
}

func TestListingPage(t *testing.T) {
	var tree resource.Tree
	tree.PutChild("files", &Dir{Path: hard(t), Listing: true})
	s := server(t, &tree)
	x := s.Get("/files/d/")
	if x.Status != 200 || x.Field("Content-Type") != "text/html; charset=utf-8" || x.Field("Vary") != "Accept" ||
		x.Field("Content-Security-Policy") == "" || x.Field("X-Content-Type-Options") != "nosniff" {
		t.Error(x.Status, x.Fields)
	}
	_, body, _ := strings.Cut(string(x.Body), "<main>")
	golden(t, "listing.html", []byte("<!-- Names with markup, quotes, control bytes and schemes, as they must come out. -->\n"+body))
	for _, bad := range []string{"<script", `href="javascript`, "\u202e", "new\nline", ".hidden"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if not := s.Do("GET", "/files/d/", fields("If-None-Match", x.Field("ETag")), nil); not.Status != 304 {
		t.Error(not)
	}
	if head := s.Do("HEAD", "/files/d/", nil, nil); head.Status != 200 || head.Length != int64(len(x.Body)) {
		t.Error(head)
	}
}

// Every link of a listing leads to what it names.
func TestListingLinksLeadThere(t *testing.T) {
	s := server(t, &Dir{Path: hard(t), Listing: true})
	x := s.Do("GET", "/d/", fields("Accept", "application/json"), nil)
	var l struct {
		Path    string
		More    bool
		Entries []struct {
			Name, Href, Type string
			Size             *int64
			Modified         *time.Time
		}
	}
	must(t, json.Unmarshal(x.Body, &l))
	if x.Field("Content-Type") != "application/json" || l.Path != "/d" || len(l.Entries) != 14 || l.More {
		t.Error(x)
	}
	for _, e := range l.Entries {
		x := s.Get("/d/" + strings.TrimPrefix(e.Href, "./"))
		if x.Status != 200 || e.Size != nil && *e.Size != x.Length || (e.Type == "directory") != strings.HasSuffix(e.Href, "/") || e.Modified == nil {
			t.Errorf("%q: %v", e.Name, x.Status)
		}
	}
}

func TestListingOrder(t *testing.T) {
	s := server(t, &Dir{Path: hard(t), Listing: true})
	first := func(query string) string {
		x := s.Do("GET", "/d/"+query, fields("Accept", "application/json"), nil)
		var l struct{ Entries []struct{ Name string } }
		must(t, json.Unmarshal(x.Body, &l))
		var names []string
		for _, e := range l.Entries {
			names = append(names, e.Name)
		}
		return strings.Join(slices.DeleteFunc(names, func(n string) bool {
			return !slices.Contains([]string{"a2.txt", "a10.txt", "photo.jpg", "readme.md", "sub dir", "Zeta"}, n)
		}), " ")
	}
	for query, want := range map[string]string{
		"":                          "sub dir Zeta a2.txt a10.txt photo.jpg readme.md",
		"?sort=name&order=desc":     "Zeta sub dir readme.md photo.jpg a10.txt a2.txt",
		"?sort=size":                "sub dir Zeta a10.txt a2.txt readme.md photo.jpg",
		"?sort=size&order=desc":     "sub dir Zeta photo.jpg readme.md a2.txt a10.txt",
		"?sort=modified&order=desc": "sub dir Zeta readme.md a2.txt a10.txt photo.jpg",
		"?sort=%00&order=<script>":  "sub dir Zeta a2.txt a10.txt photo.jpg readme.md",
	} {
		if got := first(query); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestCompareNames(t *testing.T) {
	want := []string{"", "1", "01", "2", "10", "a", "A", "a1", "a2", "a2b", "a10", "B", "b1", "é", "你"}
	slices.Sort(want[1:3])
	for i, a := range want {
		for j, b := range want {
			if c := compareNames(a, b); (c < 0) != (i < j) && a != "1" && a != "01" && b != "1" && b != "01" && !strings.EqualFold(a, b) || (c == 0) != (i == j) {
				t.Errorf("compareNames(%q, %q) = %d", a, b, c)
			}
			if compareNames(a, b) != -compareNames(b, a) {
				t.Errorf("%q and %q: not antisymmetric", a, b)
			}
		}
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1234: "1.2 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		2_345_678: "2.3 MB", 1_000_000_000: "1.0 GB", 1 << 62: "4.6 EB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestListingOfALargeDirectoryIsCut(t *testing.T) {
	dir := t.TempDir()
	for i := range 30 {
		writeFile(t, filepath.Join(dir, fmt.Sprint("f", i)), "")
	}
	tree, err := newDisk(dir, FollowInside).tree()
	must(t, err)
	for limit, more := range map[int]bool{29: true, 30: false, 31: false} {
		list, got, err := tree.list("", limit, false)
		if err != nil || got != more || len(list) != min(limit, 30) {
			t.Errorf("%d: %d, %v, %v", limit, len(list), got, err)
		}
	}
	l := listing{entries: make([]child, 7), more: true}
	if got := l.summary(); got != "The first 7 entries; there are more." {
		t.Error(got)
	}
}

// Who asks for a listing that is being made shares it.
func TestListingIsMadeOnceForAll(t *testing.T) {
	d, g := gatedDir(&Dir{Path: hard(t), Listing: true})
	s := server(t, d)
	g.gate = make(chan struct{}, 2)
	g.gate <- struct{}{}
	var waiting []*resourcetest.Exchange
	for i := range 20 {
		x := s.Start("GET", "/d/", nil, nil)
		if waiting = append(waiting, x); i == 0 {
			s.Loop.WaitFor(func() bool { return len(d.state.listings) == 1 })
		}
	}
	s.Loop.WaitFor(func() bool { return len(d.state.loads) <= 1 })
	waiting[3].Lose(nil)
	close(g.gate)
	for i, x := range waiting {
		if i == 3 {
			continue
		}
		if x.Wait(); x.Status != 200 || !strings.Contains(string(x.Body), "readme.md") {
			t.Errorf("%d: %v", i, x.Status)
		}
	}
	if looks := g.trees.Load(); looks > 4 || len(d.state.listings) != 0 {
		t.Errorf("%d looks at the disk, %d listings left", looks, len(d.state.listings))
	}
}

func TestEmptyListing(t *testing.T) {
	x := server(t, &Dir{Path: t.TempDir(), Listing: true}).Get("/")
	if !strings.Contains(string(x.Body), "This directory is empty.") || strings.Contains(string(x.Body), `href="../"`) {
		t.Error(x)
	}
}

func TestListingOfADirectoryThatMayNotBeRead(t *testing.T) {
	d := New("unused")
	d.Listing = true
	d.start()
	d.state.source = unlisted{failing{os.ErrPermission}}
	if x := server(t, d).Get("/"); x.Status != 403 {
		t.Error(x)
	}
}

// unlisted is a directory that is there and can not be read.
type unlisted struct{ failing }

func (u unlisted) tree() (tree, error) { return u, nil }

func (u unlisted) stat(name string) (info, error) {
	if name == "" {
		return info{isDir: true}, nil
	}
	return info{}, os.ErrNotExist
}
