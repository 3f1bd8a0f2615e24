package resource_test

import (
	"testing"

	"spindle/protocol"
	"spindle/protocol/probe"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// watching keeps what it is told.
type watching struct {
	began int
	over  []*probe.Timeline
}

func (w *watching) AnswerBegun(int, protocol.Fields) { w.began++ }
func (w *watching) Over(t *probe.Timeline)           { w.over = append(w.over, t) }

func TestWatch(t *testing.T) {
	tree, below := new(resource.Tree), new(resource.Tree)
	tree.PutChild("a b", below)
	below.PutChild("now", resource.NewData([]byte("x"), "text/plain"))
	below.PutChild("later", post(func(r *resource.Request) ([]byte, error) {
		r.Loop().CallLater(0, func() { r.Answer([]byte("x"), nil) })
		return nil, resource.NotDoneYet
	}))
	for _, row := range []struct {
		method, path string
		content      []byte
		steps        int
		later        bool
		status       int
	}{
		{"GET", "/a%20b/now", nil, 3, false, 200},
		{"POST", "/a%20b/later", []byte("content"), 3, true, 200},
		{"GET", "/none", nil, 1, false, 404},
	} {
		w := new(watching)
		s := resourcetest.New(tree)
		s.Watch = func(*resource.Request) resource.Watcher { return w }
		x := s.Start(row.method, row.path, nil, row.content)
		x.Wait()
		s.Loop.Advance(0)
		if len(w.over) != 1 || w.began != 1 {
			t.Fatalf("%s: told %d times of the end, %d of the answer", row.path, len(w.over), w.began)
		}
		l := w.over[0]
		if len(l.Steps) != row.steps || l.Status != row.status || l.Later != row.later || l.Head == 0 || l.Answer == 0 || l.End < l.Answer || l.Sent < l.End ||
			(l.Content != 0) != (row.content != nil) || (l.Render != 0) != (row.status == 200) {
			t.Errorf("%s: %+v", row.path, l)
		}
		for i, want := range []probe.Step{{Path: "", Type: "*resource.Tree"}, {Path: "/a%20b", Type: "*resource.Tree"}} {
			if i < row.steps && (l.Steps[i].Path != want.Path || l.Steps[i].Type != want.Type || l.Steps[i].At < l.Head) {
				t.Errorf("%s: step %+v", row.path, l.Steps[i])
			}
		}
	}
}

func TestWatchOfALostExchange(t *testing.T) {
	w := new(watching)
	s := resourcetest.New(post(func(*resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }))
	s.Watch = func(*resource.Request) resource.Watcher { return w }
	x := s.Start("POST", "/", nil, nil)
	x.Lose(nil)
	if len(w.over) != 1 || w.over[0].Lost == "" || w.over[0].Sent != 0 || w.over[0].Rendered == 0 {
		t.Errorf("%+v", w.over)
	}
}
