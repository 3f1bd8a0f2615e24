package static

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// gated is a disk that answers when the test lets it, and counts what it is asked.
type gated struct {
	*disk
	gate         chan struct{} // nil: open
	trees, opens atomic.Int32
}

func (s *gated) tree() (tree, error) {
	s.trees.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	t, err := s.disk.tree()
	return countedTree{t, s}, err
}

type countedTree struct {
	tree
	s *gated
}

func (t countedTree) open(name string) (file, info, error) {
	t.s.opens.Add(1)
	return t.tree.open(name)
}

// gatedDir is a Dir on such a disk.
func gatedDir(d *Dir) (*Dir, *gated) {
	d.start()
	g := &gated{disk: newDisk(d.Path, d.FollowSymlinks)}
	d.state.source = g
	return d, g
}

// While a thread waits for the disk the loop answers others, and all who ask for
// the same file wait for one look.
func TestColdFileDoesNotBlockTheLoop(t *testing.T) {
	d, g := gatedDir(New(write(t, map[string]string{"hot": "hot", "cold": "cold"})))
	s := server(t, d)
	s.Get("/hot")
	g.gate = make(chan struct{})
	g.trees.Store(0)
	var waiting []*resourcetest.Exchange
	for range 50 {
		waiting = append(waiting, s.Start("GET", "/cold", nil, nil))
	}
	for i, x := range waiting {
		if x.Done || x.Status != 0 {
			t.Fatalf("request %d: answered before the disk did: %v", i, &x.Response)
		}
	}
	if x := s.Start("GET", "/hot", nil, nil); !x.Done || string(x.Body) != "hot" {
		t.Fatal("the loop waits with the thread", &x.Response)
	}
	waiting[7].Lose(nil)
	close(g.gate)
	for i, x := range waiting {
		if i == 7 {
			continue
		}
		if x.Wait(); x.Status != 200 || string(x.Body) != "cold" {
			t.Errorf("request %d: %v", i, &x.Response)
		}
	}
	if looks, opens := g.trees.Load(), g.opens.Load(); looks != 1 || opens != 2 {
		t.Errorf("%d looks at the disk, %d opens", looks, opens)
	}
}

func TestRevalidate(t *testing.T) {
	for _, c := range []struct {
		revalidate time.Duration
		before     time.Duration // no look yet
		after      time.Duration // a look
	}{
		{0, 999 * time.Millisecond, time.Second},
		{time.Minute, time.Minute - 1, time.Minute},
		{-1, -1, 0},
	} {
		dir := write(t, map[string]string{"a": "one"})
		d, g := gatedDir(&Dir{Path: dir, Revalidate: c.revalidate})
		s := server(t, d)
		first := s.Get("/a")
		looks := g.trees.Load()
		writeFile(t, filepath.Join(dir, "a"), "two")
		setTime(t, filepath.Join(dir, "a"), old.Add(time.Hour))
		if c.before >= 0 {
			s.Loop.Advance(c.before)
			if x := s.Get("/a"); string(x.Body) != "one" || g.trees.Load() != looks {
				t.Errorf("%v: a look too early: %v", c.revalidate, x)
			}
		}
		s.Loop.Advance(c.after - max(c.before, 0))
		if x := s.Get("/a"); string(x.Body) != "two" || x.Field("ETag") == first.Field("ETag") || g.trees.Load() != looks+1 {
			t.Errorf("%v: %v", c.revalidate, x)
		}
		if x := s.Do("GET", "/a", fields("If-None-Match", first.Field("ETag")), nil); x.Status != 200 {
			t.Errorf("%v: the old tag still matches: %v", c.revalidate, x)
		}
	}
}

// What did not change is looked at, and not read again.
func TestUnchangedFileIsReadOnce(t *testing.T) {
	d, g := gatedDir(New(write(t, map[string]string{"a": "one", "big": bigContent})))
	s := server(t, d)
	for range 5 {
		s.Get("/a")
		s.Get("/big")
		s.Loop.Advance(2 * time.Second)
	}
	if looks, opens := g.trees.Load(), g.opens.Load(); looks != 10 || opens != 2 {
		t.Errorf("%d looks, %d opens", looks, opens)
	}
}

