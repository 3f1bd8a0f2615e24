package reactor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// framer is any of the receivers, made to write what it is told to events.
type framer struct {
	reactor.Protocol
	events []string
}

func (f *framer) note(format string, args ...any) {
	f.events = append(f.events, fmt.Sprintf(format, args...))
}

func newLines(maxLength int, delimiter string) *framer {
	f := &framer{}
	l := &reactor.LineReceiver{MaxLength: maxLength, Delimiter: delimiter}
	l.OnTooLong = func() { f.note("too long") }
	l.OnLine = func(line []byte) {
		f.note("line %q", line)
		if string(line) == "raw" {
			l.SetRawMode()
		}
	}
	l.OnRaw = func(data []byte) { // until a !
		raw, rest, end := strings.Cut(string(data), "!")
		for _, c := range []byte(raw) {
			f.note("raw %q", c) // one by one: raw data comes cut anyhow
		}
		if end {
			l.SetLineMode([]byte(rest))
		}
	}
	f.Protocol = l
	return f
}

// newStrings makes a receiver whose Strings are given by s.
func newStrings(p reactor.Protocol, s *reactor.Strings, maxLength int) *framer {
	f := &framer{Protocol: p}
	s.MaxLength = maxLength
	s.OnString = func(data []byte) { f.note("string %q", data) }
	s.OnBad = func(err error) { f.note("bad %v", err) }
	return f
}

// framers makes one of each kind, by name.
var framers = map[string]func() *framer{
	"line":       func() *framer { return newLines(8, "") },
	"line abab":  func() *framer { return newLines(8, "abab") },
	"line 1":     func() *framer { return newLines(8, "\n") },
	"netstring":  func() *framer { r := &reactor.NetstringReceiver{}; return newStrings(r, &r.Strings, 20) },
	"int8":       func() *framer { r := &reactor.Int8StringReceiver{}; return newStrings(r, &r.Strings, 20) },
	"int16":      func() *framer { r := &reactor.Int16StringReceiver{}; return newStrings(r, &r.Strings, 20) },
	"int32":      func() *framer { r := &reactor.Int32StringReceiver{}; return newStrings(r, &r.Strings, 20) },
	"int8 bound": func() *framer { r := &reactor.Int8StringReceiver{}; return newStrings(r, &r.Strings, -1) },
}

// events feeds pieces to a new framer and tells what came of them.
func events(kind string, pieces ...string) []string {
	f := framers[kind]()
	tr := reactortest.Connect(f)
	for _, piece := range pieces {
		if piece != "" {
			tr.DeliverString(piece)
		}
	}
	return f.events
}

