package static_test

import (
	"fmt"
	"testing/fstest"
	"time"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/resource/static"
)

// A tree with a directory of files in it. In a program Path says where they are.
func Example() {
	files := static.FS(fstest.MapFS{
		"index.html":    {Data: []byte("<!DOCTYPE html><title>Hi</title>")},
		"css/style.css": {Data: []byte("body { color: teal }")},
	})
	files.MaxAge = time.Hour

	var root resource.Tree
	root.PutChild("site", files)

	for _, path := range []string{"/site/", "/site/css/style.css", "/site/css", "/site/../secret"} {
		a := resourcetest.Get(&root, path)
		fmt.Printf("%s %d %s %q\n", path, a.Status, a.Field("Content-Type"), a.Field("Location"))
	}
	// Output:
	// /site/ 200 text/html; charset=utf-8 ""
	// /site/css/style.css 200 text/css; charset=utf-8 ""
	// /site/css 301 text/html; charset=utf-8 "./css/"
	// /site/../secret 404 text/plain; charset=utf-8 ""
}

// An application that routes in the browser has one page for every path that is no
// file; its build step leaves compressed siblings beside the files.
func ExampleDir() {
	app := &static.Dir{
		FS: fstest.MapFS{
			"index.html": {Data: []byte("<!DOCTYPE html><title>App</title>")},
			"app.js":     {Data: []byte("let much = 'text'")},
			"app.js.br":  {Data: []byte("...")},
		},
		Fallback:      "index.html",
		Precompressed: []string{".br", ".gz"},
		CacheControl:  "no-cache",
	}
	s := resourcetest.New(app)

	page := s.Do("GET", "/users/7", protocol.Fields{{Name: "Accept", Value: "text/html"}}, nil)
	fmt.Println(page.Status, string(page.Body))

	script := s.Do("GET", "/app.js", protocol.Fields{{Name: "Accept-Encoding", Value: "gzip, br"}}, nil)
	fmt.Println(script.Status, script.Field("Content-Type"), script.Field("Content-Encoding"), script.Field("Vary"))
	// Output:
	// 200 <!DOCTYPE html><title>App</title>
	// 200 text/javascript; charset=utf-8 br Accept-Encoding
}
