package wsgi

import (
	"io"
	"net/http"
	"testing"

	"spindle/resource"
)

// A breakpoint holds the request until somebody has typed for the debugger; elsewhere than
// below a development server nobody can.
func TestBreakpoint(t *testing.T) {
	prompts := make(chan struct{}, 16)
	p := serveApp(t, "breaks:application", func(a *App) {
		a.Failed = func(*resource.Request, *Exception) bool { return false }
		a.Output = func(_ string, line []byte) {
			if string(line) == "(Pdb)" {
				prompts <- struct{}{}
			}
		}
	})
	body := make(chan string, 1)
	go func() {
		res, err := http.Get(p.url + "/")
		if err != nil {
			body <- err.Error()
			return
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		body <- string(text)
	}()
	for _, line := range []string{"!answer = 42\n", "c\n"} {
		select {
		case <-prompts:
		case got := <-body:
			t.Fatalf("answered before the debugger: %s", got)
		}
		p.r.CallFromThread(func() {
			if !p.app.Type([]byte(line)) {
				t.Error("nobody reads what is typed")
			}
		})
	}
	if got := <-body; got != "42" {
		t.Errorf("%q", got)
	}
	if New(p.r, "x").Type([]byte("x")) {
		t.Error("an application without workers reads")
	}
}
