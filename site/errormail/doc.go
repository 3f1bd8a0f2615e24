// Package errormail writes to people when a server goes wrong. It stands in the way of what is
// logged by log/slog: records of the level Error go to a mail server, all of them on to where
// they went before.
//
//	slog ──▶ Handler ──▶ the handler before
//	            │ Error and above; rendered, secrets masked (any goroutine)
//	            ▼
//	         the loop: equal ones are counted ──▶ queue ──▶ a thread ──▶ SMTP
//
// The first error of a kind is mailed at once. Those that are equal to it and come within
// Interval are one more mail when that is over, with their number and the ids of their pages.
// Nothing waits for any of it: what is too much is counted, and the next mail tells.
//
//	loop := reactor.Default()
//	m := errormail.New(loop, "mail.example.org:25", "shop@example.org", "ops@example.org")
//	slog.SetDefault(slog.New(m.Handler(slog.NewTextHandler(os.Stderr, nil))))
//
// A program that does not import this package does not link net/smtp.
//
//	mailer.go   what is set, and what becomes of an error on the loop
//	handler.go  from a record to a note of it
//	message.go  from notes to the text of a mail (RFC 5322)
//	smtp.go     from there to the mail server
package errormail
