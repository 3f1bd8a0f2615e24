package site

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// plainEntry is an exchange as most are.
func plainEntry() *Entry {
	return &Entry{
		Time:     time.Date(2026, 11, 23, 22, 4, 5, 0, time.UTC),
		Duration: 2130 * time.Microsecond,
		Peer:     reactor.Addr{IP: netip.MustParseAddr("192.0.2.7"), Port: 51234},
		Method:   "GET",
		Target:   []byte("/hello?name=you"),
		Version:  protocol.HTTP11,
		Status:   200,
		Bytes:    512,
		Referer:  []byte("http://example.com/"),
		Agent:    []byte("Mozilla/5.0 (X11; Linux x86_64)"),
	}
}

// changed is plainEntry with one thing different.
func changed(change func(e *Entry)) *Entry {
	e := plainEntry()
	change(e)
	return e
}

func TestCombined(t *testing.T) {
	const start = `192.0.2.7 - - [23/Nov/2026:22:04:05 +0000] `
	const line = `"GET /hello?name=you HTTP/1.1" `
	const end = ` "http://example.com/" "Mozilla/5.0 (X11; Linux x86_64)"`
	for _, test := range []struct {
		name  string
		entry *Entry
		want  string
	}{
		{"plain", plainEntry(), start + line + "200 512" + end},
		{"nothing to tell", changed(func(e *Entry) { e.Bytes, e.Referer, e.Agent = 0, nil, nil }),
			start + line + `200 - "-" "-"`},
		{"IPv6", changed(func(e *Entry) { e.Peer.IP = netip.MustParseAddr("2001:db8::1") }),
			"2001:db8::1" + strings.TrimPrefix(start, "192.0.2.7") + line + "200 512" + end},
		{"UNIX socket", changed(func(e *Entry) { e.Peer = reactor.Addr{Path: "/run/x"} }),
			"-" + strings.TrimPrefix(start, "192.0.2.7") + line + "200 512" + end},
		{"HTTP/1.0", changed(func(e *Entry) { e.Version = protocol.HTTP10 }),
			start + `"GET /hello?name=you HTTP/1.0" 200 512` + end},
		{"HTTP/2", changed(func(e *Entry) { e.Version = protocol.HTTP2 }),
			start + `"GET /hello?name=you HTTP/2.0" 200 512` + end},
		{"quotes and backslashes", changed(func(e *Entry) { e.Agent = []byte(`a"b\c`) }),
			start + line + `200 512 "http://example.com/" "a\"b\\c"`},
		{"controls and beyond ASCII", changed(func(e *Entry) { e.Agent = []byte("\x00\x1b[31m\n\r\t\x7f\x80é") }),
			start + line + `200 512 "http://example.com/" "\x00\x1b[31m\n\r\t\x7f\x80\xc3\xa9"`},
		{"a forged line in the target", changed(func(e *Entry) { e.Target = []byte("/\" 200 1 \"-\" \"-\"\n203.0.113.1 - -") }),
			start + `"GET /\" 200 1 \"-\" \"-\"\n203.0.113.1 - - HTTP/1.1" 200 512` + end},
		{"cut within the answer", changed(func(e *Entry) { e.Aborted = true }), start + line + "200 512" + end},
		{"gone before the answer", changed(func(e *Entry) { e.Aborted, e.Status, e.Bytes = true, 0, 0 }),
			start + line + "499 -" + end},
		{"refused head", changed(func(e *Entry) { *e = *refused(e, "\x16\x03\x01 \"x\"\r\nfoo: bar\r\n") }),
			start + `"\x16\x03\x01 \"x\"" 400 - "-" "-"`},
		{"closed without an answer", changed(func(e *Entry) { *e = *refused(e, "x"); e.Status = 0 }), start + `"x" 444 - "-" "-"`},
		{"refused before a byte", changed(func(e *Entry) { *e = *refused(e, "") }), start + `"-" 400 - "-" "-"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(NewCombinedFormat()(nil, test.entry)); got != test.want+"\n" {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

// refused is e as a head that the protocol refused.
func refused(e *Entry, received string) *Entry {
	return &Entry{Time: e.Time, Peer: e.Peer, Target: []byte(received), Status: 400, Refused: "no request line"}
}

// The text of the time is made once a second, and follows the clock all the same.
func TestCombinedTimeMovesOn(t *testing.T) {
	format, e := NewCombinedFormat(), plainEntry()
	for i, want := range []string{"22:04:05", "22:04:05", "22:04:06", "22:05:05"} {
		e.Time = plainEntry().Time.Add([]time.Duration{0, 999e6, 1e9, 60e9}[i])
		if got := string(format(nil, e)); !strings.Contains(got, "[23/Nov/2026:"+want+" +0000]") {
			t.Errorf("%v after the start: %s", e.Time.Sub(plainEntry().Time), got)
		}
	}
}

func TestCombinedAllocatesNothing(t *testing.T) {
	format, e := NewCombinedFormat(), plainEntry()
	e.Peer.IP = netip.MustParseAddr("2001:db8::1")
	e.Target = []byte("/a\"b\x00")
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		e.Time = e.Time.Add(300 * time.Millisecond)
		buf = format(buf[:0], e)
	}); n != 0 {
		t.Errorf("%v allocations a line, want none", n)
	}
}

func TestShort(t *testing.T) {
	for _, test := range []struct {
		name  string
		entry *Entry
		want  string
	}{
		{"plain", plainEntry(),
			"GET    /hello?name=you                  200    512 B    2.1 ms"},
		{"long target", changed(func(e *Entry) { e.Target = []byte("/" + strings.Repeat("x", 40)) }),
			"GET    /" + strings.Repeat("x", 40) + " 200    512 B    2.1 ms"},
		{"large and slow", changed(func(e *Entry) { e.Bytes, e.Duration = 48_600_000, 12*time.Second }),
			"GET    /hello?name=you                  200    49 MB      12 s"},
		{"error", changed(func(e *Entry) { e.Status, e.ErrorID = 500, "a1b2c3" }),
			"GET    /hello?name=you                  500    512 B    2.1 ms  error a1b2c3"},
		{"client left", changed(func(e *Entry) { e.Status, e.Bytes, e.Aborted = 0, 0, true }),
			"GET    /hello?name=you                  499      0 B    2.1 ms  client left"},
		{"ended by this side", changed(func(e *Entry) { e.Aborted, e.Stopped = true, true }),
			"GET    /hello?name=you                  200    512 B    2.1 ms  ended here"},
		{"refused", refused(plainEntry(), "\x16\x03\x01\r\n"),
			`"\x16\x03\x01"                          400      0 B   0.00 ms  no request line`},
		{"escape sequence in the target", changed(func(e *Entry) { e.Target = []byte("/\x1b[2J") }),
			`GET    /\x1b[2J                         200    512 B    2.1 ms`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := string(NewShortFormat(false)(nil, test.entry))
			_, got, _ = strings.Cut(got, " ") // the time is that of the machine's zone
			if got != test.want+"\n" {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestShortTellsLocalTime(t *testing.T) {
	e := plainEntry()
	got := string(NewShortFormat(false)(nil, e))
	if want := e.Time.Local().Format("15:04:05 "); !strings.HasPrefix(got, want) {
		t.Errorf("%q does not begin with %q", got, want)
	}
}

func TestShortColours(t *testing.T) {
	for status, colour := range map[int]string{101: bold, 200: green, 304: cyan, 404: yellow, 500: red} {
		e := changed(func(e *Entry) { e.Status = status })
		got := string(NewShortFormat(true)(nil, e))
		if want := "\x1b[" + colour + "m" + string(rune('0'+status/100)); !strings.Contains(got, want) {
			t.Errorf("%d: no %q in %q", status, want, got)
		}
		if opened, closed := strings.Count(got, "\x1b["), strings.Count(got, "\x1b[0m"); opened != 2*closed {
			t.Errorf("%d: colours are left on: %q", status, got)
		}
	}
}

func TestShortAllocatesNothing(t *testing.T) {
	format, e := NewShortFormat(true), plainEntry()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() { buf = format(buf[:0], e) }); n != 0 {
		t.Errorf("%v allocations a line, want none", n)
	}
}

func TestColourTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	regular, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if ColourTerminal(regular) {
		t.Error("colours in a regular file")
	}
	if !ColourTerminal(device) {
		t.Error("no colours on a terminal")
	}
	t.Setenv("NO_COLOR", "1")
	if ColourTerminal(device) {
		t.Error("colours although NO_COLOR is set")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if ColourTerminal(device) {
		t.Error("colours on a dumb terminal")
	}
}

func TestAppendSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB",
		999_499: "999 kB", 999_500: "1.0 MB", 5e9: "5.0 GB", 7e15: "7000 TB"} {
		if got := string(appendSize(nil, n)); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestAppendDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0.00 ms", 210 * time.Microsecond: "0.21 ms", 9900 * time.Microsecond: "9.9 ms",
		34 * time.Millisecond: "34 ms", 999 * time.Millisecond: "999 ms", time.Second: "1.0 s", 90 * time.Second: "90 s"} {
		if got := string(appendDuration(nil, d)); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	format := NewJSONFormat()
	for _, test := range []struct {
		name  string
		entry *Entry
		want  map[string]any
	}{
		{"plain", plainEntry(), map[string]any{"time": "2026-11-23T22:04:05Z", "level": "INFO", "msg": "request",
			"peer": "192.0.2.7", "peer_port": 51234.0, "method": "GET", "target": "/hello?name=you", "protocol": "HTTP/1.1",
			"status": 200.0, "bytes": 512.0, "duration_ms": 2.13, "referer": "http://example.com/",
			"agent": "Mozilla/5.0 (X11; Linux x86_64)"}},
		{"error", changed(func(e *Entry) { e.Status, e.ErrorID, e.Referer, e.Agent = 503, "a1b2c3", nil, nil }),
			map[string]any{"time": "2026-11-23T22:04:05Z", "level": "ERROR", "msg": "request",
				"peer": "192.0.2.7", "peer_port": 51234.0, "method": "GET", "target": "/hello?name=you", "protocol": "HTTP/1.1",
				"status": 503.0, "bytes": 512.0, "duration_ms": 2.13, "error_id": "a1b2c3"}},
		{"client left", changed(func(e *Entry) { e.Status, e.Aborted, e.Referer, e.Agent = 0, true, nil, nil }),
			map[string]any{"time": "2026-11-23T22:04:05Z", "level": "INFO", "msg": "request",
				"peer": "192.0.2.7", "peer_port": 51234.0, "method": "GET", "target": "/hello?name=you", "protocol": "HTTP/1.1",
				"status": 499.0, "bytes": 512.0, "duration_ms": 2.13, "aborted": true}},
		{"refused", refused(plainEntry(), "x\n\"}"), map[string]any{"time": "2026-11-23T22:04:05Z", "level": "INFO",
			"msg": "request refused", "peer": "192.0.2.7", "peer_port": 51234.0, "received": "x\n\"}",
			"status": 400.0, "bytes": 0.0, "duration_ms": 0.0, "refused": "no request line"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			line := format([]byte("before\n"), test.entry)
			text, ok := strings.CutPrefix(string(line), "before\n")
			if !ok || strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
				t.Fatalf("not one line appended: %q", line)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			for key, want := range test.want {
				if got[key] != want {
					t.Errorf("%s is %v, want %v", key, got[key], want)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("got %v, want the keys of %v", got, test.want)
			}
		})
	}
}

// Whatever comes from the peer, one entry is one line of printable ASCII.
func FuzzFormats(f *testing.F) {
	f.Add("GET", "/", "-", "agent", "")
	f.Add("GE\nT", "/\"\\", "\x00", "\x1b]0;x\x07", "why")
	f.Fuzz(func(t *testing.T, method, target, referer, agent, refused string) {
		e := changed(func(e *Entry) {
			e.Method, e.Target, e.Referer, e.Agent = method, []byte(target), []byte(referer), []byte(agent)
		})
		if refused != "" {
			e.Refused = "no request line"
		}
		for name, format := range map[string]LogFormat{"combined": NewCombinedFormat(), "short": NewShortFormat(false)} {
			line := format(nil, e)
			for _, c := range line[:len(line)-1] {
				if c < 0x20 || c >= 0x7f {
					t.Fatalf("%s: byte %#x in %q", name, c, line)
				}
			}
		}
		if line := NewJSONFormat()(nil, e); !json.Valid(line) || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("not one line of JSON: %q", line)
		}
	})
}
