package dev

import (
	"slices"
	"strings"
	"testing"
)

// A script of go build -n, with what is unusual in one: settings, words in quotes, paths
// as seen from the directory, files of one line, files that do not end with one.
func TestGoScript(t *testing.T) {
	script, ok := parseGoScript(`mkdir -p $WORK/b002/
echo '# import config' > $WORK/b002/importcfg # internal
cat >$WORK/b001/importcfg << 'EOF' # internal
# import config
packagefile a=$WORK/b002/_pkg_.a
EOF
cat >$WORK/b001/embedcfg << 'EOF' # internal
{
	"Files": {}
}EOF
cd /home/me/a b
GOAMD64='v3' GOX="it's" /go/tool/compile -o $WORK/b001/_pkg_.a -trimpath "$WORK/b001=>" -D "" "./with space.go" ./main.go
go tool buildid -w $WORK/b001/_pkg_.a # internal
cd .
GOROOT='/go' /go/tool/link -o $WORK/b001/exe/a.out "-X=main.a=\"q\"" $WORK/b001/_pkg_.a
mv $WORK/b001/exe/a.out out
`)
	if !ok || len(script.runs) != 2 {
		t.Fatal(ok, script)
	}
	for name, want := range map[string]string{
		"$WORK/b002/importcfg": "# import config\n",
		"$WORK/b001/importcfg": "# import config\npackagefile a=$WORK/b002/_pkg_.a\n",
		"$WORK/b001/embedcfg":  "{\n\t\"Files\": {}\n}",
	} {
		if got := script.files[name]; got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for i, want := range []struct{ dir, env, words string }{
		{"/home/me/a b", "GOAMD64=v3|GOX=it's", "/go/tool/compile|-o|$WORK/b001/_pkg_.a|-trimpath|$WORK/b001=>|-D||./with space.go|/home/me/a b/main.go"},
		{".", "GOROOT=/go", `/go/tool/link|-o|$WORK/b001/exe/a.out|-X=main.a="q"|$WORK/b001/_pkg_.a`},
	} {
		run := script.runs[i]
		if run.dir != want.dir || strings.Join(run.env, "|") != want.env || strings.Join(run.words, "|") != want.words {
			t.Errorf("%q", run)
		}
	}
	if _, ok := parseGoScript("cat >$WORK/b001/importcfg << 'EOF' # internal\nno end"); ok {
		t.Error("a file without an end is one")
	}
}

func TestDirectFlags(t *testing.T) {
	for flags, want := range map[string]bool{
		"": true, "-tags=a|-gcflags=all=-N|-ldflags|-s|-trimpath": true, "--tags=a": true, "-overlay=x.json": true,
		"-race": false, "-cover": false, "-buildmode=pie": false, "-toolexec|x": false, "-tags=a|-msan": false, "-x": false,
		"-buildvcs=false": true, "-buildvcs": false, "-buildvcs=true": false, "-pgo=off": true, "-pgo=x.pgo": false, "main.go": false,
	} {
		list := strings.Split(flags, "|")
		if got := direct(slices.DeleteFunc(list, func(f string) bool { return f == "" })); got != want {
			t.Errorf("%s: %v", flags, got)
		}
	}
}

func TestShortened(t *testing.T) {
	const text = "/home/me/a/b/x.go:1:2: see\n\t/home/me/a/y.go:3:4: and /home/me/z.go, /home/other.go, a/home/me/a"
	for cwd, want := range map[string]string{
		"/home/me/a":  "b/x.go:1:2: see\n\t./y.go:3:4: and ../z.go, /home/other.go, a/home/me/a\n",
		"/home/me":    "a/b/x.go:1:2: see\n\ta/y.go:3:4: and ./z.go, ../other.go, a/home/me/a\n",
		"/x/y/z/u/v/": text + "\n",
	} {
		if got := shortened(text, "/home/me/a/b", cwd); got != want {
			t.Errorf("%s: %q", cwd, got)
		}
	}
}

// What the go command says of its progress is no fault, and faults are none of its progress.
func TestGoProgress(t *testing.T) {
	b, c := &goBuilder{}, &command{mostErrs: mostOutput}
	b.follow(c, &goDeps{paths: map[string]bool{"net/http": true, "demo": true}})
	for _, step := range []struct{ says, want string }{
		{"", ""},
		{"go: downloading example.com/x v1.2.3\nnet/", "downloading example.com/x v1.2.3"},
		{"http\n", "1 package compiled"},
		{"demo\n# demo\n./main.go:1:1: demo\nrest", "2 packages compiled"},
	} {
		c.ErrReceived([]byte(step.says))
		if got := b.progress.String(); got != step.want {
			t.Errorf("%q: %q", step.says, got)
		}
	}
	if want := "# demo\n./main.go:1:1: demo\n"; string(c.errs) != want || string(c.lines.rest) != "rest" {
		t.Errorf("%q %q", c.errs, c.lines.rest)
	}
}
