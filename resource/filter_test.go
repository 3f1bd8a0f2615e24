package resource_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// shouter is a filter that writes all in capitals, holds one byte back, and signs.
type shouter struct {
	refuse bool
	held   []byte
	began  int
}

func (s *shouter) Begin(_ *resource.Request, _ int, fields protocol.Fields) (protocol.Fields, bool) {
	s.began++
	fields.Set("X-Filtered", "yes")
	return fields, !s.refuse
}

func (s *shouter) Filter(dst, data []byte) []byte {
	data = append(s.held, data...)
	if len(data) == 0 {
		return dst
	}
	s.held = append([]byte(nil), data[len(data)-1:]...)
	return append(dst, bytes.ToUpper(data[:len(data)-1])...)
}

func (s *shouter) End(dst []byte) []byte { return append(append(dst, bytes.ToUpper(s.held)...), '!') }

// filteredBy serves render behind a filter.
func filteredBy(f resource.Filter, render func(r *resource.Request) ([]byte, error)) resource.Resource {
	return resource.Wrap(rendering(render), func(r *resource.Request) error {
		r.AddFilter(f)
		return nil
	})
}

type rendering func(r *resource.Request) ([]byte, error)

func (rendering) Child(string, *resource.Request) resource.Resource { return nil }
func (rendering) IsLeaf() bool                                      { return true }
func (f rendering) Render(r *resource.Request) ([]byte, error)      { return f(r) }

func TestFilterSeesAnswersOfEveryKind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("file ", 40_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		render func(r *resource.Request) ([]byte, error)
		want   string
	}{
		"whole":   {func(r *resource.Request) ([]byte, error) { return []byte("hello"), nil }, "HELLO!"},
		"empty":   {func(r *resource.Request) ([]byte, error) { return nil, nil }, "!"},
		"written": {func(r *resource.Request) ([]byte, error) { _, _ = r.WriteString("a"); return []byte("bc"), nil }, "ABC!"},
		"promised": {func(r *resource.Request) ([]byte, error) {
			r.SetContentLength(3)
			_, _ = r.WriteString("ab")
			return []byte("c"), nil
		}, "ABC!"},
		"later": {func(r *resource.Request) ([]byte, error) {
			r.Loop().CallLater(1, func() { _, _ = r.WriteString("one "); r.WriteShared([]byte("two")); r.Finish() })
			return nil, resource.NotDoneYet
		}, "ONE TWO!"},
		"file": {func(r *resource.Request) ([]byte, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			r.SetContentLength(200_000 + 4)
			r.SendFile(f, 0, 200_000, func(err error) {
				if err != nil {
					t.Error(err)
				}
				_ = f.Close()
			})
			_, _ = r.WriteString("tail")
			r.Finish()
			return nil, resource.NotDoneYet
		}, strings.Repeat("FILE ", 40_000) + "TAIL!"},
	} {
		got := resourcetest.Get(filteredBy(new(shouter), row.render), "/")
		if string(got.Body) != row.want || got.Field("X-Filtered") != "yes" || !got.Done || got.Aborted != nil {
			t.Errorf("%s: %.60q, %v, %v", name, got.Body, got.Fields, got.Aborted)
		}
	}
}

func TestFilterThatRefuses(t *testing.T) {
	f := &shouter{refuse: true}
	got := resourcetest.Get(filteredBy(f, func(*resource.Request) ([]byte, error) { return []byte("hello"), nil }), "/")
	if string(got.Body) != "hello" || got.Length != 5 || got.Field("X-Filtered") != "yes" {
		t.Errorf("%v", got)
	}
}

func TestFilterAndAnswersWithoutContent(t *testing.T) {
	for _, status := range []int{204, 304} {
		f := new(shouter)
		got := resourcetest.Get(filteredBy(f, func(r *resource.Request) ([]byte, error) {
			r.SetStatus(status)
			return nil, nil
		}), "/")
		if got.Status != status || len(got.Body) != 0 || f.began != 0 {
			t.Errorf("%d: %v, asked %d times", status, got, f.began)
		}
	}
	f := new(shouter)
	if got := resourcetest.Do(filteredBy(f, func(*resource.Request) ([]byte, error) { return []byte("hello"), nil }), "HEAD", "/", nil, nil); len(got.Body) != 0 || f.began != 1 {
		t.Errorf("HEAD: %v", got)
	}
}

func TestFiltersInARow(t *testing.T) {
	root := resource.Wrap(filteredBy(new(shouter), func(*resource.Request) ([]byte, error) { return []byte("x"), nil }), func(r *resource.Request) error {
		r.AddFilter(new(shouter))
		return nil
	})
	if got := resourcetest.Get(root, "/"); string(got.Body) != "X!!" {
		t.Errorf("%q", got.Body)
	}
}

func TestFilterShortFileAborts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := resourcetest.Get(filteredBy(new(shouter), func(r *resource.Request) ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		r.SetContentLength(100)
		r.SendFile(f, 0, 100, func(error) { _ = f.Close() })
		r.Finish()
		return nil, resource.NotDoneYet
	}), "/")
	if got.Aborted == nil {
		t.Errorf("a file that is shorter than promised looks whole: %v", got)
	}
}
