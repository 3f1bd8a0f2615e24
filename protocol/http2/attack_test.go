package http2_test

import (
	"strings"
	"testing"
	"time"

	"spindle/protocol/protocoltest"
)

// Attacks. Each is held to a bound: frames that a client may send before the connection
// ends, and what it may make us keep.

// nuisances is how often send may be called before the connection ends.
func nuisances(t *testing.T, p *peer, send func(i int)) int {
	t.Helper()
	most := 0
	for i := range 20_000 {
		send(i)
		if most = max(most, p.Buffered()); p.WriteClosed() {
			got := p.frames()
			if last := got[len(got)-1]; !strings.Contains(last, " ENHANCE_YOUR_CALM ") {
				t.Error(last)
			}
			return i + 1
		}
		p.frames()
	}
	return 20_000
}

func TestFloods(t *testing.T) {
	for _, row := range []struct {
		name string
		most int // calls of send
		send func(p *peer, i int)
	}{
		{"ping", 1001, func(p *peer, _ int) { p.ping("12345678") }},
		{"answers to no ping", 1001, func(p *peer, _ int) { p.raw(6, 1, 0, "12345678") }},
		{"settings", 1001, func(p *peer, _ int) { p.settings() }},
		{"acknowledgements", 1001, func(p *peer, _ int) { p.ack() }},
		{"priority", 1001, func(p *peer, _ int) { p.raw(2, 0, 1, "\x00\x00\x00\x05\x0f") }},
		{"priority update", 1001, func(p *peer, i int) { p.update(uint32(2*i+3), "u=1") }},
		{"unknown frames", 1001, func(p *peer, _ int) { p.raw(0x55, 0, 1, "") }},
		{"goaway", 1001, func(p *peer, _ int) { p.raw(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00") }},
		{"empty DATA", 1001, func(p *peer, _ int) { p.data(1, false, "") }},
		{"DATA of padding alone", 1001, func(p *peer, _ int) { p.raw(0, 8, 1, "\x03\x00\x00\x00") }},
		{"windows for nothing", 1001, func(p *peer, _ int) { p.window(0, 1) }},
		{"resets of closed streams", 1001, func(p *peer, _ int) { p.reset(1) }},
		{"rapid reset (CVE-2023-44487)", 1001, func(p *peer, i int) {
			p.batch(func() { p.post(uint32(2*i+3), "/"); p.reset(uint32(2*i + 3)) })
		}},
		{"made you reset, by a window of 0 (CVE-2025-8671)", 1001, func(p *peer, i int) {
			p.batch(func() { p.post(uint32(2*i+3), "/"); p.window(uint32(2*i+3), 0) })
		}},
		{"made you reset, by a window too large", 501, func(p *peer, i int) {
			p.batch(func() { p.post(uint32(2*i+3), "/"); p.window(uint32(2*i+3), 1<<31-1) })
		}},
		{"made you reset, by DATA behind the end", 501, func(p *peer, i int) {
			p.batch(func() { p.get(uint32(2*i+3), "/"); p.data(uint32(2*i+3), false, "") })
		}},
		{"made you reset, by a priority of itself", 1001, func(p *peer, i int) {
			p.batch(func() {
				p.post(uint32(2*i+3), "/")
				p.raw(2, 0, uint32(2*i+3), string([]byte{0, 0, byte((2*i + 3) >> 8), byte(2*i + 3), 0}))
			})
		}},
		{"made you reset, by malformed requests", 1001, func(p *peer, i int) { p.get(uint32(2*i+3), "/", "A", "b") }},
		{"made you reset, by too much content", 1001, func(p *peer, i int) {
			p.batch(func() { p.post(uint32(2*i+3), "/", "content-length", "1"); p.data(uint32(2*i+3), false, "xx") })
		}},
		{"refused requests", 1100, func(p *peer, i int) { p.get(uint32(2*i+3), "no slash") }},
		{"requests beyond the limit", 1251, func(p *peer, i int) { p.get(uint32(2*i+3), "/") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := silent()
			p := dial(t, s, plain())
			p.post(1, "/")
			if n := nuisances(t, p, func(i int) { row.send(p, i) }); n > row.most || n < 100 {
				t.Errorf("the connection ended after %d", n)
			}
			if n := len(s.Exchanges); n > 1300 {
				t.Errorf("%d requests were begun", n)
			}
		})
	}
}

// A flood of what is to be answered, from a client that does not read: what is kept for
// it is bounded, since nothing more is read.
func TestFloodFromOneWhoDoesNotRead(t *testing.T) {
	set := plain()
	set.NuisanceBurst = -1
	p := dial(t, silent(), set)
	p.SetCapacity(0)
	for range 200 {
		p.Deliver([]byte(strings.Repeat("\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678", 1000)))
	}
	if n := p.Buffered(); n > 1<<20+100 || !p.ReadingPaused() {
		t.Errorf("%d bytes are queued, paused %v", n, p.ReadingPaused())
	}
	p.SetCapacity(-1)
	if n := len(p.frames()); n != 200_000 || p.ReadingPaused() {
		t.Errorf("%d answers", n)
	}
}

// CONTINUATION frames without end (CVE-2024-27316 and its like), and in crumbs.
func TestContinuationFlood(t *testing.T) {
	for name, fragment := range map[string]string{
		"empty": "", "of a byte": "\x82", "of a string that does not end": "x", "of fields": strings.Repeat("\x40\x01a\x01b", 20),
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, silent(), plain())
			first := "\x82"
			if name == "of a string that does not end" {
				first = "\x40\x7f\xff\xff\x02" // a name of 49 KiB
			}
			p.raw(1, 0, 1, first)
			n := nuisances(t, p, func(int) { p.raw(9, 0, 1, fragment) })
			if n > 1310 {
				t.Errorf("the connection ended after %d", n)
			}
		})
	}
}

