package wsgi_test

import (
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/static"
	"spindle/resource/wsgi"
	"spindle/site"
)

// A site of Django's below /shop, and its static files, which need no Python.
func Example() {
	r := reactor.Default()
	shop := wsgi.New(r, "shop.wsgi:application")
	shop.Dir = "/srv/shop"
	shop.Workers, shop.Threads = 2, 4
	shop.MaxMemory = 512 << 20
	root := new(resource.Tree)
	root.PutChild("shop", shop)
	root.PutChild("static", static.New("/srv/shop/static"))
	if _, err := r.Listen("tcp:8080", site.New(root)); err != nil {
		panic(err)
	}
	// shop.Start() tells, before the first request, whether it can be loaded.
	// reactor.Run()
}
