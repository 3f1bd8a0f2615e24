package reactor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What was found in memory is not looked for again, for a moment, and nothing else is taken
// for it.
func TestWarmPieces(t *testing.T) {
	const size = 4 * fileStride
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	f := open()
	var w warmPieces
	now := time.Unix(1e9, 0)
	half := int64(size / 2)
	if !w.has(f, 0, half, now) || !w.has(f, half, size, now) {
		t.Skip("this file system does not keep what was just written")
	}
	s := &w[uint(f.Fd())%uint(len(w))]
	if s.from != 0 || s.to != size {
		t.Errorf("two pieces behind each other are known as %d to %d", s.from, s.to)
	}
	if s.to = half; !w.has(f, 1, half, now.Add(warmFor-1)) || s.to != half {
		t.Error("a part of what is known was looked for again")
	}
	if w.has(f, 1, half, now.Add(warmFor)); s.from != 1 {
		t.Error("what was known too long ago was not looked for again")
	}
	other := open()
	w[uint(other.Fd())%uint(len(w))] = *s
	if w.has(other, 2, half, now.Add(warmFor)); w[uint(other.Fd())%uint(len(w))].f != other {
		t.Error("another file was taken for one that is known")
	}
}

// A piece that is not in memory is not known as such.
func TestColdPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4*fileStride), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_ = f.Sync()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil || resident(int(f.Fd()), 0, 4*fileStride) {
		t.Skip("this file system keeps its files in memory")
	}
	var w warmPieces
	now := time.Unix(1e9, 0)
	if w.has(f, 0, fileStride, now) {
		t.Error("a file that is not in memory was said to be")
	}
	if _, err := f.ReadAt(make([]byte, fileStride), 0); err != nil {
		t.Fatal(err)
	}
	if !w.has(f, 0, fileStride, now) {
		t.Error("what was just read is not found in memory")
	}
}
