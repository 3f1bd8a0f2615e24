package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// server is the other side.
type server struct {
	*testing.T
	c  net.Conn
	in *bufio.Scanner
}

// connect has a probe of the test's own connected.
func connect(t *testing.T) *server {
	t.Helper()
	was, path := the, filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	the, socket = newProbe(), path
	Start("test")
	Start("test again")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t, c, bufio.NewScanner(c)}
	s.in.Buffer(nil, 8<<20)
	t.Cleanup(func() {
		_ = c.Close()
		_ = l.Close()
		the, socket = was, ""
	})
	return s
}

func (s *server) say(format string, args ...any) {
	s.Helper()
	if _, err := fmt.Fprintf(s.c, format+"\n", args...); err != nil {
		s.Fatal(err)
	}
}

// until reads up to a line of that kind and key.
func (s *server) until(kind, key string, v any) {
	s.Helper()
	for s.in.Scan() {
		line := strings.SplitN(s.in.Text(), " ", 3)
		if len(line) != 3 {
			s.Fatalf("the line %q", s.in.Text())
		}
		if line[0] == kind && line[1] == key {
			if err := json.Unmarshal([]byte(line[2]), v); err != nil {
				s.Fatal(err)
			}
			return
		}
	}
	s.Fatalf("no %s %s: %v", kind, key, s.in.Err())
}

func TestConversation(t *testing.T) {
	s := connect(t)
	var h Hello
	if s.until("hello", "-", &h); h.Kind != "test" || h.PID == 0 || !strings.HasPrefix(h.Go, "go") {
		t.Errorf("%+v", h)
	}
	s.say("welcome - secret")
	Handle("echo", func(arg string) (any, error) { return "<" + arg + Key(), nil })
	Handle("no", func(string) (any, error) { return nil, errors.New("not now") })
	Handle("bad", func(string) (any, error) { panic("no") })
	for i, row := range []struct{ ask, want, err string }{
		{"echo a b", "<a bsecret", ""}, {"no", "", "not now"}, {"bad", "", "the question made the program panic"}, {"what", "", "the program does not know of what"},
	} {
		s.say("ask %d %s", i, row.ask)
		var a struct{ Value, Error string }
		if s.until("answer", fmt.Sprint(i), &a); a.Value != row.want || a.Error != row.err {
			t.Errorf("%s: %+v", row.ask, a)
		}
	}
	Tell("span", "17", map[string]int{"a": 1})
	var span map[string]int
	if s.until("span", "17", &span); span["a"] != 1 {
		t.Errorf("%v", span)
	}
}

func TestGoroutines(t *testing.T) {
	s := connect(t)
	s.say("ask 1 goroutines")
	var a struct{ Value string }
	if s.until("answer", "1", &a); !strings.Contains(a.Value, "probe.TestGoroutines") || !strings.HasPrefix(a.Value, "goroutine ") {
		t.Errorf("%.300s", a.Value)
	}
}

func TestFigures(t *testing.T) {
	s := connect(t)
	told := make(chan bool, 2)
	OnWatch(func(on bool) { told <- on })
	Figures("x", func() any { return 7 })
	Figures("none", func() any { return nil })
	s.say("watch - on")
	var all map[string]json.RawMessage
	s.until("figures", "-", &all)
	var p Process
	if err := json.Unmarshal(all["process"], &p); err != nil || string(all["x"]) != "7" || all["none"] != nil {
		t.Fatalf("%s, %v", all, err)
	}
	if p.Goroutines < 2 || p.Heap < 1<<10 || p.Runtime < p.Heap || p.Objects < 1 || p.Threads < 1 {
		t.Errorf("%+v", p)
	}
	s.say("watch - off")
	if !<-told || <-told {
		t.Error("who wants to know when somebody looks is not told")
	}
}

func TestNobodyIsThere(t *testing.T) {
	was := the
	the = newProbe()
	defer func() { the = was }()
	Start("test")
	Tell("x", "", 1)
	if Wanted() || Key() != "" || Watched() || the.c != nil || len(the.out) > 0 {
		t.Error("it does something all the same")
	}
}

func TestLevel(t *testing.T) {
	was := slog.Default()
	defer func() {
		LogLevel = new(Level)
		slog.SetLogLoggerLevel(slog.LevelInfo)
		slog.SetDefault(was)
	}()
	if v, err := level("DEBUG"); err != nil || v != "DEBUG" || !slog.Default().Enabled(t.Context(), slog.LevelDebug) {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := level("loud"); err == nil {
		t.Error("there is no such level")
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(t.Output(), nil)))
	if v, err := level("ERROR"); err == nil {
		t.Errorf("nothing follows, but it says %v", v)
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: LogLevel})))
	slog.Info("the level is looked at")
	if v, err := level("ERROR"); err != nil || v != "ERROR" || slog.Default().Enabled(t.Context(), slog.LevelWarn) {
		t.Errorf("%v, %v", v, err)
	}
}
