package websocket_test

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

// smallDecoders has limits that a test can reach.
func smallDecoders() *websocket.Decoders {
	return &websocket.Decoders{MaxKept: 64, MaxCollected: 512, MaxInflated: 4096}
}

// follow has a Decoder follow in, cut as split says, and gives what it has seen.
func follow(d *websocket.Decoders, extensions, in string, split reactortest.Split) string {
	var list []string
	c := d.New([]byte(extensions), true, func(s *protocol.Seen) {
		one := fmt.Sprintf("%s %q", s.What, s.Data)
		if s.Size != int64(len(s.Data)) && !(s.Compressed && s.Size == s.Wire) {
			one += fmt.Sprintf(" of %d", s.Size)
		}
		if s.Frames != 1 {
			one += fmt.Sprintf(" in %d", s.Frames)
		}
		if s.Compressed {
			one += " deflated"
		}
		if s.Code != 0 {
			one += " " + websocket.Code(s.Code).String()
		}
		if s.Note != "" {
			one += ": " + s.Note
		}
		list = append(list, one)
	})
	for p := []byte(in); len(p) > 0; {
		n := split(len(p))
		c.Follow(p[:n])
		p = p[n:]
	}
	switch {
	case c.Broken() != "":
		list = append(list, c.Broken())
	case !c.Between():
		list = append(list, "…")
	}
	return strings.Join(list, "; ")
}

func TestDecoder(t *testing.T) {
	const deflated = "permessage-deflate"
	z, each := newDeflater(true), newDeflater(false)
	long := strings.Repeat("0123456789", 100)
	for _, row := range []struct{ name, extensions, in, want string }{
		{"a text", "", frame(fin|text, "Hello"), `text "Hello"`},
		{"of a server", "", "\x81\x05Hello\x82\x00", `text "Hello"; binary ""`},
		{"fragments and a ping between them", "", frame(text, "Hé") + frame(fin|ping, "x") + frame(fin|cont, "llo"), `ping "x"; text "Héllo" in 2`},
		{"a close", "", closing(1001, "bye") + frame(fin|clos, ""), `close "bye" of 5 1001; close "" 1005`},
		{"a long one", "", frame(fin|bin, long), fmt.Sprintf(`binary %q of 1000`, long[:64])},
		{"one that is not complete", "", frame(text, "a"), `…`},
		{"compressed", deflated, frame(fin|rsv1|text, z.deflate("Hello, Hello")) + frame(fin|rsv1|text, z.deflate("Hello, Hello")),
			`text "Hello, Hello" deflated; text "Hello, Hello" deflated`},
		{"compressed each for itself", deflated + "; client_no_context_takeover", frame(fin|rsv1|text, each.deflate("Hello")) + frame(fin|rsv1|bin, each.deflate("Hello")),
			`text "Hello" deflated; binary "Hello" deflated`},
		{"compressed in fragments", deflated, fragmented(each.deflate("Hello"), 3), `text "Hello" in 3 deflated`},
		{"a compressed one that is long", deflated, frame(fin|rsv1|text, each.deflate(long)), fmt.Sprintf(`text %q of 1000 deflated`, long[:64])},
		{"a bomb", deflated, frame(fin|rsv1|text, each.deflate(strings.Repeat(long, 5))) + frame(fin|rsv1|text, each.deflate("a")) + frame(fin|text, "b"),
			`text "" deflated: compressed, and too long to be inflated here; ` +
				`text "" deflated: compressed with the context of a message that was not inflated; text "b"`},
		{"a bomb for itself", deflated + "; client_no_context_takeover", frame(fin|rsv1|text, each.deflate(strings.Repeat(long, 5))) + frame(fin|rsv1|text, each.deflate("a")),
			`text "" deflated: compressed, and too long to be inflated here; text "a" deflated`},
		{"no deflate", deflated, frame(fin|rsv1|text, "\xff\xff"), `text "" deflated: it can not be inflated`},
		{"compressed where that was not agreed", "", frame(fin|rsv1|text, "x"), `text "x": a reserved bit is set`},
		{"a continuation of nothing", "", frame(fin|cont, "x"), `binary "x": it continues nothing`},
		{"a message in a message", "", frame(text, "a") + frame(fin|text, "b"), `text "b": the message before it was not ended`},
		{"a ping that is too long", "", frame(fin|ping, long[:200]), fmt.Sprintf(`ping %q of 200: longer than a control frame may be, or in parts`, strings.Repeat("0123456789", 13)[:125])},
		{"an opcode that there is not", "", frame(fin|3, "x") + frame(fin|text, "y"), `other "x"; text "y"`},
		{"a length that can not be", "", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff" + frame(fin|text, "x"), `what passes is no frame: the highest bit of a length is set`},
	} {
		for name, split := range reactortest.Splits() {
			if got := follow(smallDecoders(), row.extensions, row.in, split); got != row.want {
				t.Errorf("%s, %s:\n%s\nwant\n%s", row.name, name, got, row.want)
			}
		}
	}
}

// fragmented is a compressed text in frames of n bytes.
func fragmented(payload string, n int) string {
	var b strings.Builder
	for first := byte(rsv1 | text); ; first = cont {
		if len(payload) <= n {
			return b.String() + frame(fin|first, payload)
		}
		b.WriteString(frame(first, payload[:n]))
		payload = payload[n:]
	}
}

func TestClientFrame(t *testing.T) {
	for _, n := range []int{0, 5, 125, 126, 70000} {
		data := strings.Repeat("x", n)
		in := string(smallDecoders().AppendText([]byte("before"), []byte(data)))[6:]
		h := &recorder{}
		c := dial(t, &websocket.Settings{}, h, "")
		c.send(in)
		c.told("opened; text " + show([]byte(data)))
		c.Lose(nil)
	}
}

// What is seen does not depend on how the bytes were cut; whatever comes, nothing
// panics, and no more is kept than the limits allow.
func FuzzDecoder(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), uint64(1), true); f.Add([]byte(in), uint64(2), false) })
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, takeover bool) {
		extensions := "permessage-deflate"
		if !takeover {
			extensions += "; client_no_context_takeover"
		}
		before := string(in)
		whole := follow(smallDecoders(), extensions, string(in), reactortest.Whole)
		for _, split := range []reactortest.Split{reactortest.ByteByByte, reactortest.Cut(seed)} {
			if cut := follow(smallDecoders(), extensions, string(in), split); cut != whole {
				t.Errorf("whole\n%s\ncut\n%s", whole, cut)
			}
		}
		if string(in) != before {
			t.Error("what passes was changed")
		}
		d := smallDecoders()
		c := d.New([]byte(extensions), true, func(s *protocol.Seen) {
			if len(s.Data) > 125 || s.Size > 4096 && len(s.Data) > 64 {
				t.Errorf("%d bytes of %d are told", len(s.Data), s.Size)
			}
		})
		c.Follow(in)
		if n := c.(*websocket.Decoder).Held(); n > 512+64+128+1<<15 {
			t.Errorf("%d bytes are held", n)
		}
	})
}
