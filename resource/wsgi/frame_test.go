package wsgi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// record writes down what a decoder finds; pieces of one D frame are joined.
type record struct {
	text strings.Builder
	last byte
	fail byte // the kind of frame that is refused
}

var errRefused = errors.New("refused")

func (r *record) piece(data []byte) {
	if r.last != frameData {
		r.text.WriteString(" D:")
	}
	r.last = frameData
	r.text.Write(data)
}

func (r *record) frame(kind byte, payload []byte) error {
	r.last = kind
	fmt.Fprintf(&r.text, " %c:%s", kind, payload)
	if kind == r.fail {
		return errRefused
	}
	return nil
}

// decode feeds the pieces to a decoder.
func decode(fail byte, pieces ...[]byte) string {
	var d decoder
	r := &record{fail: fail}
	for _, p := range pieces {
		given := bytes.Clone(p)
		err := d.feed(given, r)
		for i := range given {
			given[i] = '!' // what was lent is the lender's again
		}
		if err != nil {
			return r.text.String() + " error: " + err.Error()
		}
	}
	return r.text.String()
}

func frameOf(kind byte, payload string) string {
	return string(append(appendHeader(nil, kind, len(payload)), payload...))
}

func TestDecoder(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"nothing":            {"", ""},
		"one":                {frameOf('I', ""), " I:"},
		"several":            {frameOf('H', "head") + frameOf('D', "data") + frameOf('F', ""), " H:head D:data F:"},
		"whole and idle":     {frameOf('W', "answer") + frameOf('I', ""), " W:answer I:"},
		"data joined":        {frameOf('D', "one") + frameOf('D', "") + frameOf('D', "two"), " D:onetwo"},
		"large data":         {frameOf('D', strings.Repeat("x", maxFrame+1)), " D:" + strings.Repeat("x", maxFrame+1)},
		"half":               {frameOf('W', "answer")[:8], ""},
		"half a header":      {"W\x00", ""},
		"too large":          {frameOf('W', strings.Repeat("x", maxFrame+1)), " error: wsgi: a worker sends a frame 'W' of 262145 bytes"},
		"no kind":            {"\xff\xff\xff\xff\xff garbage", ` error: wsgi: a worker sends a frame of the unknown kind 'ÿ'`},
		"refused by the end": {frameOf('I', "") + frameOf('Q', "") + frameOf('I', ""), " I: Q: error: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decode('Q', []byte(test.in)); got != test.want {
				t.Errorf("got %.200q, want %.200q", got, test.want)
			}
			if len(test.in) > 1000 {
				return
			}
			var bytewise [][]byte
			for i := range test.in {
				bytewise = append(bytewise, []byte(test.in[i:i+1]))
			}
			if got := decode('Q', bytewise...); got != test.want {
				t.Errorf("byte by byte: got %.200q, want %.200q", got, test.want)
			}
		})
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(frameOf('H', "200 OK\x00A\x00b")+frameOf('D', "data")+frameOf('F', "")+frameOf('I', "")), uint16(7), uint16(9))
	f.Add([]byte(frameOf('W', "\x00\x00\x00\x03200body")+frameOf('I', "")), uint16(1), uint16(40))
	f.Add([]byte("D\xff\xff\xff\xffrest"), uint16(3), uint16(6))
	f.Add([]byte("W\x00\x04\x00\x01"), uint16(3), uint16(6))
	f.Fuzz(func(t *testing.T, in []byte, a, b uint16) {
		i := int(a) % (len(in) + 1)
		j := i + int(b)%(len(in)-i+1)
		if whole, cut := decode('Q', in), decode('Q', in[:i], in[i:j], in[j:]); whole != cut {
			t.Errorf("cut at %d and %d:\n got %q\nwant %q", i, j, cut, whole)
		}
	})
}
