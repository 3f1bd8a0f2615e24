package static

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func smallPage(n int) *page {
	return &page{reps: []*rep{{content: make([]byte, n)}}}
}

// largePage has an open file that is never closed: its page has two shares.
func largePage() *page {
	return &page{reps: []*rep{{file: &shared{File: (*os.File)(nil), users: 2}}}}
}

func TestCacheKeepsWithinItsBytes(t *testing.T) {
	c := newCache(100<<10, 10)
	for i := range 1000 {
		c.put(&entry{key: fmt.Sprint(i), page: smallPage(10 << 10)})
		if c.bytes > c.maxBytes {
			t.Fatalf("%d bytes after %d", c.bytes, i)
		}
	}
	if len(c.entries) != 9 {
		t.Errorf("%d entries of 11 KiB in 100 KiB", len(c.entries))
	}
	if c.put(&entry{key: "huge", page: smallPage(100 << 10)}) {
		t.Error("kept what is larger than all")
	}
	if len(c.entries) != 9 {
		t.Error("the huge one drove others out")
	}
}

func TestCachePassesOverWhatIsUsed(t *testing.T) {
	c := newCache(10*(entryOverhead+100), 10)
	for i := range 9 {
		c.put(&entry{key: fmt.Sprint(i), page: smallPage(0)})
	}
	for i := range 100 {
		c.get([]byte("3"))
		c.put(&entry{key: fmt.Sprint("other", i), page: smallPage(0)})
	}
	if c.get([]byte("3")) == nil {
		t.Error("what is used all the time went")
	}
	if c.get([]byte("4")) != nil {
		t.Error("what was never used stayed")
	}
}

func TestCacheKeepsFewFilesOpen(t *testing.T) {
	c := newCache(1<<20, 3)
	pages := make([]*page, 10)
	for i := range pages {
		pages[i] = largePage()
		c.put(&entry{key: fmt.Sprint(i), page: pages[i]})
		c.put(&entry{key: fmt.Sprint("small", i), page: smallPage(10)})
	}
	for i, p := range pages {
		if open, want := p.reps[0].file.users == 2, i >= 7; open != want {
			t.Errorf("page %d: open %v", i, open)
		}
	}
	if c.files != 3 || len(c.entries) != 13 {
		t.Errorf("%d files, %d entries", c.files, len(c.entries))
	}
}

func TestCacheThatKeepsNothing(t *testing.T) {
	c := newCache(-1, -1)
	if c.put(&entry{key: "a", page: smallPage(0)}) {
		t.Error("kept")
	}
	c = newCache(1<<20, -1)
	if !c.put(&entry{key: "a", page: smallPage(0)}) || c.put(&entry{key: "b", page: largePage()}) {
		t.Error("no files are to be kept, but memory is")
	}
}

func TestCacheReplacesAndDrops(t *testing.T) {
	c := newCache(1<<20, 8)
	first, second := largePage(), largePage()
	c.put(&entry{key: "a", page: first})
	c.put(&entry{key: "a", page: second})
	if first.reps[0].file.users != 1 || second.reps[0].file.users != 2 || len(c.entries) != 1 {
		t.Error("the first page was not let go of")
	}
	c.drop("a")
	c.drop("a")
	if second.reps[0].file.users != 1 || c.bytes != 0 || c.files != 0 || c.large.hand != nil {
		t.Error("the second page was not let go of")
	}
}

// Whatever is done to it, the sums are those of the entries and the rings hold
// each entry once.
func TestCacheAddsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := newCache(64<<10, 4)
	for range 20_000 {
		key := fmt.Sprint(random.IntN(60))
		switch random.IntN(5) {
		case 0:
			c.drop(key)
		case 1:
			c.put(&entry{key: key, page: largePage()})
		case 2:
			c.put(&entry{key: key, page: smallPage(random.IntN(9000))})
		default:
			c.get([]byte(key))
		}
		checkCache(t, c)
	}
}

func checkCache(t *testing.T, c *cache) {
	t.Helper()
	var bytes int64
	var files, n int
	for _, r := range []ring{c.small, c.large} {
		for e := r.hand; e != nil; e = e.next {
			if c.entries[e.key] != e || e.next.prev != e || e.prev.next != e {
				t.Fatalf("the ring is broken at %s", e.key)
			}
			bytes, files, n = bytes+e.bytes, files+e.files, n+1
			if e.next == r.hand {
				break
			}
		}
	}
	if bytes != c.bytes || files != c.files || n != len(c.entries) || bytes > c.maxBytes || files > c.maxFiles {
		t.Fatalf("%d bytes, %d files, %d entries; in the rings %d, %d, %d", c.bytes, c.files, len(c.entries), bytes, files, n)
	}
}
