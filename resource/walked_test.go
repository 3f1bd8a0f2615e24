package resource_test

import (
	"encoding/json"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

// lostServer is a small tree in debug mode.
func lostServer() *resourcetest.Server {
	shop := new(resource.Tree)
	shop.PutChild("bill", plain("bill")).PutChild("bills", plain("bills")).PutChild("<order>", plain("order"))
	s := resourcetest.New(new(resource.Tree).PutChild("shop", shop).PutChild("about", plain("about")))
	s.Debug = true
	return s
}

// plain is a node that answers for itself.
type plain string

func (plain) Child(string, *resource.Request) resource.Resource { return nil }
func (p plain) RenderGET(*resource.Request) ([]byte, error)     { return []byte(p), nil }

func TestWalkIsTold(t *testing.T) {
	for _, row := range []struct{ path, want, not string }{
		{"/shop/bil", "  /shop  *resource.Tree  has no child bil, but <order>, bill, bills\nPerhaps /shop/bill was meant.\nPerhaps /shop/bills was meant.", ""},
		{"/shp", "  /  *resource.Tree  has no child shp, but about, shop\nPerhaps /shop was meant.", "about was meant"},
		{"/SHOP/x", "Perhaps /shop was meant.", ""},
		{"/shop/bill/deeper", "  /shop/bill  resource_test.plain  has no child deeper", "meant"},
		{"/shop/quite-another", "has no child quite-another", "meant"},
		{"/shop", "  /shop  *resource.Tree  answers 404", "meant"},
	} {
		x := lostServer().Get(row.path)
		if x.Status != 404 || !strings.Contains(string(x.Body), row.want) || row.not != "" && strings.Contains(string(x.Body), row.not) {
			t.Errorf("%s:\n%s", row.path, x.Body)
		}
	}
}

func TestWalkOnPagesIsEscaped(t *testing.T) {
	s := lostServer()
	x := s.Do("GET", "/shop/%3Corder%3C", protocol.Fields{{Name: "Accept", Value: "text/html"}}, nil)
	if page := string(x.Body); !strings.Contains(page, `<a href="/shop/%3Corder%3E">`) || strings.Contains(page, "<order") {
		t.Errorf("%s", page)
	}
	x = s.Do("GET", "/shop/bil", protocol.Fields{{Name: "Accept", Value: "application/json"}}, nil)
	var page struct{ Cause string }
	if err := json.Unmarshal(x.Body, &page); err != nil || !strings.Contains(page.Cause, "/shop/bill was meant") {
		t.Errorf("%v %s", err, x.Body)
	}
}

func TestWalkIsNobodysBusiness(t *testing.T) {
	s := lostServer()
	s.Debug = false
	if x := s.Get("/shop/bil"); strings.Contains(string(x.Body), "bills") || strings.Contains(string(x.Body), "Tree") {
		t.Errorf("%s", x.Body)
	}
}
