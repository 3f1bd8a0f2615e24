package websocket_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

// This file is the cases of the Autobahn test suite against an echo, by its families
// and numbers, each fed whole, byte by byte and at random cuts.

// A row is what a client sends and what it gets. end is how the connection is left.
type row struct{ name, in, want, end string }

const (
	open    = ""       // it goes on
	failed  = "failed" // we have closed our half, and throw away what comes
	closed  = "closed"
	tooLong = 1 << 16 // in bytes: not byte by byte
)

func runRows(t *testing.T, rows []row) {
	for _, r := range rows {
		for cut, split := range reactortest.Splits() {
			if cut == "byte by byte" && len(r.in) > tooLong {
				continue
			}
			t.Run(r.name+"/"+cut, func(t *testing.T) {
				c := dial(t, nil, &recorder{echo: true}, "")
				c.SetSplit(split)
				c.send(r.in)
				c.want(r.want)
				c.wantEnd(r.end)
			})
		}
	}
}

func (c *client) wantEnd(end string) {
	c.t.Helper()
	got := open
	switch {
	case c.Closed():
		got = closed
	case c.WriteClosed():
		got = failed
	}
	if got != end {
		c.t.Errorf("the connection is left %q, want %q", got, end)
	}
}

const protocolError = "close 1002 "

func TestAutobahn1Framing(t *testing.T) {
	var rows []row
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		s := strings.Repeat("*", n)
		rows = append(rows, row{fmt.Sprintf("1.1.%d", i+1), frame(fin|text, s), "text " + show([]byte(s)), open},
			row{fmt.Sprintf("1.2.%d", i+1), frame(fin|bin, s), "binary " + show([]byte(s)), open})
	}
	runRows(t, rows)
	s := strings.Repeat("*", 65536)
	for op, want := range map[byte]string{text: "text ", bin: "binary "} { // 1.1.8, 1.2.8
		c := dial(t, nil, &recorder{echo: true}, "")
		c.sendIn(frame(fin|op, s), 997)
		c.want(want + show([]byte(s)))
	}
}

// sendIn sends s in pieces of n bytes.
func (c *client) sendIn(s string, n int) {
	for ; len(s) > n; s = s[n:] {
		c.send(s[:n])
	}
	c.send(s)
}

func TestAutobahn2Pings(t *testing.T) {
	long := strings.Repeat("\xfe", 125)
	many := func(one func(i int) string) string {
		var list []string
		for i := range 10 {
			list = append(list, one(i))
		}
		return strings.Join(list, "; ")
	}
	tenPings := strings.ReplaceAll(many(func(i int) string { return frame(fin|ping, fmt.Sprint("payload-", i)) }), "; ", "")
	tenPongs := many(func(i int) string { return fmt.Sprintf("pong %q", fmt.Sprint("payload-", i)) })
	runRows(t, []row{
		{"2.1", frame(fin|ping, ""), `pong ""`, open},
		{"2.2", frame(fin|ping, "Hello, world!"), `pong "Hello, world!"`, open},
		{"2.3", frame(fin|ping, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), `pong "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"`, open},
		{"2.4", frame(fin|ping, long), "pong " + show([]byte(long)), open},
		{"2.5", frame(fin|ping, long+"x"), protocolError + "control frame payload limit exceeded", failed},
		{"2.7", frame(fin|pong, ""), "", open},
		{"2.8", frame(fin|pong, "unsolicited"), "", open},
		{"2.9", frame(fin|pong, "unsolicited") + frame(fin|ping, "ping"), `pong "ping"`, open},
		{"2.10", tenPings, tenPongs, open},
	})
}