func TestFrames(t *testing.T) {
	for _, row := range []struct{ kind, in, want string }{
		{"line", "a\r\nbc\r\n\r\n", `line "a"; line "bc"; line ""`},
		{"line", "a\nb\rc\r\n", `line "a\nb\rc"`},
		{"line", "12345678\r\n", `line "12345678"`},
		{"line", "123456789\r\nx\r\n", `too long; line "x"`},
		{"line", "12345678\r", ``},
		{"line", "12345678\rx", `too long`},
		{"line", "12345678901234567890\r\r\n\r\nx\r\n", `too long; line ""; line "x"`},
		{"line", "raw\r\nxy", `line "raw"; raw 'x'; raw 'y'`},
		{"line", "raw\r\nx!a\r\nraw\r\n!b\r\n", `line "raw"; raw 'x'; line "a"; line "raw"; line "b"`},
		{"line", "raw\r\n\r\n!raw\r\n\r\n", `line "raw"; raw '\r'; raw '\n'; line "raw"; raw '\r'; raw '\n'`},
		{"line abab", "xabababyababz", `line "x"; line "aby"`},
		{"line abab", "12345678abab", `line "12345678"`},
		{"line abab", "12345678abx", ``},
		{"line abab", "12345678abxy", `too long`},
		{"line 1", "a\r\nb\n", `line "a\r"; line "b"`},
		{"netstring", "5:hello,0:,1:,,", `string "hello"; string ""; string ","`},
		{"netstring", "20:12345678901234567890,", `string "12345678901234567890"`},
		{"netstring", "21:123456789012345678901,", `bad reactor: the frame is longer than allowed`},
		{"netstring", "21", `bad reactor: the frame is longer than allowed`},
		{"netstring", "99999999999999999999999999", `bad reactor: the frame is longer than allowed`},
		{"netstring", "3:abcd,1:x,", `bad reactor: the frame is malformed`},
		{"netstring", "1:x,:", `string "x"; bad reactor: the frame is malformed`},
		{"netstring", "01:x,", `bad reactor: the frame is malformed`},
		{"netstring", "-1:x,", `bad reactor: the frame is malformed`},
		{"netstring", "+1:x,", `bad reactor: the frame is malformed`},
		{"netstring", " 1:x,", `bad reactor: the frame is malformed`},
		{"netstring", "1 :x,", `bad reactor: the frame is malformed`},
		{"netstring", "3:ab", ``},
		{"int8", "\x01a\x00\x02bc\x03d", `string "a"; string ""; string "bc"`},
		{"int8", "\x14" + strings.Repeat("x", 20), `string "xxxxxxxxxxxxxxxxxxxx"`},
		{"int8", "\x15" + strings.Repeat("x", 21), `bad reactor: the frame is longer than allowed`},
		{"int8 bound", "\xff" + strings.Repeat("x", 255), `string "` + strings.Repeat("x", 255) + `"`},
		{"int16", "\x00\x01a\x00\x00\x00", `string "a"; string ""`},
		{"int16", "\x01\x00", `bad reactor: the frame is longer than allowed`},
		{"int32", "\x00\x00\x00\x03abc\x00\x00\x00\x00\x00", `string "abc"; string ""`},
		{"int32", "\xff\xff\xff\xff", `bad reactor: the frame is longer than allowed`},
		{"int32", "\x00\x00\x00\x15", `bad reactor: the frame is longer than allowed`},
	} {
		for name, pieces := range map[string][]string{
			"whole": {row.in}, "byte by byte": strings.Split(row.in, ""), "halves": {row.in[:len(row.in)/2], row.in[len(row.in)/2:]},
		} {
			if got := strings.Join(events(row.kind, pieces...), "; "); got != row.want {
				t.Errorf("%s: %q %s:\n got %s\nwant %s", row.kind, row.in, name, got, row.want)
			}
		}
	}
}

