package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spindle/protocol/cgi"
	"spindle/reactor/reactortest"
)

func TestLines(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want string
	}{
		{[]string{"a\nb\n"}, `["a" "b"]`},
		{[]string{"a", "b\nc"}, `["ab" "c"]`},
		{[]string{"a\r\n\r\n\nb"}, `["a" "b"]`},
		{[]string{""}, `[]`},
	} {
		lines := []string{}
		l := Lines{Line: func(s string) { lines = append(lines, s) }}
		for _, p := range c.in {
			l.Write([]byte(p))
		}
		l.End()
		if got := fmt.Sprintf("%q", lines); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
	n, longest := 0, 0
	l := Lines{Line: func(s string) { n += len(s); longest = max(longest, len(s)) }}
	for range 10 {
		l.Write([]byte(strings.Repeat("x", 3000)))
	}
	if l.End(); n != 30000 || longest > maxLine {
		t.Errorf("%d bytes, the longest line %d", n, longest)
	}
}

func TestQueueOrder(t *testing.T) {
	l := reactortest.NewLoop()
	q := Queue{Running: 2, Waiting: 3, Patience: time.Second}
	var ran, failed []int
	var turns []*Turn
	for i := range 6 {
		turn, err := q.Enter(l, func() { ran = append(ran, i) }, func(error) { failed = append(failed, i) })
		if (err != nil) != (i == 5) {
			t.Errorf("%d: %v", i, err)
		}
		turns = append(turns, turn)
	}
	turns[2].Leave() // it does not want any more
	turns[2].Leave()
	turns[0].Leave()
	turns[0].Leave()
	if running, waiting := q.Load(); fmt.Sprint(ran) != "[0 1 3]" || running != 2 || waiting != 1 {
		t.Errorf("ran %v, %d run, %d wait", ran, running, waiting)
	}
	l.Advance(2 * time.Second)
	if fmt.Sprint(failed) != "[4]" {
		t.Errorf("patience ended for %v", failed)
	}
	turns[1].Leave()
	turns[3].Leave()
	turns[5].Leave() // of one that found no place
	if running, waiting := q.Load(); running != 0 || waiting != 0 {
		t.Errorf("%d run, %d wait", running, waiting)
	}
}

func TestPick(t *testing.T) {
	b, err := NewBackends([]string{"unix:/a", "unix:/b", "tcp:127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	list := b.All()
	list[0].Active, list[1].Active, list[2].Active = 2, 1, 3
	if got := b.Pick(now, nil); got != list[1] {
		t.Errorf("not the least busy: %s", got)
	}
	list[1].SetDown(now.Add(time.Second))
	if got := b.Pick(now, nil); got != list[0] {
		t.Errorf("one that is down: %s", got)
	}
	if got := b.Pick(now.Add(time.Second), nil); got != list[1] {
		t.Errorf("not the one that is back: %s", got)
	}
	if got := b.Pick(now, list[:1]); got != list[2] {
		t.Errorf("one that was tried: %s", got)
	}
	list[0].SetDown(now.Add(2 * time.Second))
	list[2].SetDown(now.Add(3 * time.Second))
	if got := b.Pick(now, nil); got != list[1] {
		t.Errorf("all are down, and not the one that is due first: %s", got)
	}
	if got := b.Pick(now, list); got != nil {
		t.Errorf("one of none: %s", got)
	}
	for _, bad := range [][]string{nil, {"x"}} {
		if _, err := NewBackends(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestPathTranslatedStaysBelow(t *testing.T) {
	for info, want := range map[string]string{"/a/b": "/srv/a/b", "/a/../../etc": "", "/..": "", "/..a": "/srv/..a"} {
		var env cgi.Env
		builder{env: &env}.script(&Script{Name: "/x.php", PathInfo: info, Root: "/srv"})
		if got := env.Get("PATH_TRANSLATED"); got != want || env.Get("PATH_INFO") != info {
			t.Errorf("%s: %q, want %q", info, got, want)
		}
	}
}
