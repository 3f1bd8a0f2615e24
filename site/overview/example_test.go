package overview_test

import (
	"fmt"
	"strings"

	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/site"
	"spindle/site/overview"
)

// A tree with one child, and the page that draws it at its root. In a program the figures
// are those of the Site: func() site.Snapshot { return s.Stats() }.
func Example() {
	s := resourcetest.New(nil)
	page := overview.New(overview.NewPanel(s.Loop, func() site.Snapshot { return site.Snapshot{} }))
	page.Put("prices", "what things cost", resource.NewData([]byte("[]"), "application/json"))
	s.Root = page.Root()

	drawn := s.Do("GET", "/", nil, nil)
	fmt.Println(drawn.Status, strings.Contains(string(drawn.Body), "what things cost"))
	fmt.Println(string(s.Do("GET", "/prices", nil, nil).Body))
	// Output:
	// 200 true
	// []
}
