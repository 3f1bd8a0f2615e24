package resource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

func failing(err error) get {
	return func(*resource.Request) ([]byte, error) { return nil, err }
}

func TestErrors(t *testing.T) {
	secret := errors.New("password=1234")
	for _, row := range []struct {
		name   string
		err    error
		status int
		logged string // a part of the log, "" when nothing is logged
	}{
		{"not found", resource.ErrNotFound, 404, ""},
		{"with a detail", &resource.Error{Status: 410, Detail: "It is gone."}, 410, ""},
		{"with a cause", &resource.Error{Status: 400, Err: secret}, 400, "level=INFO"},
		{"wrapped", fmt.Errorf("more: %w", resource.ErrForbidden), 403, ""},
		{"any other", secret, 500, "level=ERROR"},
		{"another's not found", fs.ErrNotExist, 500, "level=ERROR"},
		{"the protocol's", &protocol.Error{Status: 400, Reason: "bad"}, 400, ""},
		{"ours, on purpose", &resource.Error{Status: 503}, 503, "level=ERROR"},
		{"no error status", &resource.Error{Status: 200}, 500, "level=ERROR"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, log := quiet(failing(row.err))
			got := s.Get("/")
			wantStatus(t, got, row.status)
			if strings.Contains(got.String(), "1234") {
				t.Errorf("the cause is on the page: %s", got)
			}
			if row.logged == "" && log.Len() != 0 || !strings.Contains(log.String(), row.logged) {
				t.Errorf("log %q, want %q", log, row.logged)
			}
			if ours := row.status >= 500; strings.Contains(got.String(), "test-id") != ours {
				t.Errorf("id on the page: want %v\n%s", ours, got)
			}
		})
	}
}

