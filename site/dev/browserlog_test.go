package dev

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"spindle/protocol"
)

func TestComplaintLines(t *testing.T) {
	for _, row := range []struct {
		text, stack string
		want        []string
	}{
		{"TypeError: a is null\nor so", "TypeError: a is null\n    at f (/a.js:1:2)\n    at /:3:4", []string{"TypeError: a is null or so", "    at f (/a.js:1:2)", "    at /:3:4"}},
		{"Error: x", "f@/a.js:1:2\n@/:3:4\nsomebody@example.org\n", []string{"Error: x", "    at f@/a.js:1:2", "    at @/:3:4"}},
		{"x", "", []string{"x"}},
		{"x", strings.Repeat("at f (/a.js:1:2)\n", 50), append([]string{"x"}, slices.Repeat([]string{"    at f (/a.js:1:2)"}, mostPlaces)...)},
	} {
		if got := complaintLines(row.text, row.stack); !slices.Equal(got, row.want) {
			t.Errorf("%q: %q, want %q", row.text, got, row.want)
		}
	}
}

// TestComplaint: what a page of ours says is told, and of nobody else.
func TestComplaint(t *testing.T) {
	m := supervised(t)
	const body = `{"text":"Error: x","stack":"at f (/a.js:1:2)","page":"/p?q"}`
	for _, row := range []struct {
		token, body string
		site        string
		status      int
	}{
		{m.s.front.inPages, body, "same-origin", 204},
		{"guessed", body, "same-origin", 403},
		{m.s.front.inPages, body, "cross-site", 403},
		{m.s.front.inPages, "x", "same-origin", 422},
		{m.s.front.inPages, "{}", "same-origin", 422},
		{m.s.front.inPages, `{"text":"` + strings.Repeat("x", mostComplaint) + `"}`, "same-origin", 422},
	} {
		m.told = nil
		x := m.Start("POST", Prefix+"browser", protocol.Fields{{Name: "Host", Value: "localhost:8080"}, {Name: "X-Spindle-Token", Value: row.token},
			{Name: "Sec-Fetch-Site", Value: row.site}}, []byte(row.body))
		x.Wait()
		var lines []string
		for _, e := range m.told {
			if e.Name == browserName {
				lines = append(lines, e.Kind+" "+e.Text)
			}
		}
		var want []string
		if row.status == 204 {
			want = []string{"output Error: x  on /p?q", "output     at f (/a.js:1:2)"}
		}
		if x.Status != row.status || !slices.Equal(lines, want) {
			t.Errorf("%.20q %s: %d, %q", row.body, row.site, x.Status, lines)
		}
	}
}

// TestPageLines: pages on this machine have the lines of the program where that is asked for;
// those elsewhere never.
func TestPageLines(t *testing.T) {
	for _, row := range []struct {
		asked bool
		proxy string
		want  []string
	}{{true, "", []string{"program: hello", "css: made"}}, {false, "", nil}, {true, "192.0.2.7", nil}} {
		m := supervised(t)
		m.s.opts.Console = row.asked
		fields := []string{}
		if row.proxy != "" {
			fields = []string{"X-Forwarded-For", row.proxy}
		}
		x := m.ask("GET", Prefix+"events", fields...)
		m.turn()
		m.s.tell(Event{Kind: EventOutput, PID: 3, Text: "\x1b[31mhello\x1b[0m"})
		m.s.tell(Event{Kind: EventOutput, Name: browserName, Text: "what it has said itself"})
		m.s.tell(Event{Kind: EventOutput, Name: "css", Text: "made"})
		m.Loop.Advance(linesTogether)
		var got []string
		for event := range strings.SplitSeq(string(x.Body), "\n\n") {
			_, data, is := strings.Cut(event, "event: lines\ndata: ")
			if !is {
				continue
			}
			var of struct{ Lines []pageLine }
			if err := json.Unmarshal([]byte(data), &of); err != nil {
				t.Fatal(err, event)
			}
			for _, l := range of.Lines {
				got = append(got, l.Name+": "+l.Text)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%v %q: %q, want %q in %q", row.asked, row.proxy, got, row.want, x.Body)
		}
	}
}
