package dev

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
)

func TestIndentedJSON(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + "1" + strings.Repeat("]", n) }
	for _, row := range []struct {
		name, data, want string
		ok               bool
	}{
		{"object", `{"a":[1,2],"b":{}}`, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}", true},
		{"blanks", " [ 1 , [ ] ]\n", "[\n  1,\n  []\n]\n", true},
		{"brackets in a text", `["` + strings.Repeat(`[{\"\\`, 200) + `"]`, "[\n  \"" + strings.Repeat(`[{\"\\`, 200) + "\"\n]", true},
		{"a word", `true`, "true", true},
		{"at most so deep", nested(mostLevels), "", true},
		{"deeper", nested(mostLevels + 1), "", false},
		{"as deep as the parser goes", strings.Repeat("[", 9999) + strings.Repeat("1,", 500<<10) + "1" + strings.Repeat("]", 9999), "", false},
		{"not closed", strings.Repeat("[", 1<<20), "", false},
		{"wide on a deep level", strings.Repeat("[", 99) + strings.Repeat("1,", 500<<10) + "1" + strings.Repeat("]", 99), "", false},
		{"ends that begin nothing", strings.Repeat("]", 200), "", false},
		{"a text without an end", `["\`, "", false},
		{"nothing", "", "", false},
		{"a large text", `"` + strings.Repeat("x", mostContent-2) + `"`, "", true},
		{"a larger one", `"` + strings.Repeat("x", mostIndented) + `"`, "", false},
	} {
		got, ok := indentedJSON([]byte(row.data))
		if ok != row.ok || row.want != "" && got != row.want || len(got) > mostIndented {
			t.Errorf("%s: %v, %d bytes, %.200q", row.name, ok, len(got), got)
		}
		if size, known := indentedSize([]byte(row.data)); ok && (!known || size < len(strings.TrimSpace(got)) || size > len(got)) {
			t.Errorf("%s: %d bytes, not %d", row.name, size, len(got))
		}
	}
	deep := kept{data: []byte(nested(5000)), size: 10001}
	if c := deep.show(protocol.Fields{{Name: "Content-Type", Value: "application/json"}}); c.Text != string(deep.data) {
		t.Errorf("it is not shown as it is, but in %d bytes", len(c.Text))
	}
}

// A message is shown as JSON where it can be.
func TestMessageOnLines(t *testing.T) {
	m, _ := recorded(t)
	st := &stream{id: 1, x: &record{}}
	m.s.front.dash.rec.streams.list = []*stream{st}
	for i, row := range []struct{ text, want string }{
		{` {"a":1}`, "{\n  \"a\": 1\n}"}, {"7", ""}, {"[1,", ""}, {"", ""}, {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), ""},
	} {
		st.messages = append(st.messages, passed{id: int64(i + 1), data: []byte(row.text)})
		var v struct{ Text, JSON string }
		if err := json.Unmarshal([]byte(m.get(fmt.Sprintf("%sstreams/1/%d", Prefix, i+1))), &v); err != nil || v.Text != row.text || v.JSON != row.want {
			t.Errorf("%.20q: %v, %.50q, %.50q", row.text, err, v.Text, v.JSON)
		}
	}
}