// splitLaw holds for every input: however it is cut, the same comes of it.
func splitLaw(f *testing.F, kinds ...string) {
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		s, n := string(in), int(at)%(len(in)+1)
		for _, kind := range kinds {
			whole := events(kind, s)
			if cut := events(kind, s[:n], s[n:]); !slices.Equal(whole, cut) {
				t.Errorf("%s: %q cut at %d:\n got %q\nwant %q", kind, s, n, cut, whole)
			}
			bytes := make([]string, len(s))
			for i := range bytes {
				bytes[i] = s[i : i+1]
			}
			if cut := events(kind, bytes...); !slices.Equal(whole, cut) {
				t.Errorf("%s: %q byte by byte:\n got %q\nwant %q", kind, s, cut, whole)
			}
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\n\r\nraw\r\nxy!b\r\n123456789\r\nc"), uint16(3))
	f.Add([]byte("12345678\r\n12345678\r\r\n\n"), uint16(9))
	f.Add([]byte("xabababyabab12345678aabab"), uint16(4))
	splitLaw(f, "line", "line abab", "line 1")
}

func FuzzNetstrings(f *testing.F) {
	f.Add([]byte("5:hello,0:,12:hello, world,x"), uint16(3))
	f.Add([]byte("21:"), uint16(1))
	splitLaw(f, "netstring")
}

func FuzzIntStrings(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03abc\x00\x00\x00\x01"), uint16(3))
	f.Add([]byte("\x05hello\x15"), uint16(1))
	splitLaw(f, "int8", "int16", "int32", "int8 bound")
}

func TestFrameDefaults(t *testing.T) {
	line := strings.Repeat("x", reactor.DefaultMaxLineLength)
	n := 0
	l := &reactor.LineReceiver{OnLine: func(line []byte) { n = len(line) }}
	tr := reactortest.Connect(l)
	tr.DeliverString(line + "\r\n")
	if n != len(line) || tr.Closed() {
		t.Errorf("a line of %d bytes: got %d, closed %v", len(line), n, tr.Closed())
	}
	tr.DeliverString(line + "x\r\n")
	if !tr.Closed() {
		t.Error("a line beyond the limit does not close")
	}

	data := strings.Repeat("x", reactor.DefaultMaxStringLength)
	s := &reactor.NetstringReceiver{}
	s.OnString = func(data []byte) { n = len(data) }
	tr = reactortest.Connect(s)
	tr.DeliverString(fmt.Sprintf("%d:%s,", len(data), data))
	if n != len(data) || tr.Closed() {
		t.Errorf("a string of %d bytes: got %d, closed %v", len(data), n, tr.Closed())
	}
	tr.DeliverString(fmt.Sprint(len(data) + 1))
	if !tr.Closed() {
		t.Error("a string beyond the limit does not close")
	}
}

func TestFramesWithoutFunctionsAreDropped(t *testing.T) {
	l := &reactor.LineReceiver{}
	tr := reactortest.Connect(l)
	tr.DeliverString("a\r\nb\r\n")
	l.SetRawMode()
	tr.DeliverString("x")
	r := &reactor.Int8StringReceiver{}
	tr2 := reactortest.Connect(r)
	tr2.DeliverString("\x01a")
	if tr.Closed() || tr2.Closed() {
		t.Error("closed")
	}
}

func TestFramesSent(t *testing.T) {
	l := &reactor.LineReceiver{}
	tr := reactortest.Connect(l)
	l.SendLine([]byte("a"))
	l.Delimiter = "\n"
	l.SendLine(nil)
	if got := string(tr.Take()); got != "a\r\n\n" {
		t.Errorf("lines %q", got)
	}
	var b8 reactor.Int8StringReceiver
	var b16 reactor.Int16StringReceiver
	var b32 reactor.Int32StringReceiver
	var net reactor.NetstringReceiver
	type sender interface {
		reactor.Protocol
		SendString([]byte) error
	}
	for _, row := range []struct {
		s    sender
		n    int
		head string
		tail string
	}{
		{&b8, 255, "\xff", ""}, {&b8, 256, "", ""}, {&b8, 0, "\x00", ""},
		{&b16, 65535, "\xff\xff", ""}, {&b16, 65536, "", ""}, {&b16, 1, "\x00\x01", ""},
		{&b32, 65536, "\x00\x01\x00\x00", ""},
		{&net, 12, "12:", ","}, {&net, 0, "0:", ","},
	} {
		tr := reactortest.Connect(row.s)
		data := strings.Repeat("x", row.n)
		err := row.s.SendString([]byte(data))
		want := row.head + data + row.tail
		if row.head == "" {
			want = ""
		}
		if got := string(tr.Take()); got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, reactor.ErrFrameTooLong) {
			t.Errorf("%T of %d bytes: wrote %d, %v", row.s, row.n, len(got), err)
		}
	}
}

// lines makes a LineReceiver that notes its lines and then calls do.
func lines(do func(l *reactor.LineReceiver, line string)) (*reactor.LineReceiver, *[]string) {
	l, got := &reactor.LineReceiver{}, &[]string{}
	l.OnLine = func(line []byte) {
		*got = append(*got, string(line))
		do(l, string(line))
	}
	return l, got
}

func wantLines(t *testing.T, got *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*got, want) {
		t.Errorf("got %q, want %q", *got, want)
	}
}

func TestFramingPauses(t *testing.T) {
	l, got := lines(func(l *reactor.LineReceiver, line string) {
		if line != "c" {
			l.PauseReading()
		}
	})
	tr := reactortest.Connect(l)
	tr.DeliverString("a\r\nb\r\nc\r\nd\r\ne")
	wantLines(t, got, "a")
	tr.DeliverString("f\r\n")
	wantLines(t, got, "a")
	l.ResumeReading()
	wantLines(t, got, "a") // never from inside the call
	tr.Loop().(*reactortest.Loop).Run()
	wantLines(t, got, "a", "b")
	l.ResumeReading()
	l.ResumeReading()
	tr.Loop().(*reactortest.Loop).Run()
	wantLines(t, got, "a", "b", "c", "d")
	l.ResumeReading()
	tr.Loop().(*reactortest.Loop).Run()
	wantLines(t, got, "a", "b", "c", "d", "ef")
}

func TestFramingPauseAndResumeInOneCallback(t *testing.T) {
	l, got := lines(func(l *reactor.LineReceiver, line string) { l.PauseReading(); l.ResumeReading() })
	reactortest.Connect(l).DeliverString("a\r\nb\r\n")
	wantLines(t, got, "a", "b")
}

