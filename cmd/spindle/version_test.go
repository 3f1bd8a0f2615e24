package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.time", Value: "2026-11-23T22:00:00Z"},
		{Key: "vcs.modified", Value: "true"}}
	for _, test := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "spindle v1.2.3\n" + platform() + "\n"},
		{"checkout", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings}, "spindle (development build)\n" + platform() +
			"\nrevision abc123 of 2026-11-23T22:00:00Z, with changes that are not committed\n"},
		{"clean checkout", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings[:1]},
			"spindle (development build)\n" + platform() + "\nrevision abc123\n"},
	} {
		if got := versionText(buildOf(&test.info)); got != test.want {
			t.Errorf("%s: got\n%swant\n%s", test.name, got, test.want)
		}
	}
	code, out, errs := capture(t, "version")
	if code != 0 || errs != "" || !strings.HasPrefix(out, "spindle ") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}