func TestAutobahn3ReservedBits(t *testing.T) {
	const reserved = protocolError + "a reserved bit is set"
	hello := frame(fin|text, "Hello")
	runRows(t, []row{
		{"3.1", frame(fin|1<<4|text, "Hello"), reserved, failed},
		{"3.2", hello + frame(fin|2<<4|text, "Hello") + frame(fin|ping, ""), `text "Hello"; ` + reserved, failed},
		{"3.3", hello + frame(fin|3<<4|text, "Hello") + frame(fin|ping, ""), `text "Hello"; ` + reserved, failed},
		{"3.4", hello + frame(fin|4<<4|text, "Hello") + frame(fin|ping, ""), `text "Hello"; ` + reserved, failed},
		{"3.5", frame(fin|5<<4|bin, "\x00\xff"), reserved, failed},
		{"3.6", frame(fin|6<<4|ping, "Hello"), reserved, failed},
		{"3.7", frame(fin|7<<4|clos, ""), reserved, failed},
	})
}

func TestAutobahn4Opcodes(t *testing.T) {
	const reserved = protocolError + "use of reserved op code"
	hello := frame(fin|text, "Hello")
	var rows []row
	for i, first := range []byte{3, 11} {
		for k := range byte(5) {
			name := fmt.Sprintf("4.%d.%d", i+1, k+1)
			rows = append(rows, row{name, frame(fin|(first+k), ""), reserved, failed},
				row{name + " payload", frame(fin|(first+k), "reserved"), reserved, failed},
				row{name + " after", hello + frame(fin|(first+k), "x") + frame(fin|ping, ""), `text "Hello"; ` + reserved, failed})
		}
	}
	runRows(t, rows)
}

func TestAutobahn5Fragmentation(t *testing.T) {
	const (
		nothing = protocolError + "unexpected continuation data frame"
		another = protocolError + "unexpected non-continuation data frame"
		notLast = protocolError + "control frame is not final"
	)
	whole := frame(fin|text, "non-continuation text")
	pinged := frame(fin|ping, "ping")
	runRows(t, []row{
		{"5.1", frame(ping, "frag1") + frame(fin|cont, "frag2"), notLast, failed},
		{"5.2", frame(pong, "frag1") + frame(fin|cont, "frag2"), notLast, failed},
		{"5.3", frame(text, "frag1") + frame(fin|cont, "frag2"), `text "frag1frag2"`, open},
		{"5.6", frame(text, "frag1") + pinged + frame(fin|cont, "frag2"), `pong "ping"; text "frag1frag2"`, open},
		{"5.9", frame(fin|cont, "x") + whole, nothing, failed},
		{"5.12", frame(cont, "x") + whole, nothing, failed},
		{"5.15", frame(text, "frag1") + frame(fin|cont, "frag2") + frame(cont, "frag3") + frame(fin|text, "frag4"),
			`text "frag1frag2"; ` + nothing, failed},
		{"5.16", frame(cont, "frag1") + frame(text, "frag2") + frame(fin|cont, "frag3"), nothing, failed},
		{"5.16 twice", strings.Repeat(frame(cont, "frag1")+frame(text, "frag2")+frame(fin|cont, "frag3"), 2), nothing, failed},
		{"5.17", frame(fin|cont, "frag1") + frame(text, "frag2") + frame(fin|cont, "frag3"), nothing, failed},
		{"5.18", frame(text, "frag1") + frame(fin|text, "frag2"), another, failed},
		{"5.19", frame(text, "frag1") + frame(cont, "frag2") + pinged + frame(cont, "frag3") + frame(cont, "frag4") + pinged +
			frame(fin|cont, "frag5"), `pong "ping"; pong "ping"; text "frag1frag2frag3frag4frag5"`, open},
		{"a whole message within", frame(bin, "a") + whole, another, failed},
		{"empty fragments", frame(bin, "") + frame(cont, "") + frame(fin|cont, ""), `binary ""`, open},
		{"two messages", frame(text, "a") + frame(fin|cont, "b") + frame(bin, "c") + frame(fin|cont, "d"), `text "ab"; binary "cd"`, open},
	})
}

