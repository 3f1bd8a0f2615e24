package resource_test

import (
	"testing"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

// form answers GET and POST, each with its method as the request says it.
type formPage struct{ resource.Leaf }

func (formPage) RenderGET(r *resource.Request) ([]byte, error) {
	return []byte("get " + r.Method()), nil
}
func (formPage) RenderPOST(r *resource.Request) ([]byte, error) { return []byte("post"), nil }

// store answers PUT, PATCH and DELETE, and HEAD by itself.
type store struct{ resource.Leaf }

func (store) RenderPUT(*resource.Request) ([]byte, error)    { return []byte("put"), nil }
func (store) RenderPATCH(*resource.Request) ([]byte, error)  { return []byte("patch"), nil }
func (store) RenderDELETE(*resource.Request) ([]byte, error) { return []byte("delete"), nil }
func (store) RenderHEAD(r *resource.Request) ([]byte, error) {
	r.SetContentLength(123)
	return nil, nil
}

// anything answers every method.
type anything struct{ resource.Leaf }

func (anything) Render(r *resource.Request) ([]byte, error) { return []byte("any " + r.Method()), nil }

// both has a method of its own beside Render.
type both struct{ anything }

func (both) RenderGET(*resource.Request) ([]byte, error) { return []byte("own"), nil }

// tunnel takes CONNECT.
type tunnel struct{ resource.Leaf }

func (tunnel) RenderCONNECT(r *resource.Request) ([]byte, error) {
	return []byte("to " + r.Authority()), nil
}

// optional says its own options.
type optional struct{ resource.Leaf }

func (optional) RenderOPTIONS(r *resource.Request) ([]byte, error) { return []byte("own options"), nil }

func TestMethods(t *testing.T) {
	const all = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	for _, row := range []struct {
		root           resource.Resource
		method, target string
		status         int
		body, allow    string
	}{
		{formPage{}, "GET", "/", 200, "get GET", ""},
		{formPage{}, "POST", "/", 200, "post", ""},
		{formPage{}, "HEAD", "/", 200, "", ""},
		{formPage{}, "PUT", "/", 405, "", "GET, HEAD, POST, OPTIONS"},
		{formPage{}, "TRACE", "/", 405, "", "GET, HEAD, POST, OPTIONS"},
		{formPage{}, "CONNECT", "example.com:443", 405, "", "GET, HEAD, POST, OPTIONS"},
		{formPage{}, "BREW", "/", 501, "", ""},
		{formPage{}, "get", "/", 501, "", ""},
		{formPage{}, "OPTIONS", "/", 204, "", "GET, HEAD, POST, OPTIONS"},
		{formPage{}, "OPTIONS", "*", 204, "", all},
		{formPage{}, "GET", "*", 405, "", "OPTIONS"},
		{store{}, "GET", "/", 405, "", "HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{store{}, "HEAD", "/", 200, "", ""},
		{store{}, "PUT", "/", 200, "put", ""},
		{store{}, "PATCH", "/", 200, "patch", ""},
		{store{}, "DELETE", "/", 200, "delete", ""},
		{anything{}, "GET", "/", 200, "any GET", ""},
		{anything{}, "BREW", "/", 200, "any BREW", ""},
		{anything{}, "OPTIONS", "/", 200, "any OPTIONS", ""},
		{anything{}, "TRACE", "/", 405, "", all},
		{anything{}, "CONNECT", "example.com:443", 405, "", all},
		{both{}, "GET", "/", 200, "own", ""},
		{both{}, "POST", "/", 200, "any POST", ""},
		{tunnel{}, "CONNECT", "example.com:443", 200, "to example.com:443", ""},
		{tunnel{}, "GET", "/", 405, "", "CONNECT, OPTIONS"},
		{optional{}, "OPTIONS", "/", 200, "own options", ""},
	} {
		t.Run(row.method+" "+row.target, func(t *testing.T) {
			got := resourcetest.Do(row.root, row.method, row.target, nil, nil)
			wantStatus(t, got, row.status)
			if row.status == 200 {
				wantBody(t, got, row.body)
			}
			if allow := got.Field("Allow"); allow != row.allow {
				t.Errorf("Allow %q, want %q", allow, row.allow)
			}
		})
	}
}

func TestHEADHasTheLengthOfGET(t *testing.T) {
	got := resourcetest.Do(formPage{}, "HEAD", "/", nil, nil)
	if got.Length != int64(len("get HEAD")) || len(got.Body) != 0 {
		t.Errorf("length %d, body %q", got.Length, got.Body)
	}
	if got.Field("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type %q", got.Field("Content-Type"))
	}
	if got = resourcetest.Do(store{}, "HEAD", "/", nil, nil); got.Length != 123 {
		t.Errorf("own HEAD: length %d, want 123", got.Length)
	}
}

func TestMethodIsRefusedBeforeTheContent(t *testing.T) {
	s := resourcetest.New(formPage{})
	h := resourcetest.Head("PUT", "/", fields("Expect", "100-continue"))
	h.ContentLength = 10
	x := s.Open(h)
	wantStatus(t, &x.Response, 405)
	if x.Response.Continue {
		t.Error("asked for content that is not wanted")
	}
}
