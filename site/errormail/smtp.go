package errormail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strconv"
	"time"
)

// This file brings mails to the mail server, on a thread.

const (
	smtpTimeout = 30 * time.Second // for a mail
	smtpsPort   = "465"            // TLS from the start
)

// deliver sends a mail. Blocks.
func (m *Mailer) deliver(text []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), smtpTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(m.server)
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if port == smtpsPort {
		conn = tls.Client(conn, m.tlsConfig(host))
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := m.greet(c, host, port); err != nil {
		return err
	}
	return m.hand(c, text)
}

// greet begins the session: names, TLS, who writes.
func (m *Mailer) greet(c *smtp.Client, host, port string) error {
	if err := c.Hello(m.host); err != nil {
		return err
	}
	// A server on this machine seldom has a certificate for the name that it is reached by.
	if offered, _ := c.Extension("STARTTLS"); offered && port != smtpsPort && (m.TLS != nil || !isLocal(host)) {
		if err := c.StartTLS(m.tlsConfig(host)); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if m.Username == "" {
		return nil
	}
	if err := c.Auth(smtp.PlainAuth("", m.Username, m.Password, host)); err != nil {
		return fmt.Errorf("as %s: %w", m.Username, err)
	}
	return nil
}

// hand gives the mail to the server.
func (m *Mailer) hand(c *smtp.Client, text []byte) error {
	if err := c.Mail(bare(m.from)); err != nil {
		return err
	}
	if err := m.name(c); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has the mail
	return nil
}

// name gives the server those who get the mail. One whom it does not take is told of, and does
// not keep it from the others.
func (m *Mailer) name(c *smtp.Client) error {
	var first error
	taken := 0
	for _, to := range m.to {
		err := c.Rcpt(bare(to))
		if err == nil {
			taken++
			continue
		}
		err = fmt.Errorf("%s: %w", to, err)
		if first == nil {
			first = err
		}
		if len(m.to) > 1 {
			m.log().Warn(ownWords+"a mail does not reach everybody", "server", m.server, "err", err)
		}
	}
	if taken > 0 {
		return nil
	}
	return first
}

func (m *Mailer) tlsConfig(host string) *tls.Config {
	if m.TLS == nil {
		return &tls.Config{ServerName: host}
	}
	config := m.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// forGood tells whether the server does not take a mail, however often it is tried.
func forGood(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code >= 500
}

// bare is an address without the name of who has it.
func bare(address string) string {
	if a, err := mail.ParseAddress(address); err == nil {
		return a.Address
	}
	return address
}

func checkAddress(address string) error {
	if _, err := mail.ParseAddress(address); err != nil || oneLine(address) != address {
		return fmt.Errorf("errormail: %q is no mail address", address)
	}
	return nil
}

func checkServer(server string) error {
	host, port, err := net.SplitHostPort(server)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || host == "" || n == 0 {
		return fmt.Errorf("errormail: %q is no mail server: give it as host:port", server)
	}
	return nil
}
