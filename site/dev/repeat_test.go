package dev

import (
	"fmt"
	"strings"
	"testing"

	"spindle/resource"
)

// shaky answers with a status that can be changed.
type shaky struct {
	resource.Leaf
	status *int
}

func (s shaky) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetStatus(*s.status)
	return []byte("x"), nil
}

func TestRepeatsAreBoundedAndStop(t *testing.T) {
	m, c := recorded(t)
	status := 500
	m.s.serves = shaky{status: &status}
	post := func(query string) int {
		return m.ask("POST", Prefix+"repeats?"+query, "X-Spindle-Token", m.s.front.token).Status
	}
	for i := range mostRepeats + 2 {
		m.get(fmt.Sprintf("/%d", i))
		if got := post(fmt.Sprintf("request=%d", c.last)); got != 200 {
			t.Fatalf("status %d", got)
		}
	}
	post(fmt.Sprintf("request=%d", c.last)) // once more changes nothing
	if len(c.repeats.list) != mostRepeats || c.repeats.list[0].x.target != "/2" {
		t.Errorf("%+v", c.repeats.shown())
	}
	if got := post("request=999"); got != 404 {
		t.Errorf("one that there is not: %d", got)
	}
	if x := m.ask("POST", Prefix+"repeats?request=1"); x.Status != 403 {
		t.Errorf("without the token: %d", x.Status)
	}
	first := c.repeats.list[0].id
	post(fmt.Sprintf("stop=%d", first))
	if len(c.repeats.list) != mostRepeats-1 || strings.Contains(m.get(Prefix+"repeats"), `"/2"`) {
		t.Errorf("%+v", c.repeats.shown())
	}
}

func TestRepeatTellsHowItWent(t *testing.T) {
	m, c := recorded(t)
	m.get("/a")
	r := &repeat{id: 1, x: c.ring[0].snapshot(), of: 1}
	c.repeats.list = []*repeat{r}
	for _, row := range []struct {
		status      int
		state, want string
	}{{500, "failing", "GET /a, sent again: still 500 Internal Server Error"}, {200, "passes", "GET /a, sent again: 200 OK, it passes now"}} {
		r.status, r.state = row.status, row.state
		c.repeats.over(r)
		if e := m.told[len(m.told)-1]; e.Kind != EventNotice || e.Text != row.want {
			t.Errorf("%+v", e)
		}
	}
	c.repeats.saved()
	if len(c.repeats.list) != 0 {
		t.Error("one that has passed is sent again")
	}
}
