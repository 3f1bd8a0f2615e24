package wsgi

import "testing"

func TestExceptionOf(t *testing.T) {
	for _, row := range []struct {
		name, payload, trace string
		frames               int
	}{
		{"a traceback alone", "Traceback\nKeyError: 'x'\n", "Traceback\nKeyError: 'x'\n", 0},
		{"with frames", "T\x00" + `{"causes":[{"type":"KeyError","text":"'x'"}],"frames":[{"function":"app.f","file":"/a.py","line":3,"locals":[{"name":"x","type":"int","text":"1"}]}]}`, "T", 1},
		{"what is no JSON", "T\x00{", "T", 0},
		{"of another shape", "T\x00" + `{"frames":[1]}`, "T", 0},
		{"nothing", "", "", 0},
	} {
		e := exceptionOf([]byte(row.payload))
		if e.Trace != row.trace || len(e.Frames) != row.frames {
			t.Errorf("%s: %+v", row.name, e)
		}
		if row.frames > 0 && (e.Frames[0].Locals[0].Text != "1" || e.Causes[0].Type != "KeyError") {
			t.Errorf("%s: %+v", row.name, e)
		}
	}
}