func TestFilesComeAndGo(t *testing.T) {
	dir := write(t, map[string]string{"a": "one", "d/index.htm": "htm"})
	path := func(name string) string { return filepath.Join(dir, name) }
	s := server(t, &Dir{Path: dir, Index: []string{"index.html", "index.htm"}})
	want := func(target string, status int, body string) {
		t.Helper()
		s.Loop.Advance(time.Second)
		if x := s.Get(target); x.Status != status || body != "" && string(x.Body) != body {
			t.Errorf("%s: %v", target, x)
		}
	}
	want("/a", 200, "one")
	want("/d/", 200, "htm")
	must(t, os.Remove(path("a")))
	writeFile(t, path("d/index.html"), "html")
	want("/a", 404, "")
	want("/d/", 200, "html")
	must(t, os.Mkdir(path("a"), 0o755))
	must(t, os.Remove(path("d/index.html")))
	want("/a", 301, "")
	want("/d/", 200, "htm")
	must(t, os.Remove(path("a")))
	writeFile(t, path("a"), "again")
	want("/a", 200, "again")
	writeFile(t, path("new"), "neu") // same size and time as the one before: another inode
	must(t, os.Rename(path("new"), path("a")))
	want("/a", 200, "neu")
}

// A change in the tick of the clock that made the first stamp leaves the same stamp
// behind: what is that young is read again.
func TestChangeWithoutANewStamp(t *testing.T) {
	dir := write(t, map[string]string{"a": "one"})
	setTime(t, filepath.Join(dir, "a"), reactortest.Start)
	fi, err := os.Stat(filepath.Join(dir, "a"))
	must(t, err)
	g := &sameStamp{disk: newDisk(dir, FollowInside), first: fi}
	d := New(dir)
	d.start()
	d.state.source = g
	s := server(t, d)
	first := s.Get("/a")
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("two"), 0o644))
	s.Loop.Advance(time.Second)
	x := s.Get("/a")
	if string(first.Body) != "one" || string(x.Body) != "two" || x.Field("ETag") == first.Field("ETag") {
		t.Error(first, x)
	}
}

// sameStamp is a disk whose stamps never change.
type sameStamp struct {
	*disk
	first os.FileInfo
}

type sameStampTree struct {
	tree
	first os.FileInfo
}

func (s *sameStamp) tree() (tree, error) {
	t, err := s.disk.tree()
	return sameStampTree{t, s.first}, err
}

func (t sameStampTree) stat(string) (info, error) { return infoOf(t.first) }

func (t sameStampTree) open(name string) (file, info, error) {
	f, _, err := t.tree.open(name)
	i, _ := infoOf(t.first)
	return frozenFile{f, t.first}, i, err
}

type frozenFile struct {
	file
	first os.FileInfo
}

func (f frozenFile) Stat() (os.FileInfo, error) { return f.first, nil }

// The tag of a large file that was changed just now is weak: it is no promise that
// two ranges fit together.
func TestYoungLargeFileHasAWeakTag(t *testing.T) {
	dir := write(t, map[string]string{"big": bigContent})
	s := server(t, New(dir))
	setTime(t, filepath.Join(dir, "big"), s.Loop.Now().Add(-time.Second))
	x := s.Get("/big")
	tag := x.Field("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Fatal(tag)
	}
	if x := s.Do("GET", "/big", fields("Range", "bytes=0-1", "If-Range", tag), nil); x.Status != 200 {
		t.Error("a range by a weak tag", x.Status)
	}
	if x := s.Do("GET", "/big", fields("If-None-Match", tag), nil); x.Status != 304 {
		t.Error(x.Status)
	}
	s.Loop.Advance(3 * time.Second)
	if x := s.Get("/big"); x.Field("ETag") != strings.TrimPrefix(tag, "W/") {
		t.Errorf("%s after a while, %s before", x.Field("ETag"), tag)
	}
}

