package resource_test

import (
	"bytes"
	"log/slog"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// fields makes fields of names and values in turn.
func fields(pairs ...string) protocol.Fields {
	var list protocol.Fields
	for i := 0; i < len(pairs); i += 2 {
		list.Add(pairs[i], pairs[i+1])
	}
	return list
}

// get is a leaf that answers GET, and post one that answers POST.
type (
	get  func(r *resource.Request) ([]byte, error)
	post func(r *resource.Request) ([]byte, error)
)

func (get) Child(string, *resource.Request) resource.Resource  { return nil }
func (get) IsLeaf() bool                                       { return true }
func (g get) RenderGET(r *resource.Request) ([]byte, error)    { return g(r) }
func (post) Child(string, *resource.Request) resource.Resource { return nil }
func (post) IsLeaf() bool                                      { return true }
func (p post) RenderPOST(r *resource.Request) ([]byte, error)  { return p(r) }

// quiet makes a server whose log is read by the test.
func quiet(root resource.Resource) (*resourcetest.Server, *bytes.Buffer) {
	s, log := resourcetest.New(root), new(bytes.Buffer)
	s.ErrorLog = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	return s, log
}

func wantStatus(t *testing.T, got *resourcetest.Response, status int) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("status %d, want %d\n%s", got.Status, status, got)
	}
}

func wantBody(t *testing.T, got *resourcetest.Response, body string) {
	t.Helper()
	if string(got.Body) != body {
		t.Errorf("body %q, want %q", got.Body, body)
	}
}
