package proxy_test

import (
	"log"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/site"
)

// Two servers of an application below /app, and a health check of each.
func Example() {
	app, err := proxy.New("http://127.0.0.1:3000", "unix:/run/app.sock")
	if err != nil {
		log.Fatal(err)
	}
	app.RewriteAnswers = true
	app.Check = &proxy.HealthCheck{Path: "/healthy"}
	root := new(resource.Tree)
	root.PutChild("app", app)
	if _, err := reactor.ListenTCP(8080, site.New(root)); err != nil {
		log.Fatal(err)
	}
	log.Fatal(reactor.Run())
}
