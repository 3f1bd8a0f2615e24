package reactor

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"
)

// This file holds the order of what is written in all ways, around the edges of the
// buffers that all connections of a loop share.

// mixer writes to all of its connections by turns when the last of them asks.
type mixer struct {
	seed uint64
	all  []Transport
	want [][]byte // what was written to each
	made int
}

func (m *mixer) BuildProtocol(Addr) Protocol { return &mixed{m: m} }

type mixed struct {
	m *mixer
	t Transport
}

func (c *mixed) ConnectionMade(t Transport) { c.t = t }
func (c *mixed) ConnectionLost(error)       {}
func (c *mixed) DataReceived([]byte) {
	if c.m.all = append(c.m.all, c.t); len(c.m.all) == c.m.made {
		c.m.write()
	}
}

// write writes pieces of all sizes.
func (m *mixer) write() {
	r := rand.New(rand.NewPCG(m.seed, 2))
	m.want = make([][]byte, len(m.all))
	noise := make([]byte, 2*scratchSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	for range 60 {
		i := r.IntN(len(m.all))
		for range r.IntN(20) {
			n := 1 + r.IntN(300)
			if r.IntN(3) == 0 {
				n = r.IntN(scratchSize + 2000)
			}
			at := r.IntN(len(noise) - n)
			piece := noise[at : at+n]
			writeSomehow(m.all[i], piece, r.IntN(4))
			m.want[i] = append(m.want[i], piece...)
		}
	}
	for _, t := range m.all {
		t.LoseConnection()
	}
}

func writeSomehow(t Transport, piece []byte, how int) {
	switch how {
	case 0:
		t.Write(piece)
	case 1:
		t.WriteShared(piece)
	case 2:
		t.Write(append(t.AvailableBuffer(), piece...))
	default: // and in two parts, both in place
		half := len(piece) / 2
		t.Write(append(t.AvailableBuffer(), piece[:half]...))
		t.Write(append(t.AvailableBuffer(), piece[half:]...))
	}
}

func TestWritesInOrder(t *testing.T) {
	for _, way := range []string{"plain", "held", "secure"} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s/%d", way, seed), func(t *testing.T) { testWritesInOrder(t, way, seed) })
		}
	}
}

func testWritesInOrder(t *testing.T, way string, seed uint64) {
	r, m := New(), &mixer{seed: seed, made: 3}
	secure := way == "secure"
	if way == "held" {
		r.HoldAlways()
	}
	var addr string
	var config *tls.Config
	if secure {
		addr, config = tlsPort(t, r, m, nil)
	} else {
		p, err := r.Listen("tcp:0:interface=127.0.0.1", m)
		if err != nil {
			t.Fatal(err)
		}
		running(t, r)
		addr = p.Addr().String()
	}
	got := make(chan []byte, m.made)
	for range m.made {
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
		c := raw
		if secure {
			c = tls.Client(raw, config)
		}
		go func() {
			_, _ = c.Write([]byte("?"))
			all, err := io.ReadAll(c)
			if err != nil {
				t.Error(err)
			}
			got <- all
		}()
	}
	var all [][]byte
	for range m.made {
		all = append(all, <-got)
	}
	onLoop(r, func() {
		for _, want := range m.want {
			if !slices.ContainsFunc(all, func(b []byte) bool { return bytes.Equal(b, want) }) {
				t.Errorf("nobody got the %d bytes that were written to one connection", len(want))
			}
		}
	})
}
