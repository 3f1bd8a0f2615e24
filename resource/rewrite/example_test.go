package rewrite_test

import (
	"fmt"

	"spindle/resource/resourcetest"
	"spindle/resource/rewrite"
)

func Example() {
	root := rewrite.New(page{}, rewrite.Rule{Prefix: "/old", To: "/new", Status: 301})
	r := resourcetest.Get(root, "/old/page")
	fmt.Println(r.Status, r.Field("Location"))
	// Output: 301 /new/page
}
