package resource_test

import (
	"slices"
	"testing"

	"spindle/resource"
)

func TestChildrenAndMethods(t *testing.T) {
	var tree resource.Tree
	tree.PutChild("b", resource.NewData([]byte("b"), "")).PutChild("a", new(resource.Tree)).PutChild("", new(resource.Tree))
	var names []string
	for name, child := range tree.Children() {
		names = append(names, name)
		if child != tree.Child(name, nil) {
			t.Errorf("%q comes with the child of another name", name)
		}
	}
	if want := []string{"", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("children are %q, want %q", names, want)
	}
	for range tree.Children() {
		break // the caller may stop
	}
	if got, want := resource.Methods(tree.Child("b", nil)), []string{"GET", "HEAD", "OPTIONS"}; !slices.Equal(got, want) {
		t.Errorf("methods of a Data are %q, want %q", got, want)
	}
	if got := resource.Methods(&tree); got != nil {
		t.Errorf("a Tree alone answers nothing, and yet %q", got)
	}
}
