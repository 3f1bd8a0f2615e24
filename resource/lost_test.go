package resource_test

import (
	"errors"
	"testing"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

type lostPage struct {
	resource.Leaf
	told []error
}

func (p *lostPage) RenderGET(r *resource.Request) ([]byte, error) {
	r.NotifyLost(func(err error) { p.told = append(p.told, err) })
	if r.Query() == "now" {
		return []byte("x"), nil
	}
	return nil, resource.NotDoneYet
}

func TestNotifyLost(t *testing.T) {
	p := new(lostPage)
	s := resourcetest.New(p)
	s.Get("/?now")
	s.Loop.Run()
	if len(p.told) != 0 {
		t.Errorf("told of an answer: %v", p.told)
	}
	gone := errors.New("gone")
	x := s.Start("GET", "/", nil, nil)
	x.Lose(gone)
	s.Loop.Run()
	if len(p.told) != 1 || p.told[0] != gone {
		t.Errorf("told %v", p.told)
	}
}
