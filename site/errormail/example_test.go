package errormail_test

import (
	"fmt"
	"io"
	"log/slog"

	"spindle/reactor/reactortest"
	"spindle/site/errormail"
)

// The loop of a program is reactor.Default(); here it is one that only a test has, so that nothing
// is sent.
func Example() {
	loop := reactortest.NewLoop()
	m := errormail.New(loop, "mail.example.org:25", "shop@example.org", "ops@example.org")
	slog.SetDefault(slog.New(m.Handler(slog.NewTextHandler(io.Discard, nil))))
	fmt.Println(errormail.Check("mail.example.org", "shop@example.org", "ops@example.org"))
	// Output: errormail: "mail.example.org" is no mail server: give it as host:port
}
