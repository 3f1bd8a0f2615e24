package dap

import "encoding/json"

// numbers keeps what the editor calls a breakpoint: each Delve counts from 1.
type numbers struct {
	last     int              // that was given to the editor
	toEditor map[int]int      // from the numbers of the Delve that is there now
	known    map[string][]int // those of a set, in its order, as the editor knows them
}

// renew forgets the numbers of a Delve that has ended.
func (n *numbers) renew() { n.toEditor = nil }

// give is the editor's number for Delve's. want is that of before, 0 for none.
func (n *numbers) give(delve, want int) int {
	if id, known := n.toEditor[delve]; known {
		return id
	}
	if want == 0 {
		n.last++
		want = n.last
	}
	if n.toEditor == nil {
		n.toEditor = map[int]int{}
	}
	n.toEditor[delve] = want
	return want
}

// object is a JSON object of which some is changed, and the rest kept.
type object map[string]json.RawMessage

func (o object) number(name string) (n int) {
	_ = json.Unmarshal(o[name], &n)
	return n
}

func (o object) set(name string, v any) {
	if text, err := json.Marshal(v); err == nil {
		o[name] = text
	}
}

// parse is the object that text is; nil when it is none.
func parse(text json.RawMessage) (o object) {
	_ = json.Unmarshal(text, &o)
	return o
}

// encode is o as text.
func (o object) encode() json.RawMessage {
	text, _ := json.Marshal(o) // its parts were decoded
	return text
}

// answered changes the numbers in the answer to a set of breakpoints, and gives these.
func (n *numbers) answered(set string, body json.RawMessage) (changed json.RawMessage, list []object) {
	o := parse(body)
	if o == nil || json.Unmarshal(o["breakpoints"], &list) != nil {
		return body, nil
	}
	was := n.known[set]
	ids := make([]int, len(list))
	for i, b := range list {
		delve := b.number("id")
		if delve == 0 {
			continue
		}
		want := 0
		if i < len(was) && n.toEditor[delve] == 0 && !n.taken(was[i]) {
			want = was[i]
		}
		ids[i] = n.give(delve, want)
		b.set("id", ids[i])
	}
	if n.known == nil {
		n.known = map[string][]int{}
	}
	n.known[set] = ids
	o.set("breakpoints", list)
	return o.encode(), list
}

// taken tells whether a breakpoint of the Delve that is there now has this number.
func (n *numbers) taken(id int) bool {
	for _, other := range n.toEditor {
		if other == id {
			return true
		}
	}
	return false
}

// hit changes the numbers in the event that the program stands.
func (n *numbers) hit(body json.RawMessage) json.RawMessage {
	o := parse(body)
	var ids []int
	if o == nil || json.Unmarshal(o["hitBreakpointIds"], &ids) != nil {
		return body
	}
	for i, id := range ids {
		ids[i] = n.give(id, 0)
	}
	o.set("hitBreakpointIds", ids)
	return o.encode()
}

// moved changes the number in the event of one breakpoint.
func (n *numbers) moved(body json.RawMessage) json.RawMessage {
	o := parse(body)
	b := parse(o["breakpoint"])
	id := b.number("id")
	if id == 0 {
		return body
	}
	b.set("id", n.give(id, 0))
	o.set("breakpoint", b)
	return o.encode()
}