// RFC 9110 §8.8.2.1: a time in the future is not told.
func TestTimeInTheFuture(t *testing.T) {
	dir := write(t, map[string]string{"a": "a"})
	s := server(t, New(dir))
	setTime(t, filepath.Join(dir, "a"), s.Loop.Now().Add(time.Hour))
	if x := s.Get("/a"); x.Field("Last-Modified") != string(protocol.AppendDate(nil, s.Loop.Now())) {
		t.Error(x)
	}
	setTime(t, filepath.Join(dir, "a"), time.Unix(0, 0))
	s.Loop.Advance(time.Second)
	if x := s.Get("/a"); x.Field("Last-Modified") != "" || x.Field("ETag") == "" {
		t.Error("the epoch stands for no time", x)
	}
}

// Small files are tagged by content: the same everywhere and at any time.
func TestTagOfContent(t *testing.T) {
	a, b := write(t, map[string]string{"x": "same", "y": "other"}), write(t, map[string]string{"x": "same"})
	setTime(t, filepath.Join(b, "x"), old.Add(time.Hour))
	one, two := server(t, New(a)).Get("/x").Field("ETag"), server(t, New(b)).Get("/x").Field("ETag")
	if one != two || !protocol.IsETag(one) || one[0] != '"' {
		t.Errorf("%s, %s", one, two)
	}
	if other := server(t, New(a)).Get("/y").Field("ETag"); other == one {
		t.Error(other)
	}
}

// The answer from memory costs no allocation, whether whole, not modified, or a
// part of it.
func TestCachedAnswerAllocatesNothing(t *testing.T) {
	d := New(write(t, map[string]string{"page.html": strings.Repeat("x", 4096)}))
	s := server(t, d)
	tag := s.Get("/page.html").Field("ETag")
	for name, f := range map[string]protocol.Fields{
		"whole":        fields("Accept-Encoding", "gzip, br", "User-Agent", "x", "Accept", "*/*"),
		"not modified": fields("If-None-Match", tag),
		"one byte off": fields("If-None-Match", `"x"`),
	} {
		h := resourcetest.Head("GET", "/page.html", f)
		c := &counter{Exchange: s.Start("GET", "/page.html", nil, nil)}
		ask := func() { s.NewReceiver(c).HeadReceived(h) }
		ask()
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if c.answers != 102 {
			t.Errorf("%s: %d answers", name, c.answers)
		}
	}
}

// counter is a Channel that only counts.
type counter struct {
	*resourcetest.Exchange
	answers, bytes int
}

func (c *counter) Respond(_ int, _ protocol.Fields, body []byte) {
	c.answers++
	c.bytes += len(body)
}

func BenchmarkCached(b *testing.B) {
	d := New(write(b, map[string]string{"page.html": strings.Repeat("x", 4096)}))
	s := server(b, d)
	s.Get("/page.html")
	h := resourcetest.Head("GET", "/page.html", fields("Host", "example.com", "User-Agent", "bench", "Accept", "*/*"))
	c := &counter{Exchange: s.Start("GET", "/page.html", nil, nil)}
	b.ReportAllocs()
	for b.Loop() {
		s.NewReceiver(c).HeadReceived(h)
	}
}

// holding is a Channel whose client has not got the file yet.
type holding struct {
	*resourcetest.Exchange
	file *os.File
	done func(error)
	gone bool
}

func (h *holding) SendFile(f *os.File, _, _ int64, done func(error)) { h.file, h.done = f, done }

func (h *holding) Finish(protocol.Fields) {}
func (h *holding) Abort(error)            { h.gone = true }

// hold asks for target and leaves the download under way.
func hold(s *resourcetest.Server, target string) (*holding, protocol.Receiver) {
	h := &holding{Exchange: s.Open(resourcetest.Head("GET", "/never", nil))}
	h.Wait()
	r := s.NewReceiver(h)
	s.Loop.CallFromThread(func() { r.HeadReceived(resourcetest.Head("GET", target, nil)) })
	s.Loop.WaitFor(func() bool { return h.file != nil })
	return h, r
}

func isOpen(f *os.File) bool {
	_, err := f.Stat()
	return err == nil
}

