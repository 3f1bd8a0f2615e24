package resource_test

import (
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// witness is an Observer that writes down what it sees.
type witness struct{ said []string }

func (w *witness) say(text string)          { w.said = append(w.said, text) }
func (w *witness) ContentReceived(p []byte) { w.say("in " + string(p)) }
func (w *witness) AnswerBegun(status int, _ protocol.Fields) {
	w.say("head " + protocol.StatusText(status))
}
func (w *witness) ContentSent(p []byte) { w.say("out " + string(p)) }
func (w *witness) FileSent(int64)       { w.say("file") }

// observing is a tree that w sees.
type observing struct {
	resource.Leaf
	w    *witness
	then func(r *resource.Request) ([]byte, error)
}

func (o observing) Pass(r *resource.Request) (resource.Resource, error) {
	r.Observe(o.w)
	return post(o.then), nil
}

func TestObserve(t *testing.T) {
	for _, c := range []struct {
		then func(r *resource.Request) ([]byte, error)
		want string
	}{
		{func(r *resource.Request) ([]byte, error) { return r.BodyBytes() }, "in hello|head OK|out hello"},
		{func(r *resource.Request) ([]byte, error) {
			r.SetContentLength(4)
			_, _ = r.Write([]byte("ab"))
			r.WriteShared([]byte("cd"))
			r.Finish()
			return nil, resource.NotDoneYet
		}, "in hello|head OK|out ab|out cd"},
		{func(r *resource.Request) ([]byte, error) { return nil, &resource.Error{Status: 418} }, "in hello|head"},
	} {
		w := new(witness)
		a := resourcetest.Do(observing{w: w, then: c.then}, "POST", "/", nil, []byte("hello"))
		if got := strings.Join(w.said, "|"); !a.Done || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q; %v", got, c.want, a)
		}
	}
}

func TestObserveKeepsHijack(t *testing.T) {
	w := new(witness)
	var err error
	s := resourcetest.New(observing{w: w, then: func(r *resource.Request) ([]byte, error) {
		err = r.Hijack(nothing{})
		return nil, resource.NotDoneYet
	}})
	if x := s.Start("POST", "/", nil, nil); err != nil || !x.Hijacked {
		t.Errorf("%v, %+v", err, x)
	}
}
