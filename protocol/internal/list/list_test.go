package list

import (
	"slices"
	"testing"
)

type thing struct {
	name string
	link Link[thing]
}

func names(l *List[thing]) (all []string) {
	l.Each(func(x *thing) { all = append(all, x.name) })
	return all
}

func TestList(t *testing.T) {
	var idle, busy List[thing]
	a, b, c := &thing{name: "a"}, &thing{name: "b"}, &thing{name: "c"}
	for _, x := range []*thing{a, b, c} {
		idle.Put(x, &x.link)
	}
	want := func(l *List[thing], all ...string) {
		t.Helper()
		if got := names(l); !slices.Equal(got, all) || l.Len() != len(all) {
			t.Errorf("got %d, %v, want %v", l.Len(), got, all)
		}
	}
	want(&idle, "a", "b", "c")
	idle.Put(a, &a.link)
	idle.Put(a, &a.link)
	want(&idle, "b", "c", "a")
	busy.Put(c, &c.link)
	want(&idle, "b", "a")
	want(&busy, "c")
	if idle.First() != b || b.link.Next() != a || a.link.Next() != nil || c.link.On() != &busy {
		t.Error("they are not in their places")
	}
	c.link.Remove()
	c.link.Remove()
	want(&busy)
	if busy.First() != nil || c.link.On() != nil {
		t.Error("it is still there")
	}
	idle.Each(func(x *thing) { x.link.Remove() })
	want(&idle)
	if n := testing.AllocsPerRun(10, func() { idle.Put(a, &a.link); busy.Put(a, &a.link) }); n != 0 {
		t.Errorf("%v allocations to move one", n)
	}
}
