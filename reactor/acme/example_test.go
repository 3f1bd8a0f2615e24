package acme_test

import (
	"log"

	"spindle/reactor"
	"spindle/reactor/acme"
	"spindle/resource"
	"spindle/site"
)

// A site with certificates of Let's Encrypt, and a port 80 that sends browsers there and
// answers the authority.
func Example() {
	root := resource.NewData([]byte("Hello over TLS\n"), "")
	reactor.Listen("tls:443:acme=example.org,www.example.org:acmeemail=me@example.org", site.New(root))
	reactor.Listen("tcp:80", site.New(&resource.HTTP01{Answer: acme.Answer(), Inner: &resource.SecureRedirect{}}))
	log.Fatal(reactor.Run())
}
