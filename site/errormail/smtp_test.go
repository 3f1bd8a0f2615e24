package errormail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"spindle/reactor/cert"
	"spindle/reactor/reactortest"
)

// smtpServer is a mail server for a mail.
type smtpServer struct {
	net.Listener
	tls    *tls.Config // offers STARTTLS; nil: does not
	refuse string      // reply to RCPT
	only   string      // of whom; "" of all
	got    chan string // the commands, and the mail
}

func serveSMTP(t *testing.T, s *smtpServer) *smtpServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.Listener, s.got = l, make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		s.got <- s.talk(c)
	}()
	return s
}

// talk answers until the end of the session, and is what was said.
func (s *smtpServer) talk(c net.Conn) string {
	var said strings.Builder
	in := bufio.NewScanner(c)
	reply := func(text string) { _, _ = c.Write([]byte(text + "\r\n")) }
	reply("220 here")
	for in.Scan() {
		line := in.Text()
		said.WriteString(line + "\n")
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			if s.tls != nil {
				reply("250-here")
				reply("250-STARTTLS")
			}
			reply("250 AUTH PLAIN")
		case "STARTTLS":
			reply("220 go on")
			c = tls.Server(c, s.tls)
			in = bufio.NewScanner(c)
		case "RCPT":
			if s.refuse != "" && strings.Contains(line, s.only) {
				reply(s.refuse)
				break
			}
			reply("250 ok")
		case "DATA":
			reply("354 go on")
			for in.Scan() && in.Text() != "." {
				said.WriteString("| " + in.Text() + "\n")
			}
			reply("250 ok")
		case "AUTH":
			reply("235 ok")
		case "QUIT":
			reply("221 bye")
			return said.String()
		default:
			reply("250 ok")
		}
	}
	return said.String()
}

func mailerTo(t *testing.T, server string) *Mailer {
	m := New(reactortest.NewLoop(), server, "Shop <shop@example.org>", "ops@example.org", "Ada <ada@example.org>")
	m.host = "web1"
	return m
}

func TestDeliver(t *testing.T) {
	s := serveSMTP(t, &smtpServer{})
	m := mailerTo(t, s.Addr().String())
	m.Username, m.Password = "ada", "hush"
	if err := m.deliver([]byte("Subject: x\r\n\r\n.a\r\n")); err != nil {
		t.Fatal(err)
	}
	want := "EHLO web1\nAUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ada\x00hush")) +
		"\nMAIL FROM:<shop@example.org>\nRCPT TO:<ops@example.org>\nRCPT TO:<ada@example.org>\nDATA\n| Subject: x\n| \n| ..a\nQUIT\n"
	if got := <-s.got; got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

func TestDeliverOverTLS(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c, err := cert.Adhoc([]string{"mail.test"}, now)
	if err != nil {
		t.Fatal(err)
	}
	s := serveSMTP(t, &smtpServer{tls: &tls.Config{Certificates: []tls.Certificate{*c}}})
	m := mailerTo(t, s.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	m.TLS = &tls.Config{RootCAs: roots, ServerName: "mail.test", Time: func() time.Time { return now }}
	if err := m.deliver([]byte("x\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := <-s.got; !strings.HasPrefix(got, "EHLO web1\nSTARTTLS\nEHLO web1\nMAIL ") {
		t.Errorf("it says %q", got)
	}
	s = serveSMTP(t, &smtpServer{tls: &tls.Config{Certificates: []tls.Certificate{*c}}})
	m = mailerTo(t, s.Addr().String())
	m.TLS = &tls.Config{}
	if err := m.deliver([]byte("x\r\n")); err == nil || !strings.HasPrefix(err.Error(), "STARTTLS: ") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

func TestDeliverRefused(t *testing.T) {
	for reply, want := range map[string]bool{"550 nobody": true, "451 later": false} {
		s := serveSMTP(t, &smtpServer{refuse: reply})
		err := mailerTo(t, s.Addr().String()).deliver([]byte("x\r\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "ops@example.org: ") || forGood(err) != want {
			t.Errorf("%s: %v, for good %v", reply, err, forGood(err))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := mailerTo(t, l.Addr().String()).deliver(nil); err == nil || forGood(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

// Somebody who is there no more does not keep the mail from the others.
func TestDeliverToSome(t *testing.T) {
	s := serveSMTP(t, &smtpServer{refuse: "550 nobody", only: "ops@"})
	m := mailerTo(t, s.Addr().String())
	var log strings.Builder
	m.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := m.deliver([]byte("x\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := <-s.got; !strings.Contains(got, "DATA\n| x\n") || !strings.Contains(log.String(), "ops@example.org: 550") {
		t.Errorf("%s\n%s", got, log.String())
	}
}
