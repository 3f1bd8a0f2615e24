package dev

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"spindle/reactor"
)

// probed is a supervisor with a socket for probes, and the program's end of a line to it.
func probed(t *testing.T) (r *reactor.Reactor, s *Supervisor, program net.Conn) {
	t.Helper()
	r = loop(t)
	on(t, r, func() {
		var err error
		s = &Supervisor{loop: r, base: t.TempDir()}
		if s.probes, err = newProbes(s); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(s.probes.close)
	program, err := net.Dial("unix", s.probes.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return r, s, program
}

func TestProbe(t *testing.T) {
	r, s, c := probed(t)
	in := bufio.NewReader(c)
	welcome, err := in.ReadString('\n')
	key, ok := strings.CutPrefix(welcome, "welcome - ")
	if err != nil || !ok || len(strings.TrimSpace(key)) < 20 {
		t.Fatalf("%q, %v", welcome, err)
	}
	heard := make(chan string, 1)
	on(t, r, func() {
		s.Heard("span", func(pid int, key string, data []byte) { heard <- fmt.Sprint(pid == os.Getpid(), key, string(data)) })
	})
	fmt.Fprintf(c, "hello - {\"pid\":%d,\"kind\":\"test\"}\nwhat - 1\nnothing\nspan 17 {\"a\": 1}\n", os.Getpid())
	if got := wait(t, heard, "a message"); got != `true 17{"a": 1}` && got != `true17{"a": 1}` {
		t.Errorf("heard %s", got)
	}
	for i, row := range []struct{ answer, want, err string }{{`{"value":[1]}`, "[1]", ""}, {`{"error":"not now"}`, "", "not now"}, {`{`, "", "unexpected end of JSON input"}} {
		got := make(chan string, 1)
		on(t, r, func() {
			s.probes.of(os.Getpid()).ask("echo", "a b").Then(func(v json.RawMessage) { got <- string(v) }, func(err error) { got <- err.Error() })
		})
		if line, _ := in.ReadString('\n'); line != fmt.Sprintf("ask %d echo a b\n", i+1) {
			t.Errorf("asked %q", line)
		}
		fmt.Fprintf(c, "answer 99 {}\nanswer x {}\nanswer %d %s\n", i+1, row.answer)
		if v := wait(t, got, "an answer"); v != row.want+row.err {
			t.Errorf("%s: %s", row.answer, v)
		}
	}
	on(t, r, func() { s.probes.watch(true) })
	if line, _ := in.ReadString('\n'); line != "watch - on\n" {
		t.Errorf("%q", line)
	}
	lost := make(chan error, 1)
	on(t, r, func() {
		s.probes.of(os.Getpid()).ask("echo", "").Then(nil, func(err error) { lost <- err })
	})
	_ = c.Close()
	if err := wait(t, lost, "the loss"); err != errProbeGone {
		t.Error(err)
	}
	on(t, r, func() {
		if s.probes.of(os.Getpid()) != nil {
			t.Error("it is still there")
		}
	})
}

// What a program tells of a request is taken once, from the program that has it, and only if
// it can be shown.
func TestProbeSpan(t *testing.T) {
	m, c := recorded(t)
	p := &probes{s: m.s}
	line, other := new(probeLine), new(probeLine)
	x := &record{c: c, to: line}
	c.watched[7] = x
	for i, row := range []struct {
		from      *probeLine
		key, data string
		want      string
	}{
		{line, "7", "", ""},
		{line, "7", `{"began":`, ""},
		{line, "7", `{} {}`, ""},
		{line, "7", `"` + strings.Repeat("x", mostSpan) + `"`, ""},
		{other, "7", `{}`, ""},
		{line, "8", `{}`, ""},
		{line, "x", `{}`, ""},
		{line, "7", `{"began":1}`, `{"began":1}`},
		{line, "7", `{"began":2}`, `{"began":1}`},
	} {
		p.span(row.from, row.key, []byte(row.data))
		if string(x.inner) != row.want {
			t.Errorf("%d: %.100q", i, x.inner)
		}
	}
}

func TestReadLine(t *testing.T) {
	in := bufio.NewReaderSize(strings.NewReader("a\n\n"+strings.Repeat("b", 99)+"\n"+strings.Repeat("c", 101)+"\n"), 16)
	for _, want := range []string{"a", "", strings.Repeat("b", 99)} {
		if line, err := readLine(in, 100); err != nil || string(line) != want {
			t.Errorf("%q, %v", line, err)
		}
	}
	if _, err := readLine(in, 100); err != errLongLine {
		t.Error(err)
	}
}
