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
	if !has(&w, f, 0, half, now) || !has(&w, f, half, size, now) {
		t.Skip("this file system does not keep what was just written")
	}
	s := &w[uint(f.Fd())%uint(len(w))]
	if s.from != 0 || s.to != size {
		t.Errorf("two pieces behind each other are known as %d to %d", s.from, s.to)
	}
	if s.to = half; !has(&w, f, 1, half, now.Add(warmFor-1)) || s.to != half {
		t.Error("a part of what is known was looked for again")
	}
	if has(&w, f, 1, half, now.Add(warmFor)); s.from != 1 {
		t.Error("what was known too long ago was not looked for again")
	}
	other := open()
	w[uint(other.Fd())%uint(len(w))] = *s
	if has(&w, other, 2, half, now.Add(warmFor)); w[uint(other.Fd())%uint(len(w))].f != other {
		t.Error("another file was taken for one that is known")
	}
}

// has is that of warmPieces, of what was seen.
func has(w *warmPieces, f *os.File, off, end int64, now time.Time) bool {
	warm, seen := w.has(f, off, end, now)
	return warm && seen
}

func isResident(f *os.File) bool {
	warm, _ := resident(int(f.Fd()), 0, 4*fileStride)
	return warm
}

// Where the file system can not say what is in memory nothing is taken to be seen there.
func TestUnseenPieces(t *testing.T) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if _, seen := sysResident(int(f.Fd()), 0); seen {
		t.Skip("this one can")
	}
	var w warmPieces
	if warm, seen := w.has(f, 0, 10, time.Unix(1e9, 0)); !warm || seen {
		t.Errorf("warm %t, seen %t", warm, seen)
	}
	if w != (warmPieces{}) {
		t.Error("it is remembered")
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
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil || isResident(f) {
		t.Skip("this file system keeps its files in memory")
	}
	var w warmPieces
	now := time.Unix(1e9, 0)
	if has(&w, f, 0, fileStride, now) {
		t.Error("a file that is not in memory was said to be")
	}
	if _, err := f.ReadAt(make([]byte, fileStride), 0); err != nil {
		t.Fatal(err)
	}
	if !has(&w, f, 0, fileStride, now) {
		t.Error("what was just read is not found in memory")
	}
}