// An HPACK bomb: a large entry of the table, and many references to it. The list is
// counted as it unfolds, and nothing of it is kept beyond the limit.
func TestHPACKBomb(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	big := strings.Repeat("x", 3900)
	p.get(1, "/", "big", big)
	block := append(p.encode(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x"),
		strings.Repeat("\xbe", 16_000)...) // 62 MiB
	p.raw(1, 5, 3, string(block))
	if got := p.frames(); len(got) != 2 || !strings.HasPrefix(got[0], "HEADERS 3 :status=431 ") {
		t.Errorf("got %.200q", got)
	}
	if len(s.Exchanges) != 1 {
		t.Error("the request was begun")
	}
	p.wantOpen()
}

// Table size updates by the thousand cost no more than their bytes, and are bounded by
// the length of the block.
func TestTableSizeUpdates(t *testing.T) {
	p := dial(t, hello(), plain())
	p.raw(1, 5, 1, strings.Repeat("\x20\x3f\xe1\x1f", 4000)+string(p.encode(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x")))
	p.want("HEADERS 1 "+helloOK+"6", `DATA 1 END "GET / "`)
	p.raw(1, 1, 3, strings.Repeat("\x20\x3f\xe1\x1f", 4000))
	n := nuisances(t, p, func(int) { p.raw(9, 0, 3, strings.Repeat("\x20\x3f\xe1\x1f", 4000)) })
	if n > 9 {
		t.Errorf("%d frames of them were taken", n)
	}
}

// An integer without end is no number.
func TestHPACKIntegers(t *testing.T) {
	for name, block := range map[string]string{
		"an index":       "\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
		"a string":       "\x40\x7f\xff\xff\xff\xff\x0f",
		"a table size":   "\x3f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"bad padding":    "\x40\x81\x00\x01b",
		"an end of text": "\x40\x84\xff\xff\xff\xff\x01b",
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, hello(), plain())
			p.raw(1, 5, 1, block)
			p.wantGoAway(1, "COMPRESSION_ERROR")
		})
	}
}

// Fields of no length (CVE-2019-9516): each counts 32 bytes, and has no valid name.
func TestFieldsOfNoLength(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	block := strings.Repeat("\x00\x00\x00", 5000)
	p.raw(1, 5, 1, string(p.encode(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x"))+block)
	if got := p.frames(); len(got) != 1 || got[0] != "RST_STREAM 1 PROTOCOL_ERROR" {
		t.Error(got)
	}
	p.wantOpen()
}

// A client that opens its windows by a byte at a time, for much content ("data
// dribble", CVE-2019-9511): it is content in crumbs, and ends.
func TestDataDribble(t *testing.T) {
	s := answering(1 << 20)
	p := dial(t, s, plain())
	p.window(0, 1<<20)
	for id := uint32(1); id < 100; id += 2 {
		p.get(id, "/")
	}
	p.frames()
	n := nuisances(t, p, func(i int) { p.window(uint32(i%50)*2+1, 1) })
	if n > 1100 {
		t.Errorf("the connection ended after %d", n)
	}
}

// A client that opens no window holds what is bounded, and for a bounded time.
func TestWindowStall(t *testing.T) {
	body := make([]byte, 200_000)
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
		x.WriteHead(200, nil, -1)
		x.Write(body) // copied
		x.Finish(nil)
	}}
	p := dial(t, s, plain())
	for id := uint32(1); id < 500; id += 2 {
		p.get(id, "/")
	}
	if n := len(s.Exchanges); n > 8 {
		t.Errorf("%d requests were begun", n)
	}
	p.loop.Advance(2 * time.Minute)
	if !p.Aborted() {
		t.Error("the connection goes on")
	}
	p.wantClosed()
}

// Slow frames: a connection that has begun a header block, or content, can not go on
// with a byte now and then.
func TestSlowFrames(t *testing.T) {
	p := dial(t, silent(), plain())
	p.raw(1, 1, 1, "\x82")
	for range 12 {
		p.raw(9, 0, 1, "\x86")
		p.loop.Advance(time.Second)
	}
	p.wantGoAway(1, "ENHANCE_YOUR_CALM")
}

// What a client is forgiven comes back: with time, with answers, with content sent.
func TestPatienceComesBack(t *testing.T) {
	p := dial(t, silent(), plain())
	p.get(1, "/")
	for range 30 {
		for range 990 {
			p.ping("12345678")
		}
		p.frames()
		p.loop.Advance(20 * time.Second) // 50 a second
	}
	p.wantOpen()
	p = dial(t, hello(), plain())
	for id := uint32(1); id < 6000; id += 2 {
		p.get(id, "/")
		p.ping("12345678")
		p.frames()
	}
	p.wantOpen()
}
