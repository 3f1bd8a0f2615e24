package resource_test

import (
	"testing"
	"time"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestConditions(t *testing.T) {
	stamp := time.Date(2023, 5, 6, 7, 8, 9, 123, time.UTC)
	const date, before, after = "Sat, 06 May 2023 07:08:09 GMT", "Sat, 06 May 2023 07:08:08 GMT", "Sat, 06 May 2023 07:08:10 GMT"
	for _, row := range []struct {
		name        string
		field, with string
		status      int
	}{
		{"no condition", "X", "y", 200},
		{"the same tag", "If-None-Match", `"a", W/"tag"`, 304},
		{"another tag", "If-None-Match", `"a"`, 200},
		{"any tag", "If-None-Match", `*`, 304},
		{"must be another", "If-Match", `"a"`, 412},
		{"must be this", "If-Match", `"tag"`, 200},
		{"not newer", "If-Modified-Since", date, 304},
		{"newer", "If-Modified-Since", before, 200},
		{"older", "If-Modified-Since", after, 304},
		{"must not be newer", "If-Unmodified-Since", before, 412},
		{"and is not", "If-Unmodified-Since", date, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := resourcetest.Do(get(func(r *resource.Request) ([]byte, error) {
				if r.SetETag(`"tag"`) || r.SetLastModified(stamp) {
					r.SetLastModified(stamp)
					return nil, nil
				}
				return []byte("whole"), nil
			}), "GET", "/", fields(row.field, row.with), nil)
			wantStatus(t, got, row.status)
			if got.Field("ETag") != `"tag"` || got.Field("Last-Modified") != date {
				t.Errorf("got %s", got)
			}
			if row.status != 200 {
				wantBody(t, got, "")
			}
		})
	}
}

// TestTagComesBeforeTime: with If-None-Match the time counts not (RFC 9110 §13.1.3),
// also when the time is set first.
func TestTagComesBeforeTime(t *testing.T) {
	got := resourcetest.Do(get(func(r *resource.Request) ([]byte, error) {
		r.SetLastModified(r.Now())
		if r.SetETag(`"new"`) {
			return nil, nil
		}
		return []byte("whole"), nil
	}), "GET", "/", fields("If-None-Match", `"old"`, "If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT"), nil)
	wantStatus(t, got, 200)
}

func TestLaterTimeStands(t *testing.T) {
	stamp := time.Date(2023, 5, 6, 7, 8, 9, 0, time.UTC)
	got := resourcetest.Get(get(func(r *resource.Request) ([]byte, error) {
		r.SetLastModified(stamp)
		r.SetLastModified(stamp.Add(-time.Hour))
		return nil, nil
	}), "/")
	if got.Field("Last-Modified") != "Sat, 06 May 2023 07:08:09 GMT" {
		t.Errorf("got %s", got)
	}
}

func TestNoConditionsOnAnError(t *testing.T) {
	got := resourcetest.Do(get(func(r *resource.Request) ([]byte, error) {
		r.SetStatus(404)
		if r.SetETag(`"tag"`) {
			t.Error("settled")
		}
		return []byte("none"), nil
	}), "GET", "/", fields("If-None-Match", `"tag"`), nil)
	wantStatus(t, got, 404)
}

func TestData(t *testing.T) {
	css := resource.NewData([]byte("p{}"), "text/css")
	got := resourcetest.Get(css, "/")
	tag := got.Field("ETag")
	if string(got.Body) != "p{}" || got.Field("Content-Type") != "text/css" || len(tag) < 10 {
		t.Fatalf("got %s", got)
	}
	if got = resourcetest.Do(css, "GET", "/", fields("If-None-Match", tag), nil); got.Status != 304 || len(got.Body) != 0 {
		t.Errorf("got %s", got)
	}
	if other := resourcetest.Get(resource.NewData([]byte("b{}"), ""), "/"); other.Field("ETag") == tag ||
		other.Field("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %s", other)
	}
}