// All downloads of a file share one descriptor, which stays open until the last of
// them is over, though the cache has let go of it long since.
func TestDownloadsShareAFile(t *testing.T) {
	dir := write(t, map[string]string{"big": bigContent, "other": bigContent})
	s := server(t, &Dir{Path: dir, CacheFiles: 1})
	var list []*holding
	var receivers []protocol.Receiver
	for range 100 {
		h, r := hold(s, "/big")
		list, receivers = append(list, h), append(receivers, r)
	}
	f := list[0].file
	for _, h := range list {
		if h.file != f {
			t.Fatal("a descriptor of its own")
		}
	}
	s.Get("/other") // drives the first out
	for i := range list {
		if !isOpen(f) {
			t.Fatalf("closed with %d downloads under way", len(list)-i)
		}
		s.Loop.CallFromThread(func() {
			switch i % 3 {
			case 0:
				list[i].done(nil)
			case 1:
				list[i].done(io.ErrUnexpectedEOF)
			default:
				receivers[i].ConnectionLost(nil)
			}
		})
		s.Loop.Run()
	}
	idle(s)
	if isOpen(f) {
		t.Error("still open")
	}
}

// The cache keeps no more files open than it is told, and none of those that were
// replaced.
func TestOpenFilesAreBounded(t *testing.T) {
	files := make(map[string]string)
	for i := range 20 {
		files[fmt.Sprint("big", i)] = bigContent
	}
	dir := write(t, files)
	before := countFDs(t)
	d := &Dir{Path: dir, CacheFiles: 4}
	s := server(t, d)
	for i := range 20 {
		if x := s.Get(fmt.Sprint("/big", i)); x.Status != 200 {
			t.Fatal(x.Status)
		}
	}
	idle(s)
	if n := countFDs(t) - before; n > 5 {
		t.Errorf("%d files are open", n)
	}
	for i := range 20 {
		writeFile(t, filepath.Join(dir, fmt.Sprint("big", 19)), bigContent+fmt.Sprint(i))
		s.Loop.Advance(time.Second)
		s.Get("/big19")
	}
	idle(s)
	if n := countFDs(t) - before; n > 5 {
		t.Errorf("%d files are open after changes", n)
	}
}

// idle waits until the threads have nothing left to do.
func idle(s *resourcetest.Server) {
	for pool := s.Loop.ThreadPool(); pool.Working()+pool.Waiting() > 0; {
		runtime.Gosched()
	}
}

func countFDs(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/dev/fd")
	must(t, err)
	return len(list)
}

func TestCachesThatKeepNothing(t *testing.T) {
	dir := write(t, map[string]string{"a": "a", "big": bigContent})
	d, g := gatedDir(&Dir{Path: dir, CacheBytes: -1, CacheFiles: -1})
	s := server(t, d)
	for range 3 {
		if x := s.Get("/a"); string(x.Body) != "a" {
			t.Error(x)
		}
		if x := s.Get("/big"); string(x.Body) != bigContent {
			t.Error(x.Status)
		}
	}
	if n := g.opens.Load(); n != 6 || len(d.state.cache.entries) != 0 {
		t.Errorf("%d opens, %d entries", n, len(d.state.cache.entries))
	}
}

// shrinking is a file that loses its end while it is read.
func TestFileThatShrinksWhileItIsRead(t *testing.T) {
	dir := write(t, map[string]string{"a": "0123456789"})
	d := New(dir)
	d.start()
	src := &shrinking{disk: newDisk(dir, FollowInside), path: filepath.Join(dir, "a")}
	d.state.source = src
	if x := server(t, d).Get("/a"); x.Status != 200 || string(x.Body) != "01234" || x.Length != 5 {
		t.Error(x)
	}
	d.state = nil
	d.start()
	d.state.source = &shrinking{disk: newDisk(dir, FollowInside), path: filepath.Join(dir, "a"), always: true}
	if x := server(t, d).Get("/a"); x.Status != 503 {
		t.Error("a file that changes all the time", x)
	}
}

