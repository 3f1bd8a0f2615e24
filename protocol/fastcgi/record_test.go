package fastcgi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"spindle/protocol/cgi"
)

// decode is what a Decoder makes of pieces: each record with its content joined.
func decode(pieces ...[]byte) string {
	var d Decoder
	var b strings.Builder
	var content []byte
	for _, in := range pieces {
		for len(in) > 0 {
			n, p, ok, err := d.Read(in)
			if err != nil {
				return b.String() + "error"
			}
			if n < 1 || n > len(in) {
				return "a bad length"
			}
			in = in[n:]
			if !ok {
				continue
			}
			if content = append(content, p.Data...); p.Last {
				fmt.Fprintf(&b, "%d/%d %q %d\n", p.Type, p.ID, content, p.Len)
				content = nil
			}
		}
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	in := AppendBegin(nil, 1, Responder, true)
	in = AppendRecord(in, Stdin, 1, []byte("abc"))
	in = AppendHeader(in, Stdin, 1, 0)
	in = append(in, 1, byte(Stdout), 0, 9, 0, 2, 3, 0, 'x', 'y', 'p', 'a', 'd') // with padding
	in = append(in, 1, byte(Stderr), 0, 9, 0, 0, 2, 0, 'p', 'd')
	in = AppendEnd(in, 258, 0x01020304, Overloaded)
	want := "1/1 \"\\x00\\x01\\x01\\x00\\x00\\x00\\x00\\x00\" 8\n" + "5/1 \"abc\" 3\n5/1 \"\" 0\n6/9 \"xy\" 2\n7/9 \"\" 0\n" +
		"3/258 \"\\x01\\x02\\x03\\x04\\x02\\x00\\x00\\x00\" 8\n"
	if got := decode(in); got != want {
		t.Errorf("got %s want %s", got, want)
	}
	for i := range in {
		if got := decode(in[:i], in[i:]); got != want {
			t.Errorf("cut at %d: %s", i, got)
		}
	}
	if got := decode([]byte("HTTP/1.1")); got != "error" {
		t.Errorf("another protocol: %s", got)
	}
	if app, s, ok := ParseEnd([]byte{1, 2, 3, 4, 2, 0, 0, 0}); app != 0x01020304 || s != Overloaded || !ok {
		t.Error("ParseEnd")
	}
	if _, _, ok := ParseEnd([]byte{1, 2, 3}); ok {
		t.Error("a short EndRequest")
	}
	if r, keep, ok := ParseBegin([]byte{0, 2, 1, 0, 0, 0, 0, 0}); r != Authorizer || !keep || !ok {
		t.Error("ParseBegin")
	}
}

func TestLongContent(t *testing.T) {
	content := bytes.Repeat([]byte("x"), MaxContent+1)
	want := fmt.Sprintf("6/1 %q %d\n6/1 \"x\" 1\n", content[1:], MaxContent)
	if got := decode(AppendRecord(nil, Stdout, 1, content)); got != want {
		t.Errorf("%.50s", got)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(AppendEnd(AppendRecord(AppendBegin(nil, 1, Responder, true), Stdin, 1, []byte("abc")), 1, 0, 0), uint16(11))
	f.Add([]byte{1, 6, 0, 9, 0, 2, 3, 0, 'x', 'y', 'p', 'a', 'd', 1}, uint16(9))
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		n := int(at) % (len(in) + 1)
		whole := decode(in)
		if cut := decode(in[:n], in[n:]); whole != cut {
			t.Errorf("cut at %d: got %s want %s", n, cut, whole)
		}
	})
}

func TestPairs(t *testing.T) {
	var env cgi.Env
	env.Add("A", "1")
	env.Add("EMPTY", "")
	env.Add("LONG", strings.Repeat("v", 300))
	env.Add(strings.Repeat("N", 200), "x")
	in := AppendParams(nil, 7, &env)
	records := strings.Split(decode(in), "\n")
	if len(records) != 3 || records[1] != `4/7 "" 0` {
		t.Fatalf("%q", records)
	}
	var got cgi.Env
	if err := ParsePairs(&got, in[HeaderLen:len(in)-HeaderLen]); err != nil || strings.Join(got.Strings(), ";") != strings.Join(env.Strings(), ";") {
		t.Errorf("%v %q", err, got.Strings())
	}
	for range 300 {
		env.Add("MANY", strings.Repeat("v", 300))
	}
	if records := strings.Split(decode(AppendParams(nil, 7, &env)), "\n"); len(records) != 4 {
		t.Errorf("%d records", len(records)-1)
	}
	for _, bad := range []string{"\x01", "\x01\x01a", "\x80\x00\x00", "\xff\xff\xff\xff\x01a", "\x00\xff\xff\xff\xffa"} {
		if err := ParsePairs(new(cgi.Env), []byte(bad)); err != ErrPairs {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add(AppendPair(AppendPair(nil, "A", "b"), strings.Repeat("x", 200), ""))
	f.Fuzz(func(t *testing.T, in []byte) {
		var env cgi.Env
		if ParsePairs(&env, in) != nil || env.Bad() != "" {
			return
		}
		var out []byte
		for name, value := range env.All() {
			out = AppendPair(out, name, value)
		}
		var again cgi.Env
		if err := ParsePairs(&again, out); err != nil || strings.Join(again.Strings(), ";") != strings.Join(env.Strings(), ";") {
			t.Errorf("%v: %q, then %q", err, env.Strings(), again.Strings())
		}
	})
}
