package inspect

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spindle/site/dev"
)

// reader is a dev.Recordings that says what it was asked.
type reader struct{ err error }

func (r reader) Trace(path, root string) (*dev.TraceSummary, error) {
	return &dev.TraceSummary{Span: time.Second, Requests: []dev.TraceRequest{{Number: path + " " + root}}}, r.err
}

func (r reader) Profile(cpu, before, after, delta, root string) (*dev.ProfileSummary, error) {
	name := strings.Join([]string{cpu, before, after, delta, root}, " ")
	return &dev.ProfileSummary{CPU: dev.ProfileView{Total: 7, Flame: &dev.FlameNode{TraceFrame: dev.TraceFrame{Function: name}}}}, r.err
}

// command writes a script that stands for the spindle command: it prints text, having put the
// variable into the file asked.
func command(t *testing.T, script string) (path, asked string) {
	t.Helper()
	dir := t.TempDir()
	path, asked = filepath.Join(dir, "spindle"), filepath.Join(dir, "asked")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nprintf %s \"$"+ReadVariable+"\" > "+asked+"\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, asked
}

// What one side asks, the other side reads; what that says, the first understands.
func TestRecordingsOfCommand(t *testing.T) {
	trace, _ := reader{}.Trace("/t", "/root")
	profile, _ := reader{}.Profile("c", "b", "a", "d", "/root")
	for _, row := range []struct {
		name string
		ask  func(r Recordings) (any, error)
		want any
	}{
		{"a trace", func(r Recordings) (any, error) { return r.Trace("/t", "/root") }, trace},
		{"a profile", func(r Recordings) (any, error) { return r.Profile("c", "b", "a", "d", "/root") }, profile},
	} {
		t.Run(row.name, func(t *testing.T) {
			path, asked := command(t, "exit 1")
			if _, err := row.ask(NewRecordings(path)); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("it has failed silently: %v", err)
			}
			what, err := os.ReadFile(asked)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := Read(string(what), reader{}, &out); err != nil {
				t.Fatal(err)
			}
			answer := filepath.Join(t.TempDir(), "answer")
			if err := os.WriteFile(answer, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			path, _ = command(t, "cat "+answer)
			if got, err := row.ask(NewRecordings(path)); err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestRecordingsThatFail(t *testing.T) {
	for _, row := range [][2]string{{"echo 'no such trace' >&2; exit 1", "no such trace"}, {"echo nothing", "is it of this version?"}} {
		path, _ := command(t, row[0])
		if _, err := NewRecordings(path).Trace("/t", "/"); err == nil || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("%s: %v", row[0], err)
		}
	}
	if err := Read("x", reader{}, nil); err == nil || !strings.Contains(err.Error(), ReadVariable+"=x") {
		t.Error(err)
	}
	if err := Read(`{"Trace":"/t"}`, reader{err: errors.New("cut")}, nil); err == nil || err.Error() != "cut" {
		t.Error(err)
	}
}