type shrinking struct {
	*disk
	path   string
	always bool
	times  int
}

type shrinkingTree struct {
	tree
	s *shrinking
}

func (s *shrinking) tree() (tree, error) {
	t, err := s.disk.tree()
	return shrinkingTree{t, s}, err
}

func (t shrinkingTree) open(name string) (file, info, error) {
	f, i, err := t.tree.open(name)
	if t.s.times++; err == nil && (t.s.times == 1 || t.s.always) {
		err = os.WriteFile(t.s.path, bytes.Repeat([]byte("x"), t.s.times+20), 0o644)
		if err == nil && t.s.times == 1 {
			err = os.WriteFile(t.s.path, []byte("01234"), 0o644)
		}
	}
	return f, i, err
}

// A large file that is shorter than promised when it is sent ends the connection,
// not the answer: the client sees that it is cut.
func TestFileThatShrinksWhileItIsSent(t *testing.T) {
	dir := write(t, map[string]string{"big": bigContent})
	s := server(t, New(dir))
	s.Get("/big")
	must(t, os.Truncate(filepath.Join(dir, "big"), 100_000))
	x := s.Get("/big")
	if x.Aborted == nil || x.Length != int64(len(bigContent)) {
		t.Errorf("%d %v, aborted: %v", x.Status, x.Length, x.Aborted)
	}
	s.Loop.Advance(time.Second)
	if x := s.Get("/big"); x.Status != 200 || x.Length != 100_000 || len(x.Body) != 100_000 {
		t.Errorf("afterwards %d %v", x.Status, x.Length)
	}
}

// A Request that the thread's result comes too late for is left alone.
func TestClientLeavesBeforeTheDiskAnswers(t *testing.T) {
	d, g := gatedDir(New(write(t, map[string]string{"a": "a", "big": bigContent})))
	s := server(t, d)
	g.gate = make(chan struct{})
	small, big := s.Start("GET", "/a", nil, nil), s.Start("GET", "/big", nil, nil)
	small.Lose(nil)
	big.Lose(nil)
	close(g.gate)
	s.Loop.WaitFor(func() bool { return len(d.state.loads) == 0 })
	if small.Status != 0 || big.Status != 0 {
		t.Error(&small.Response, &big.Response)
	}
	if users := d.state.cache.entries["/big"].page.reps[0].file.users; users != 1 {
		t.Errorf("%d users of the file", users)
	}
}

// What is in memory goes on to be served while descriptors or threads are short.
func TestShortageDoesNotTakeWhatIsKnown(t *testing.T) {
	dir := write(t, map[string]string{"a": "a"})
	d := New(dir)
	s := server(t, d)
	s.Get("/a")
	idle(s)
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE} {
		d.state.source = failing{err}
		s.Loop.Advance(time.Minute)
		if x := s.Get("/a"); x.Status != 200 {
			t.Errorf("%v: %v", err, x)
		}
		idle(s)
	}
	s.Loop.ThreadPool().Stop()
	s.Loop.Advance(time.Minute)
	if x := s.Get("/a"); x.Status != 200 {
		t.Error(x)
	}
	if x := s.Get("/b"); x.Status != 503 {
		t.Error(x)
	}
}

// 10,000 slow downloads need no more than a few KiB each.
func TestDownloadHoldsLittle(t *testing.T) {
	const n = 1000
	s := server(t, New(write(t, map[string]string{"big": bigContent})))
	list := make([]*holding, 0, n)
	s.Get("/big")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range n {
		h, _ := hold(s, "/big")
		list = append(list, h)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 6<<10 {
		t.Errorf("%d bytes each", each) // with the exchange of the test and its other request
	}
	runtime.KeepAlive(list)
}

func TestFullThreadPool(t *testing.T) {
	d := New(write(t, map[string]string{"a": "a"}))
	s := server(t, d)
	s.Loop.ThreadPool().Stop()
	if x := s.Get("/a"); x.Status != 503 {
		t.Error(x)
	}
	if len(d.state.loads) != 0 {
		t.Error("a load that never ends")
	}
}

var _ resource.Resource = (*Dir)(nil)
