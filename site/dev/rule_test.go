package dev

import "testing"

func TestRules(t *testing.T) {
	for _, row := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.css", "web/a.css", true},
		{"*.css", "web/a.cssx", false},
		{"web/*.css", "web/a.css", true},
		{"web/*.css", "web/x/a.css", false},
		{"web/**/*.css", "web/a.css", true},
		{"web/**/*.css", "web/x/y/a.css", true},
		{"/web/*.css", "web/a.css", true},
		{"**/testdata/**", "a/testdata/b/c", true},
		{"**/testdata/**", "a/other/b/c", false},
		{".env.*", ".env.local", true},
	} {
		r := Rule{Pattern: row.pattern}
		if got := r.matches(row.path); got != row.want {
			t.Errorf("%s and %s: %v", row.pattern, row.path, got)
		}
	}
	if ruleFor(standardRules, "/d", "/d/x/style.css").Action != Swap || ruleFor(standardRules, "/d", "/d/a.html").Action != Reload ||
		ruleFor(standardRules, "/d", "/d/.env").Action != Restart || ruleFor(standardRules, "/d", "/d/a.bin") != nil {
		t.Error("the standard rules")
	}
	if (&Rule{Pattern: "[x"}).Check() == nil || (&Rule{}).Check() == nil || (&Rule{Pattern: "a/**/b"}).Check() != nil {
		t.Error("patterns that can not be read")
	}
	for a := Ignore; a <= Rebuild; a++ {
		if b, err := ParseAction(a.String()); err != nil || a != b {
			t.Error(a, b, err)
		}
	}
	if _, err := ParseAction("explode"); err == nil {
		t.Error("an action that is none")
	}
}
