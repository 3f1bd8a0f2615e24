package dev

import (
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

func TestParseTask(t *testing.T) {
	for _, row := range []struct {
		text, err string
		want      Task
	}{
		{"clean=10m rm -r tmp", "", Task{"clean", "rm -r tmp", Schedule{Every: 10 * time.Minute}}},
		{"mail= 03:30  ./mail --all=yes", "", Task{"mail", "./mail --all=yes", Schedule{At: 3*time.Hour + 30*time.Minute}}},
		{"x=00:00 y", "", Task{"x", "y", Schedule{}}},
		{"x=10m", "give it as", Task{}},
		{"=10m y", "give it as", Task{}},
		{"x", "give it as", Task{}},
		{"x=soon y", "soon is neither", Task{}},
		{"x=25:00 y", "25:00 is neither", Task{}},
		{"x=10ms y", "once in 1s", Task{}},
		{"x=-1h y", "once in 1s", Task{}},
	} {
		got, err := ParseTask(row.text)
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%q: %v", row.text, err)
			}
			continue
		}
		if err != nil || got != row.want {
			t.Errorf("%q: %v, %v", row.text, got, err)
		}
	}
}

func TestScheduleNext(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse("2 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, row := range []struct {
		c               Schedule
		last, now, want string
	}{
		{Schedule{Every: time.Minute}, "1 10:00:00", "1 10:00:00", "1 10:01:00"},
		{Schedule{Every: time.Minute}, "1 10:00:00", "1 10:00:59", "1 10:01:00"},
		{Schedule{Every: time.Minute}, "1 10:00:00", "1 10:02:30", "1 10:03:00"}, // it took long
		{Schedule{Every: time.Minute}, "1 10:00:00", "1 09:00:00", "1 10:01:00"}, // a clock that was put back
		{Schedule{At: 3 * time.Hour}, "1 01:00:00", "1 02:00:00", "1 03:00:00"},
		{Schedule{At: 3 * time.Hour}, "1 03:00:00", "1 03:00:00", "2 03:00:00"},
		{Schedule{}, "1 03:00:00", "1 23:59:59", "2 00:00:00"},
	} {
		if got := row.c.next(day(row.last), day(row.now)); !got.Equal(day(row.want)) {
			t.Errorf("%v after %s at %s: %v", row.c, row.last, row.now, got)
		}
	}
}

// TestTask: it is run at its times, told of, and ended with the rest.
func TestTask(t *testing.T) {
	r := loop(t)
	told := make(chan Event, 64)
	s := &Supervisor{loop: r, target: &fake{dir: t.TempDir()}, base: t.TempDir(), commands: map[string]*command{}, opts: Options{Tasks: []Task{
		{"good", "echo done", Schedule{Every: time.Hour}}, {"bad", "echo oh >&2; exit 3", Schedule{Every: time.Hour}}, {"long", "echo up; sleep 60", Schedule{Every: time.Hour}}}}}
	on(t, r, func() {
		s.begin()
		s.Listen(func(e Event) { told <- e })
		s.startTasks()
	})
	now := func(i int) {
		on(t, r, func() {
			s.tasks[i].at.Cancel() // its time has come
			s.tasks[i].start()
		})
	}
	command := func(e Event) bool { return e.Kind == EventCommand }
	for i, want := range [][]string{{"output good: done", "command good: exit status 0"}, {"output bad: oh", "command bad: exit status 3"}} {
		now(i)
		if texts := until(t, told, command); !slices.Equal(texts, want) {
			t.Errorf("%q, want %q", texts, want)
		}
		on(t, r, func() {
			if !s.tasks[i].at.Active() {
				t.Error("it is not run again")
			}
		})
	}
	now(2)
	until(t, told, func(e Event) bool { return e.Text == "up" })
	on(t, r, func() {
		if s.tasks[2].at.Active() {
			t.Error("two of it would run at once")
		}
	})
	done := make(chan struct{})
	on(t, r, func() {
		s.closing = true
		reactor.All(s.endings()...).Then(func([]struct{}) { close(done) }, nil)
	})
	wait(t, done, "the end")
}