func TestFramingEndsAtOnce(t *testing.T) {
	for name, end := range map[string]func(l *reactor.LineReceiver){
		"lose":  func(l *reactor.LineReceiver) { l.SendLine([]byte("bye")); l.LoseConnection() },
		"abort": func(l *reactor.LineReceiver) { l.AbortConnection() },
	} {
		l, got := lines(func(l *reactor.LineReceiver, line string) { end(l) })
		tr := reactortest.Connect(l)
		tr.DeliverString("a\r\nb\r\n")
		wantLines(t, got, "a")
		if !tr.Closed() {
			t.Errorf("%s: not closed", name)
		}
		if out := string(tr.Take()); name == "lose" && out != "bye\r\n" {
			t.Errorf("wrote %q", out)
		}
	}
}

func TestFramingResumedAfterLoss(t *testing.T) {
	l, got := lines(func(l *reactor.LineReceiver, line string) { l.PauseReading() })
	tr := reactortest.Connect(l)
	tr.DeliverString("a\r\nb\r\n")
	l.ResumeReading()
	l.ConnectionLost(reactor.ErrDone)
	l.ResumeReading()
	tr.Loop().(*reactortest.Loop).Run()
	wantLines(t, got, "a")
}

// sink is a Protocol that keeps what it is given.
type sink struct {
	reactor.Transport
	data string
}

func (s *sink) ConnectionMade(t reactor.Transport) { s.Transport = t }
func (s *sink) DataReceived(data []byte)           { s.data += string(data) }
func (s *sink) ConnectionLost(error)               {}

func TestFramingSwitch(t *testing.T) {
	for _, in := range [][]string{{"a\r\nb\r\nc"}, {"a\r\nb", "\r\nc"}, {"a\r\n", "b\r\nc"}} {
		s := &sink{}
		l, got := lines(func(l *reactor.LineReceiver, line string) { l.Switch(s, []byte("first ")) })
		tr := reactortest.Connect(l)
		for _, piece := range in {
			tr.DeliverString(piece)
		}
		wantLines(t, got, "a")
		if s.data != "first b\r\nc" {
			t.Errorf("%q: the new protocol got %q", in, s.data)
		}
	}
}

func TestFramingModeChangedFromOutside(t *testing.T) {
	l, got := lines(func(l *reactor.LineReceiver, line string) {})
	raw := ""
	l.OnRaw = func(data []byte) { raw += string(data) }
	tr := reactortest.Connect(l)
	l.SetRawMode()
	tr.DeliverString("xyz")
	l.SetLineMode([]byte("a\r\nb"))
	wantLines(t, got)
	tr.DeliverString("c\r\n")
	wantLines(t, got, "a", "bc")
	if raw != "xyz" {
		t.Errorf("raw %q", raw)
	}
}

func TestDribbledLineIsLinear(t *testing.T) {
	l, got := lines(func(*reactor.LineReceiver, string) {})
	l.MaxLength = -1
	l.ConnectionMade(nil)
	piece := []byte("x")
	for range 1 << 18 { // quadratic, this takes minutes
		l.DataReceived(piece)
	}
	l.DataReceived([]byte("\r\n"))
	if len(*got) != 1 || len((*got)[0]) != 1<<18 {
		t.Errorf("got %d lines", len(*got))
	}
}

func TestFramingIsAllocationFree(t *testing.T) {
	n := 0
	l := &reactor.LineReceiver{OnLine: func([]byte) { n++ }}
	l.ConnectionMade(nil)
	data := []byte("GET\r\nset a b\r\n\r\n")
	l.DataReceived(data)
	if a := testing.AllocsPerRun(100, func() { l.DataReceived(data) }); a > 0 {
		t.Errorf("%v allocations for lines that are whole", a)
	}
	if n < 300 {
		t.Errorf("%d lines", n)
	}
}

func ExampleLineReceiver() {
	upper := &reactor.LineReceiver{}
	upper.OnLine = func(line []byte) {
		upper.SendLine([]byte(strings.ToUpper(string(line))))
	}
	peer := reactortest.Connect(upper)
	peer.DeliverString("hello\r\nwor")
	peer.DeliverString("ld\r\n")
	fmt.Printf("%q", peer.Take())
	// Output: "HELLO\r\nWORLD\r\n"
}
