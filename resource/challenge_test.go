package resource_test

import (
	"testing"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestHTTP01(t *testing.T) {
	answer := func(token string) (string, bool) { return "proof of " + token, token == "abc-_1" }
	inner := get(func(r *resource.Request) ([]byte, error) { return r.Text("inside") })
	for _, row := range []struct {
		inner          resource.Resource
		method, target string
		status         int
		body           string
	}{
		{inner, "GET", "/.well-known/acme-challenge/abc-_1", 200, "proof of abc-_1"},
		{inner, "HEAD", "/.well-known/acme-challenge/abc-_1", 200, ""},
		{inner, "POST", "/.well-known/acme-challenge/abc-_1", 405, "-"},
		{inner, "GET", "/.well-known/acme-challenge/abc", 404, "-"},
		{inner, "GET", "/.well-known/acme-challenge/", 404, "-"},
		{inner, "GET", "/.well-known/acme-challenge/%61bc-_1", 404, "-"},
		{inner, "GET", "/.well-known/acme-challenge/../acme-challenge/abc-_1", 404, "-"},
		{inner, "GET", "/.well-known/acme-challenge/abc-_1/x", 404, "-"},
		{inner, "GET", "/", 200, "inside"},
		{nil, "GET", "/", 404, "-"},
		{nil, "GET", "/.well-known/acme-challenge/abc-_1", 200, "proof of abc-_1"},
	} {
		got := resourcetest.New(&resource.HTTP01{Answer: answer, Inner: row.inner}).Do(row.method, row.target, fields("Host", "x.test"), nil)
		wantStatus(t, got, row.status)
		if row.body != "-" && string(got.Body) != row.body {
			t.Errorf("%s %s: %q", row.method, row.target, got.Body)
		}
	}
	redirected := resourcetest.New(&resource.HTTP01{Answer: answer, Inner: &resource.SecureRedirect{}})
	wantStatus(t, redirected.Do("GET", "/x", fields("Host", "x.test"), nil), 308)
	wantStatus(t, redirected.Do("GET", "/.well-known/acme-challenge/abc-_1", fields("Host", "x.test"), nil), 200)
}
