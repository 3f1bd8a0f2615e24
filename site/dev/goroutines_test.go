package dev

import (
	"runtime"
	"slices"
	"strings"
	"testing"
)

const someGoroutines = `goroutine 1 [IO wait, 12 minutes, locked to thread]:
internal/poll.runtime_pollWait(0x7f0, 0x72)
	/usr/local/go/src/runtime/netpoll.go:351 +0x85
main.main()
	/home/me/app/main.go:9 +0x1d

goroutine 7 [select (no cases)]:
main.wait(...)
	/home/me/app/main.go:20
created by main.main in goroutine 1
	/home/me/app/main.go:8 +0x33

goroutine 8 gp=0xc000 m=nil [select (no cases), 3 minutes]:
main.wait(...)
	/home/me/app/main.go:20
created by main.main in goroutine 1
	/home/me/app/main.go:8 +0x33

goroutine 9 [sleep]:
main.wait(...)
	/home/me/app/main.go:20
created by main.main in goroutine 1
	/home/me/app/main.go:8 +0x33

goroutine 30 [chan receive]:
net/http.(*conn).serve(0xc00, {0x1, 0x2})
	/usr/local/go/src/net/http/server.go:2102 +0x625
created by net/http.(*Server).Serve in goroutine 1
	/usr/local/go/src/net/http/server.go:3454 +0x485

nonsense
`

func TestGroupGoroutines(t *testing.T) {
	list := groupGoroutines(someGoroutines, "/home/me/app")
	if len(list) != 3 {
		t.Fatalf("%d groups", len(list))
	}
	g := list[0]
	if g.Count != 3 || !slices.Equal(g.States, []string{"select (no cases)", "sleep"}) || g.Minutes != 3 || !g.Own || !slices.Equal(g.IDs, []int{7, 8, 9}) {
		t.Errorf("%+v", g)
	}
	if p := g.Stack[0]; len(g.Stack) != 1 || p.Function != "main.wait" || p.Shown != "main.go" || p.Line != 20 || !p.Own {
		t.Errorf("%+v", g.Stack)
	}
	if g.Made == nil || g.Made.Function != "main.main" || g.Made.Line != 8 {
		t.Errorf("%+v", g.Made)
	}
	if g := list[1]; g.Minutes != 12 || g.Made != nil || len(g.Stack) != 2 || g.Stack[0].Function != "poll.runtime_pollWait" || g.Stack[0].Shown != "runtime/netpoll.go" || g.States[0] != "IO wait" {
		t.Errorf("%+v", g)
	}
	if g := list[2]; g.Own || g.Stack[0].Function != "http.(*conn).serve" || g.Made.Function != "http.(*Server).Serve" {
		t.Errorf("%+v, %+v", g, g.Made)
	}
}

// What this version of Go writes can be read.
func TestGroupGoroutinesOfThisProcess(t *testing.T) {
	buf := make([]byte, 1<<20)
	text := string(buf[:runtime.Stack(buf, true)])
	n := 0
	for _, g := range groupGoroutines(text, "/nowhere") {
		n += g.Count
		if len(g.Stack) == 0 {
			t.Errorf("no stack: %+v", g)
		}
	}
	if want := strings.Count("\n"+text, "\ngoroutine "); n != want {
		t.Errorf("%d of %d goroutines in\n%s", n, want, text)
	}
}
