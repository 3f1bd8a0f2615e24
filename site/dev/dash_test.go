package dev

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// newsOf is the messages that a page has been sent.
func newsOf(t *testing.T, body []byte) (list []dashNews) {
	t.Helper()
	for _, line := range strings.Split(string(body), "\n") {
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			var n dashNews
			if err := json.Unmarshal([]byte(text), &n); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			list = append(list, n)
		}
	}
	return list
}

func TestDashboardGathersNews(t *testing.T) {
	m, _ := recorded(t)
	if m.s.front.dash.timer != nil {
		t.Fatal("it is at work while nobody looks")
	}
	page := m.ask("GET", Prefix+"dash/events")
	const asked = 1000
	for i := range asked {
		m.get(fmt.Sprintf("/%d", i))
		m.Loop.Advance(time.Millisecond)
	}
	m.Loop.Advance(time.Second)
	list := newsOf(t, page.Body)
	if len(list) == 0 || len(list) > 8 {
		t.Errorf("%d messages in two seconds", len(list))
	}
	told, skipped := 0, int64(0)
	for _, n := range list {
		if len(n.Requests) > mostNews {
			t.Errorf("%d requests in a message", len(n.Requests))
		}
		told += len(n.Requests)
		skipped += n.Skipped
	}
	if told+int(skipped) != asked {
		t.Errorf("%d told, %d left out of %d", told, skipped, asked)
	}
	page.Lose(nil)
	m.Loop.Advance(time.Second)
	if m.s.front.dash.timer != nil {
		t.Error("it is at work after everybody has left")
	}
}

func TestDashboardState(t *testing.T) {
	m, _ := recorded(t)
	d := m.s.front.dash
	for i := range 2 * keptLines {
		m.s.tell(Event{Kind: EventOutput, Text: fmt.Sprintf("\x1b[31m<%d>\x1b[0m", i)})
	}
	m.s.tell(Event{Kind: EventOutput, Text: strings.Repeat("ä", mostShown)})
	for range 2 * keptSteps {
		m.s.notice("x")
	}
	var all dashNews
	if err := json.Unmarshal([]byte(m.get(Prefix+"dash/state")), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Lines) != keptLines || len(all.Builds) != keptSteps || len(all.Seconds) != trafficSeconds || all.State.Phase != "running" || all.State.Generation != 1 {
		t.Errorf("%d lines, %d steps, %d seconds, %+v", len(all.Lines), len(all.Builds), len(all.Seconds), all.State)
	}
	if got, want := all.Lines[len(all.Lines)-2].HTML, fmt.Sprintf(`<span class="a31">&lt;%d&gt;</span>`, 2*keptLines-1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := len(all.Lines[len(all.Lines)-1].HTML); n > mostShown+8 {
		t.Errorf("a line of %d bytes", n)
	}
	m.save()
	m.turn()
	if got := d.state(); got.Phase != "building" {
		t.Errorf("%+v", got)
	}
	m.f.made[len(m.f.made)-1].Errback(&Failure{Stage: "build", Title: "The build failed"})
	m.turn()
	if got := d.state(); got.Phase != "failed" || got.Failed == "" {
		t.Errorf("%+v", got)
	}
}

func TestDashboardActions(t *testing.T) {
	m, c := recorded(t)
	m.get("/")
	token := m.s.front.token
	for _, name := range []string{"dash/pause", "dash/resume", "dash/clear"} {
		if x := m.ask("POST", Prefix+name); x.Status != 403 {
			t.Errorf("%s without the token: %d", name, x.Status)
		}
		if x := m.ask("GET", Prefix+name); x.Status != 405 {
			t.Errorf("%s by GET: %d", name, x.Status)
		}
	}
	if m.ask("POST", Prefix+"dash/pause", "X-Spindle-Token", token); !m.s.Paused() {
		t.Error("it is not paused")
	}
	if m.ask("POST", Prefix+"dash/resume", "X-Spindle-Token", token); m.s.Paused() {
		t.Error("it is paused")
	}
	if m.ask("POST", Prefix+"dash/clear", "X-Spindle-Token", token); len(c.ring) != 0 {
		t.Error("it is not cleared")
	}
}

func TestDashboardPage(t *testing.T) {
	m, _ := recorded(t)
	x := m.ask("GET", Prefix)
	if policy := x.Field("Content-Security-Policy"); x.Status != 200 || !strings.Contains(policy, "default-src 'none'") || x.Field("Cache-Control") != "no-store" {
		t.Errorf("%v", x)
	}
	if body := string(x.Body); strings.Contains(body, "://") && strings.Count(body, "://") != strings.Count(body, "http://www.w3.org/2000/svg") {
		t.Error("the page takes something from elsewhere")
	}
	if x := m.ask("GET", strings.TrimSuffix(Prefix, "/")); x.Status != 308 && x.Status != 301 && x.Status != 307 && x.Status != 302 {
		t.Errorf("without its slash: %d", x.Status)
	}
	if x := m.ask("GET", Prefix, "Host", "evil.example"); x.Status != 403 {
		t.Errorf("under another name: %d", x.Status)
	}
}

func TestReadProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	if p := readProcess(os.Getpid()); p.RSS < 1<<20 || p.RSS > 1<<36 || p.Threads < 1 || p.Threads > 1e4 || p.Open < 1 {
		t.Errorf("%+v", p)
	}
	if p := readProcess(0); p.RSS != 0 || readProcess(1<<30).RSS != 0 {
		t.Error("what is not there has memory")
	}
}
