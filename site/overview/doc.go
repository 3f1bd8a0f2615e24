// Package overview is a page that draws the tree of a Site: what is at each path, how it
// does, and the requests as they run down to it, with the figures of the loop.
//
//	panel := overview.NewPanel(loop, func() site.Snapshot { return s.Stats() })
//	page := overview.New(panel)
//	page.Put("shop/", "the shop, in Django", shop)
//	page.Put("api/", "another server", api)
//	s = site.New(page.Root())
//
// The Page is the root of the tree. It links to nothing but its own server, and moves by a
// stream of server-sent events, /events; the same figures are at /stats, as JSON. Whoever may
// see it learns what runs there: a public server keeps it behind a password.
//
// What a resource can tell of itself, spindle/resource/outline says.
package overview
