package http2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"spindle/protocol/http2"
)

// order is the streams in the order of their DATA frames, repetitions left out.
func (p *peer) order() (ids []string) {
	p.Helper()
	for _, l := range p.frames() {
		var id string
		if n, _ := fmt.Sscanf(l, "DATA %s", &id); n == 1 && (len(ids) == 0 || ids[len(ids)-1] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// RFC 9218: the most urgent goes first; of the equally urgent one goes after the other,
// unless they are incremental, which take turns.
func TestPriorities(t *testing.T) {
	for _, row := range []struct {
		name       string
		priorities []string // of the streams 1, 3, 5 …
		updates    map[uint32]string
		late       map[uint32]string // come when the streams are open
		want       string
	}{
		{"all the same", []string{"", "", ""}, nil, nil, "1 3 5"},
		{"urgency", []string{"u=5", "u=0", "u=7", "", "u=3"}, nil, nil, "3 7 9 1 5"},
		{"incremental", []string{"i", "i", "i"}, nil, nil, "1 3 5 1 3 5 1 3 5"},
		{"one of them is not", []string{"", "i", "i"}, nil, nil, "1 3 5 3 5 3 5"},
		{"urgency goes before", []string{"u=4, i", "u=1, i", "u=1, i"}, nil, nil, "3 5 3 5 3 5 1"},
		{"what is not known is passed over", []string{"x=1, u=2 ,\ti=?1", "u=9, i=?0", "u=1;a=b"}, nil, nil, "1 3 5"},
		{"the last counts", []string{"u=1, u=6", "i, i=?0, u=5"}, nil, nil, "3 1"},
		{"an update before the stream", []string{"u=0", "u=7"}, map[uint32]string{1: "u=6", 3: "u=1"}, nil, "3 1"},
		{"an update of one that is open", []string{"", "", ""}, nil, map[uint32]string{5: "u=0", 1: "u=7"}, "5 3 1"},
		{"the younger update counts", []string{"", ""}, map[uint32]string{1: "u=0", 3: "u=2"}, map[uint32]string{1: "u=5"}, "3 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := connect(t, nil, http2.NewFactory(answering(40_000), plain()))
			p.hello(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 20})
			p.get(101, "/fill") // takes the window of the connection
			p.get(103, "/fill")
			p.frames()
			for id, u := range row.updates {
				p.update(id+200, u)
			}
			for i, u := range row.priorities {
				id := uint32(2*i + 201)
				if u == "" {
					p.get(id, "/")
				} else {
					p.get(id, "/", "priority", u)
				}
			}
			for id, u := range row.late {
				p.update(id+200, u)
			}
			p.frames()
			p.window(0, 1<<30)
			got := p.order()
			if len(got) > 0 && got[0] == "103" {
				got = got[1:]
			}
			got = slices.DeleteFunc(got, func(id string) bool { return id == "103" })
			got = slices.Compact(got)
			for i := range got {
				var n int
				fmt.Sscan(got[i], &n)
				got[i] = fmt.Sprint(n - 200)
			}
			if s := strings.Join(got, " "); s != row.want {
				t.Errorf("the order is %s, want %s", s, row.want)
			}
		})
	}
}

// What is urgent does not wait behind what the transport has been given.
func TestUrgentOvertakes(t *testing.T) {
	p := connect(t, nil, http2.NewFactory(answering(1<<20), plain()))
	p.hello(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 30})
	p.window(0, 1<<30)
	p.frames()
	p.SetCapacity(0)
	p.get(1, "/", "priority", "u=6")
	p.get(3, "/", "priority", "u=0")
	if n := p.Buffered(); n > 200_000 {
		t.Errorf("%d bytes are with the transport", n)
	}
	p.SetCapacity(-1)
	if got := strings.Join(p.order(), " "); got != "1 3 1" {
		t.Error(got)
	}
}

// Of updates for streams to come only a few are kept.
func TestManyUpdates(t *testing.T) {
	p := dial(t, answering(1), plain())
	for id := uint32(1001); id < 1200; id += 2 {
		p.update(id, "u=1")
	}
	p.get(1, "/")
	p.want("HEADERS 1 :status=200 content-length=1", `DATA 1 END "x"`)
	p.wantOpen()
}
