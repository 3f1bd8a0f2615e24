package reactor

import (
	"errors"
	"strings"
	"testing"
)

func TestAttempt(t *testing.T) {
	if v, err := attempt(func() (int, error) { return 3, nil }); v != 3 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	if v, err := attempt(func() (int, error) { return 3, errTest }); v != 3 || err != errTest {
		t.Errorf("got %d, %v", v, err)
	}
	v, err := attempt(func() (int, error) { panic(errTest) })
	var p *PanicError
	if v != 0 || !errors.As(err, &p) || !errors.Is(err, errTest) || err.Error() != "panic: test failure" {
		t.Errorf("got %d, %v", v, err)
	}
	if !strings.Contains(string(p.Stack), "panic_test.go") {
		t.Errorf("the stack does not show where:\n%s", p.Stack)
	}
}

func TestPanicErrorOfNoError(t *testing.T) {
	p := contained(func() { panic("oh") })
	if p == nil || p.Error() != "panic: oh" || p.Unwrap() != nil {
		t.Errorf("got %v", p)
	}
	if p := contained(func() {}); p != nil {
		t.Errorf("no panic, and %v", p)
	}
}
