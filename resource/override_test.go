package resource_test

import (
	"reflect"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// What overrides is on every answer, whatever the resource sets, and nothing beside it.
func TestOverrideFields(t *testing.T) {
	list := protocol.Fields{{Name: "Cache-Control", Value: "no-store"}, {Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}}
	for name, answer := range map[string]func(r *resource.Request) ([]byte, error){
		"whole": func(*resource.Request) ([]byte, error) { return []byte("x"), nil },
		"its own": func(r *resource.Request) ([]byte, error) {
			r.SetField("cache-control", "public")
			return []byte("x"), nil
		},
		"page":     func(*resource.Request) ([]byte, error) { return nil, resource.ErrNotFound },
		"redirect": func(r *resource.Request) ([]byte, error) { return r.Redirect("/b") },
		"unchanged": func(r *resource.Request) ([]byte, error) {
			r.SetField("ETag", `"a"`)
			r.SetStatus(304)
			return nil, nil
		},
		"in pieces": func(r *resource.Request) ([]byte, error) {
			r.SetField("X-A", "own")
			r.WriteString("a")
			r.WriteString("b")
			return nil, nil
		},
	} {
		root := resource.Wrap(get(answer), func(r *resource.Request) error {
			r.OverrideFields(list)
			return nil
		})
		got := resourcetest.Get(root, "/")
		if !reflect.DeepEqual(got.Fields.Values("Cache-Control"), []string{"no-store"}) || !reflect.DeepEqual(got.Fields.Values("X-A"), []string{"1", "2"}) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
