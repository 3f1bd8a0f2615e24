package vhost_test

import (
	"fmt"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/resource/vhost"
)

func Example() {
	hosts := vhost.New()
	hosts.Add("example.com", resource.NewData([]byte("the site"), "text/plain"))
	hosts.Add("*.example.com", resource.NewData([]byte("a user"), "text/plain"))
	for _, host := range []string{"Example.COM.", "joe.example.com:80", "example.org"} {
		r := resourcetest.Do(hosts, "GET", "/", protocol.Fields{{Name: "Host", Value: host}}, nil)
		fmt.Println(r.Status)
	}
	// Output:
	// 200
	// 200
	// 404
}
