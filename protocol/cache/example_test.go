package cache_test

import (
	"fmt"
	"time"

	"spindle/protocol"
	"spindle/protocol/cache"
)

// An answer is kept, found while it is fresh, and asked about when it no longer is.
func Example() {
	store := new(cache.Store)
	q := &protocol.Head{Method: "GET"}
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	fields := protocol.Fields{{Name: "Cache-Control", Value: "max-age=60"}, {Name: "ETag", Value: `"v1"`}}
	if e := cache.Judge(q, 200, fields, now, now); e != nil {
		store.Put("https://example.org/", q, e, []byte("hello"))
	}

	e, use := store.Lookup("https://example.org/", q, now.Add(time.Minute/2))
	fmt.Println(use == cache.Fresh, string(e.Body))
	e, use = store.Lookup("https://example.org/", q, now.Add(2*time.Minute))
	fmt.Println(use == cache.Revalidate, e.Conditions())
	// Output:
	// true hello
	// true [{If-None-Match "v1"}]
}
