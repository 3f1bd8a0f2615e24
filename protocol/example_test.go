package protocol_test

import (
	"fmt"
	"time"

	"spindle/protocol"
)

func ExampleCookie_Append() {
	c := protocol.Cookie{Name: "__Host-session", Value: "c2VjcmV0", Path: "/", Secure: true, HTTPOnly: true, SameSite: protocol.SameSiteLax}
	line, err := c.Append(nil)
	fmt.Println(string(line), err)

	c.Domain = "example.org" // a promise of the name broken
	_, err = c.Append(nil)
	fmt.Println(err)
	// Output:
	// __Host-session=c2VjcmV0; Path=/; Secure; HttpOnly; SameSite=Lax <nil>
	// protocol: cookie "__Host-session": __Host- needs Secure, Path / and no Domain
}

func ExampleBestMedia() {
	accept := []byte("text/html;q=0.8, application/json, */*;q=0.1")
	offers := []string{"text/html", "application/json"}
	fmt.Println(offers[protocol.BestMedia(accept, offers...)])
	// Output: application/json
}

func ExampleParseRange() {
	ranges, status := protocol.ParseRange(nil, []byte("bytes=0-99, -500"), 10000)
	for _, r := range ranges {
		fmt.Println(status, string(protocol.AppendContentRange(nil, r, 10000)))
	}
	// Output:
	// 206 bytes 0-99/10000
	// 206 bytes 9500-9999/10000
}

func ExamplePrecondition() {
	modified := time.Date(2026, 7, 15, 11, 0, 0, 0, time.UTC)
	h := &protocol.Head{Method: "GET", Fields: []protocol.RawField{
		{Name: []byte("If-None-Match"), Value: []byte(`"v6", W/"v7"`)},
	}}
	v := protocol.Validators{ETag: `"v7"`, Modified: modified}
	fmt.Println(protocol.Precondition(h, v, modified.Add(time.Hour)))
	// Output: 304
}