func TestErrorPageTakesFieldsBack(t *testing.T) {
	s, _ := quiet(get(func(r *resource.Request) ([]byte, error) {
		for _, name := range []string{"Content-Type", "Content-Encoding", "Cache-Control", "Expires",
			"Content-Disposition", "Content-Range", "Last-Modified", "Accept-Ranges", "X-Frame-Options",
			"Content-Security-Policy", "Access-Control-Allow-Origin"} {
			r.SetField(name, "x")
		}
		r.SetCookie(protocol.Cookie{Name: "a", Value: "b"})
		r.SetContentLength(12345)
		r.WriteString("begun")
		return nil, &resource.Error{Status: 404, Fields: []resource.ErrorField{{Name: "X-Why", Value: "because"}}}
	}))
	got := s.Get("/")
	// SetContentLength sends the head with the first write: this answer is cut.
	if got.Aborted == nil {
		t.Fatalf("got %s", got)
	}
	got = resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		r.SetField("Content-Encoding", "gzip")
		r.SetField("Cache-Control", "max-age=3600")
		r.SetField("Content-Security-Policy", "default-src 'self'")
		r.SetCookie(protocol.Cookie{Name: "a", Value: "b"})
		r.SetETag(`"x"`)
		r.WriteString("begun")
		return nil, &resource.Error{Status: 404, Fields: []resource.ErrorField{{Name: "X-Why", Value: "because"}}}
	}), "/")
	const want = "404 Not Found\nContent-Security-Policy: default-src 'self'\nSet-Cookie: a=b\nX-Why: because\n" +
		"Vary: Accept\nContent-Type: text/plain; charset=utf-8\n\n404 Not Found\nThere is nothing at this address.\n"
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFailureAfterTheHeadCutsTheAnswer(t *testing.T) {
	for name, f := range map[string]get{
		"error": func(r *resource.Request) ([]byte, error) {
			r.WriteShared([]byte("begun"))
			return nil, errors.New("boom")
		},
		"panic": func(r *resource.Request) ([]byte, error) {
			r.WriteShared([]byte("begun"))
			panic("boom")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := quiet(f)
			got := s.Get("/")
			if got.Aborted == nil || got.Done || string(got.Body) != "begun" {
				t.Errorf("got %s", got)
			}
			if !strings.Contains(log.String(), "boom") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	s, log := quiet(get(func(*resource.Request) ([]byte, error) { panic("boom <b>") }))
	got := s.Get("/x")
	wantStatus(t, got, 500)
	if strings.Contains(got.String(), "boom") {
		t.Errorf("the panic is on the page: %s", got)
	}
	for _, want := range []string{"boom", "fail_test.go", "id=test-id", `GET \"/x\"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %q: %s", want, log)
		}
	}
	s.Debug = true
	got = s.Do("GET", "/x", fields("Accept", "text/html"), nil)
	if !strings.Contains(got.String(), "boom &lt;b&gt;") || !strings.Contains(got.String(), "fail_test.go") {
		t.Errorf("debug page: %s", got)
	}
}

func TestPageFormats(t *testing.T) {
	evil := &resource.Error{Status: 404, Detail: `No <script>alert("x")</script> & such.`}
	for accept, want := range map[string]string{
		"":    "text/plain; charset=utf-8",
		"*/*": "text/plain; charset=utf-8",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8",
		"application/json":                  "application/json",
		"application/json, text/html;q=0.5": "application/json",
		"text/html;q=0, application/*":      "application/json",
		"image/png":                         "text/plain; charset=utf-8",
	} {
		t.Run(accept, func(t *testing.T) {
			got := resourcetest.Do(failing(evil), "GET", "/", fields("Accept", accept), nil)
			if got.Field("Content-Type") != want {
				t.Errorf("Content-Type %q, want %q", got.Field("Content-Type"), want)
			}
			if got.Field("Vary") != "Accept" {
				t.Errorf("Vary %q", got.Field("Vary"))
			}
			switch want {
			case "text/html; charset=utf-8":
				if strings.Contains(string(got.Body), "<script>") || !strings.Contains(string(got.Body), "&lt;script&gt;") {
					t.Errorf("not escaped: %s", got.Body)
				}
			case "application/json":
				var page struct {
					Status        int
					Title, Detail string
				}
				if err := json.Unmarshal(got.Body, &page); err != nil || page.Status != 404 || page.Detail != evil.Detail {
					t.Errorf("%v: %s", err, got.Body)
				}
			}
		})
	}
}

func TestOwnErrorPage(t *testing.T) {
	for _, row := range []struct {
		name string
		page func(r *resource.Request, e *resource.Error) []byte
		want string
	}{
		{"own", func(r *resource.Request, e *resource.Error) []byte {
			r.SetField("Content-Type", "text/html; charset=utf-8")
			return fmt.Appendf(nil, "<h1>%d</h1>", e.Status)
		}, "404 Not Found\nContent-Type: text/html; charset=utf-8\n\n<h1>404</h1>"},
		{"the stock one", func(*resource.Request, *resource.Error) []byte { return nil }, stock404},
		{"answers by itself", func(r *resource.Request, _ *resource.Error) []byte {
			r.WriteString("mine")
			r.Finish()
			return nil
		}, "404 Not Found\nContent-Type: text/plain; charset=utf-8\n\nmine"},
		{"redirects", func(r *resource.Request, _ *resource.Error) []byte {
			page, _ := r.Redirect("/login")
			return page[:0]
		}, "302 Found\nLocation: /login\nContent-Type: text/html; charset=utf-8\n\n"},
		{"panics", func(r *resource.Request, _ *resource.Error) []byte {
			r.SetField("Content-Type", "text/html")
			panic("x")
		}, stock404},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, _ := quiet(failing(resource.ErrNotFound))
			s.ErrorPage = row.page
			if got := s.Get("/"); got.String() != row.want {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

const stock404 = "404 Not Found\nVary: Accept\nContent-Type: text/plain; charset=utf-8\n\n" +
	"404 Not Found\nThere is nothing at this address.\n"

func TestErrorOfHEADHasNoContent(t *testing.T) {
	got := resourcetest.Do(failing(resource.ErrNotFound), "HEAD", "/", nil, nil)
	if got.Status != 404 || len(got.Body) != 0 || got.Length != 48 {
		t.Errorf("length %d, got %s", got.Length, got)
	}
}

func TestErrorText(t *testing.T) {
	err := &resource.Error{Status: 404, Detail: "No cat.", Err: errors.New("no row")}
	if got := err.Error(); got != "resource: 404 Not Found: No cat.: no row" {
		t.Errorf("got %q", got)
	}
}

func TestErrorInAField(t *testing.T) {
	s, _ := quiet(failing(&resource.Error{Status: 405, Fields: []resource.ErrorField{{Name: "Allow", Value: "GET\r\nX: y"}}}))
	got := s.Get("/")
	if got.Status != 405 || got.Fields.Has("X") || got.Fields.Has("Allow") {
		t.Errorf("got %s", got)
	}
}