// utf8Case is a string, and whether it is UTF-8.
type utf8Case struct {
	name  string
	s     string
	valid bool
}

// utf8Cases is the strings of families 6.5 to 6.23.
func utf8Cases() (list []utf8Case) {
	add := func(family string, valid bool, strs ...string) {
		for i, s := range strs {
			list = append(list, utf8Case{fmt.Sprintf("%s.%d", family, i+1), s, valid})
		}
	}
	const kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	add("6.5", true, "hello$world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world", kosme)
	for i := range len(kosme) {
		list = append(list, utf8Case{fmt.Sprintf("6.6.%d", i+1), kosme[:i+1], utf8.ValidString(kosme[:i+1])})
	}
	add("6.7", true, "\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80")
	add("6.8", false, "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80")
	add("6.9", true, "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf")
	add("6.10", false, "\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf")
	add("6.11", true, "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf")
	add("6.11 (5)", false, "\xf4\x90\x80\x80")
	add("6.12", false, "\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", bytesFrom(0x80, 0xbe, ""))
	add("6.13", false, bytesFrom(0xc0, 0xdf, " "), bytesFrom(0xe0, 0xef, " "), bytesFrom(0xf0, 0xf7, " "), bytesFrom(0xf8, 0xfb, " "), bytesFrom(0xfc, 0xfd, " "))
	cut := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	add("6.14", false, cut...)
	add("6.15", false, strings.Join(cut, ""))
	add("6.16", false, "\xfe", "\xff", "\xfe\xfe\xff\xff")
	add("6.17", false, "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf")
	add("6.18", false, "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf")
	add("6.19", false, "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80")
	add("6.20", false, "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf")
	for i, high := range []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"} {
		add(fmt.Sprintf("6.21 (%d)", i+1), false, high+"\xed\xb0\x80", high+"\xed\xbf\xbf")
	}
	for plane := range rune(17) { // what Unicode has no characters for is UTF-8 all the same
		add(fmt.Sprintf("6.22 (plane %d)", plane), true, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	add("6.23", true, "\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf")
	return list
}

// bytesFrom is the bytes from first to last, each with what comes behind it.
func bytesFrom(first, last byte, behind string) string {
	var b strings.Builder
	for c := int(first); c <= int(last); c++ {
		b.WriteByte(byte(c))
		b.WriteString(behind)
	}
	return b.String()
}

const notUTF8 = "close 1007 a text is not UTF-8"

func TestAutobahn6UTF8(t *testing.T) {
	kosme := "Hello-µ@ßöäüàá-UTF-8!!"
	bad := "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
	rows := []row{
		{"6.1.1", frame(fin|text, ""), `text ""`, open},
		{"6.1.2", frame(text, "") + frame(cont, "") + frame(fin|cont, ""), `text ""`, open},
		{"6.1.3", frame(text, "") + frame(cont, "middle frame payload") + frame(fin|cont, ""), `text "middle frame payload"`, open},
		{"6.2.1", frame(fin|text, kosme), fmt.Sprintf("text %q", kosme), open},
		{"6.2.2", frame(text, kosme[:12]) + frame(fin|cont, kosme[12:]), fmt.Sprintf("text %q", kosme), open},
		{"6.2.3", fragments(text, kosme, 1), fmt.Sprintf("text %q", kosme), open},
		{"6.3.1", frame(fin|text, bad), notUTF8, failed},
		{"6.3.2", fragments(text, bad, 1), notUTF8, failed},
		{"binary", frame(fin|bin, "\xff\xfe"), `binary "\xff\xfe"`, open},
	}
	for _, u := range utf8Cases() {
		want, end := fmt.Sprintf("text %q", u.s), open
		if !u.valid {
			want, end = notUTF8, failed
		}
		rows = append(rows, row{u.name, frame(fin|text, u.s), want, end},
			row{u.name + " in fragments", fragments(text, u.s, 1), want, end},
			row{u.name + " behind", frame(text, "ä") + frame(fin|cont, u.s), strings.Replace(want, `"`, `"ä`, 1), end})
	}
	runRows(t, rows)
}

// What can not become UTF-8 any more is refused at once, not when the message ends.
func TestAutobahn6FailFast(t *testing.T) {
	const valid = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	c := dial(t, nil, &recorder{}, "")
	c.send(frame(text, valid), frame(cont, "\xf4\x90\x80\x80")) // 6.4.1, in fragments
	c.want(notUTF8)
	c = dial(t, nil, &recorder{}, "")
	c.send(frame(text, valid), frame(cont, "\xf4"))
	c.want("")
	c.send(frame(cont, "\x90")) // 6.4.2
	c.want(notUTF8)
	c = dial(t, nil, &recorder{}, "")
	whole := frame(fin|text, valid+"\xf4\x90\x80\x80edited")
	cut := len(whole) - len("edited") - 3
	c.send(whole[:cut]) // 6.4.3, within a frame
	c.want("")
	c.send(whole[cut : cut+1]) // 6.4.4
	c.want(notUTF8)
	c.wantEnd(failed)
	c.told("opened; closed 1007 a text is not UTF-8")
}

func TestAutobahn7Close(t *testing.T) {
	long := strings.Repeat("*", 123)
	bye := closing(1000, "")
	big := strings.Repeat("*", 256<<10)
	rows := []row{
		{"7.1.1", frame(fin|text, "Hello World!") + bye, `text "Hello World!"; close 1000`, closed},
		{"7.1.2", bye + bye, "close 1000", closed},
		{"7.1.3", bye + frame(fin|ping, ""), "close 1000", closed},
		{"7.1.4", bye + frame(fin|text, "Hello World!"), "close 1000", closed},
		{"7.1.5", frame(text, "fragment1") + bye + frame(fin|cont, "fragment2"), "close 1000", closed},
		{"7.1.6", frame(fin|text, big) + frame(fin|text, "Hello World!") + bye + frame(fin|ping, ""),
			"text " + show([]byte(big)) + `; text "Hello World!"; close 1000`, closed},
		{"7.3.1", frame(fin|clos, ""), "close", closed},
		{"7.3.2", frame(fin|clos, "a"), protocolError + "a close frame with one byte", failed},
		{"7.3.3", closing(1000, ""), "close 1000", closed},
		{"7.3.4", closing(1000, "Hello World!"), "close 1000", closed},
		{"7.3.5", closing(1000, long), "close 1000", closed},
		{"7.3.6", closing(1000, long+"*"), protocolError + "control frame payload limit exceeded", failed},
		{"7.5.1", closing(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"), "close 1007 the reason of a close is not UTF-8", failed},
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 1012, 1013, 1014} {
		rows = append(rows, row{fmt.Sprintf("7.7.%d %d", i+1, code), closing(code, ""), fmt.Sprintf("close %d", code), closed})
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 1015, 5000, 65535} {
		rows = append(rows, row{fmt.Sprintf("7.9.%d %d", i+1, code), closing(code, ""), protocolError + "a close code that may not be sent", failed})
	}
	runRows(t, rows)
}

func TestAutobahn9Limits(t *testing.T) {
	all := strings.Repeat("BAsd7&jh23", 16<<20/10+1)
	echoed := func(c *client, name, s string, send func(c *client)) {
		t.Helper()
		send(c)
		c.want(name + " " + show([]byte(s)))
	}
	for op, name := range map[byte]string{text: "text", bin: "binary"} {
		c := dial(t, nil, &recorder{echo: true}, "")
		for _, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20} { // 9.1, 9.2
			if n > 1<<20 && op == bin {
				break // what is large is the same code for both
			}
			echoed(c, name, all[:n], func(c *client) { c.send(frame(fin|op, all[:n])) })
		}
		for _, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} { // 9.3, 9.4
			if size > 1<<16 && op == bin {
				break
			}
			n := min(4<<20, size<<9) // of the small ones not so many
			echoed(c, name, all[:n], func(c *client) { c.send(fragments(op, all[:n], size)) })
		}
		for _, piece := range []int{64, 128, 256, 512, 1024, 2048} { // 9.5, 9.6
			n := min(1<<20, piece<<9)
			echoed(c, name, all[:n], func(c *client) { c.sendIn(frame(fin|op, all[:n]), piece) })
		}
		for _, n := range []int{0, 16, 64, 256, 1024, 4096} { // 9.7, 9.8
			for range 250 {
				echoed(c, name, all[:n], func(c *client) { c.send(frame(fin|op, all[:n])) })
			}
		}
		c.wantEnd(open)
	}
}

func TestAutobahn10Fragments(t *testing.T) {
	s := strings.Repeat("*", 65536)
	runRows(t, []row{{"10.1.1", fragments(text, s, 1300), "text " + show([]byte(s)), open}})
}

// Families 12 and 13: messages of all sizes, from what compresses well to what does not,
// with the parameters that a client may offer, and with those that a server may choose.
func TestAutobahn12Compression(t *testing.T) {
	const may = "permessage-deflate; client_no_context_takeover; client_max_window_bits" // what Autobahn's client says it could do
	offers := []string{
		"permessage-deflate",
		"permessage-deflate; client_max_window_bits",
		"permessage-deflate; server_max_window_bits=8",
		may,                                  // 12, 13.1
		may + "; server_no_context_takeover", // 13.2
		may + "; server_max_window_bits=9",   // 13.3
		may + "; server_max_window_bits=15",  // 13.4
		may + "; server_no_context_takeover; server_max_window_bits=9",  // 13.5
		may + "; server_no_context_takeover; server_max_window_bits=15", // 13.6
		may + "; server_no_context_takeover; server_max_window_bits=9, " +
			may + "; server_no_context_takeover, " + may, // 13.7
	}
	for _, settings := range []websocket.Deflate{
		{MinBytes: 1}, {MinBytes: 1, ServerWindowBits: 15, ClientWindowBits: 15}, {Level: 9, ServerWindowBits: 10, ClientWindowBits: 10},
	} {
		for _, offer := range offers {
			t.Run(fmt.Sprintf("%+v/%s", settings, offer), func(t *testing.T) {
				c := dial(t, &websocket.Settings{Deflate: &settings}, &recorder{echo: true}, offer)
				c.SetSplit(reactortest.Cut(7))
				keep := settings.ClientWindowBits == 15 && !strings.Contains(offer, "client")
				echoSizes(t, c, newDeflater(keep))
			})
		}
	}
}

// echoSizes sends messages of all sizes, whole and in fragments, several of each, so that
// each has those before it as its context.
func echoSizes(t *testing.T, c *client, d *deflater) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, n := range []int{0, 1, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072} {
		for k := range max(1, min(8, 16384/max(n, 1))) {
			s := strings.Repeat(`{"id": 17, "name": "Autobahn", "tags": ["a", "b"]}`, n/50+1)[:n]
			if k%2 == 1 || n > 16384 && i%2 == 1 {
				s = randomText(r, n)
			}
			payload := d.deflate(s)
			switch (i + k) % 3 {
			case 0:
				c.send(frame(fin|rsv1|text, payload))
			case 1:
				c.send(deflatedFragments(payload, len(payload)/3+1))
			case 2:
				c.send(deflatedFragments(payload, 256))
			}
			got := strings.TrimPrefix(c.got(), "deflated ")
			if got != "text "+show([]byte(s)) {
				t.Fatalf("%d bytes: %s", n, cut(got))
			}
		}
	}
	c.wantEnd(open)
}

func deflatedFragments(payload string, n int) string {
	all := fragments(text, payload, n)
	return string([]byte{all[0] | rsv1}) + all[1:]
}

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(95))
	}
	return string(b)
}
