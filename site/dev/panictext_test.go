package dev

import (
	"strconv"
	"strings"
	"testing"
)

const servedText = `before
2026/11/26 18:00:00 http: panic serving 127.0.0.1:50000: runtime error: invalid memory address or nil pointer dereference
goroutine 35 [running]:
net/http.(*conn).serve.func1()
	/usr/local/go/src/net/http/server.go:1943 +0xd3
panic({0x6a1b40?, 0x8c7f50?})
	/usr/local/go/src/runtime/panic.go:783 +0x132
main.find(...)
	/app/main.go:12
main.main.func1({0x75d8b8, 0xc0001b2000}, 0xc0001ae000)
	/app/main.go:17 +0x1d
net/http.HandlerFunc.ServeHTTP(0xc000012345?, {0x75d8b8?, 0xc0001b2000?}, 0x0?)
	/usr/local/go/src/net/http/server.go:2322 +0x29
created by net/http.(*Server).Serve in goroutine 1
	/usr/local/go/src/net/http/server.go:3493 +0x485
after`

const ginText = "\n\n\x1b[31m2026/11/26 - 18:00:00 [Recovery] 2026/11/26 - 18:00:00 panic recovered:\nGET /user/bob?token=hush HTTP/1.1\r\nHost: localhost\r\n\r\n\n" +
	"runtime error: invalid memory address or nil pointer dereference\n/usr/local/go/src/runtime/panic.go:262 (0x44b2d8)\n\tpanicmem: panic(memoryError)\n" +
	"/usr/local/go/src/runtime/signal_unix.go:925 (0x44b2a8)\n\tsigpanic: panicmem()\n/app/main.go:16 (0x7b2f0a)\n\tmain.func1: c.String(200, u.Name)\n" +
	"/go/pkg/mod/github.com/gin-gonic/gin@v1.10.0/context.go:185 (0x7a2d0e)\n\t(*Context).Next: c.handlers[c.index](c)\n\x1b[0m\n[GIN] after"

func TestPanicReader(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"net/http", servedText, "net/http|runtime error: invalid memory address or nil pointer dereference|  |main.find /app/main.go:12"},
		{"several lines", strings.Replace(servedText, "nil pointer dereference", "nil\nsecond", 1), "net/http|runtime error: invalid memory address or nil\nsecond|  |main.find /app/main.go:12"},
		{"gin", ginText, "gin|runtime error: invalid memory address or nil pointer dereference|GET /user/bob?token=hush|main.func1 /app/main.go:16"},
		{"one after the other", servedText + "\n" + ginText, "net/http|runtime error: invalid memory address or nil pointer dereference|  |main.find /app/main.go:12" +
			"gin|runtime error: invalid memory address or nil pointer dereference|GET /user/bob?token=hush|main.func1 /app/main.go:16"},
		{"no stack", "http: panic serving 1: x\nand on\n[GIN] more", ""},
		{"nothing", "some\nlines", ""},
	} {
		var r panicReader
		got := ""
		for _, line := range strings.Split(row.in, "\n") {
			if p := r.line(strings.TrimRight(line, "\r")); p != nil {
				asked := p.method + " " + p.target
				if p.method == "" {
					asked = "  "
				}
				f := p.frames[0]
				got += p.by + "|" + p.message + "|" + asked + "|" + f.Function + " " + f.File + ":" + strconv.Itoa(f.Line)
			}
		}
		if got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, got, row.want)
		}
	}
}
