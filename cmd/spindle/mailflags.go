package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"spindle/cmd/spindle/daemon"
	"spindle/site"
	"spindle/site/errormail"
)

// This file is the part of the command line that has errors mailed, and the log that they are
// in, too.

// mailConfig is what the flags ask for.
type mailConfig struct {
	MailTo   []string
	MailFrom string // "": spindle at this machine
	SMTP     string

	user, password string // of the mail server, out of the environment
}

// What the mail server wants to know, which is no matter of a command line that others see.
const (
	smtpUserKey     = "SPINDLE_SMTP_USER"
	smtpPasswordKey = "SPINDLE_SMTP_PASSWORD"
)

const defaultSMTP = "localhost:25"

func (c *mailConfig) addMailFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.MailTo, "error-mail", nil, "`address` that errors are mailed to, equal ones of 10 minutes at once; may be given several times")
	f.StringVar(&c.SMTP, "smtp", c.SMTP, "`host:port` of the mail server; for one that asks see SPINDLE_SMTP_USER")
	f.StringVar(&c.MailFrom, "mail-from", "", "`address` that these mails come from (default spindle at the name of this machine)")
}

// mailer makes what mails errors, on the first loop; nil without.
func (s *server) mailer() *errormail.Mailer {
	c := s.config
	if len(c.MailTo) == 0 {
		return nil
	}
	m := errormail.New(s.group.Reactors()[0], c.SMTP, c.sender(), c.MailTo...)
	m.Username, m.Password, m.Program = c.user, c.password, "spindle"
	return m
}

func (c *mailConfig) sender() string {
	if c.MailFrom != "" {
		return c.MailFrom
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return "spindle@" + host
}

// checkMail tells what is wrong with the flags, and takes what is in the environment: no worker and
// no script is to find it there.
func (c *listenConfig) checkMail(changed func(flag string) bool) error {
	if len(c.MailTo) == 0 {
		if changed("smtp") || changed("mail-from") {
			return errors.New("--smtp and --mail-from are about mails of errors: name who gets them with --error-mail")
		}
		return nil
	}
	if err := errormail.Check(c.SMTP, c.sender(), c.MailTo...); err != nil {
		return fmt.Errorf("--error-mail, --smtp, --mail-from: %s", strings.TrimPrefix(err.Error(), "errormail: "))
	}
	if !c.Daemon || daemon.Detached() != nil { // else the daemon takes it
		c.user, c.password = os.Getenv(smtpUserKey), os.Getenv(smtpPasswordKey)
		for _, key := range []string{smtpUserKey, smtpPasswordKey} {
			_ = os.Unsetenv(key) // fails on odd names alone
		}
	}
	return nil
}

// mailErrors has what is logged as an error mailed, too, until stop is called.
func (s *server) mailErrors() (stop func()) {
	m := s.mailer()
	if m == nil {
		return func() {}
	}
	before := slog.Default()
	plain := &plainHandler{out: s.errs, mu: new(sync.Mutex)}
	m.Logger = slog.New(plain)
	slog.SetDefault(slog.New(m.Handler(plain)))
	return func() { slog.SetDefault(before) }
}

// plainHandler writes records as the handler does that slog has by itself, which can not stand
// behind another one.
type plainHandler struct {
	out  io.Writer
	mu   *sync.Mutex
	with []func(slog.Handler) slog.Handler // attributes and groups, in order
}

// Enabled tells whether the level of the server's log lets records of this level pass.
func (h *plainHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= site.LogLevel.Level()
}

// Handle writes a line: time, level, message, attributes.
func (h *plainHandler) Handle(c context.Context, r slog.Record) error {
	var line bytes.Buffer
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	fmt.Fprintf(&line, "%s %s %s ", at.Format("2006/01/02 15:04:05"), r.Level, r.Message)
	attrs := slog.Handler(slog.NewTextHandler(&line, &slog.HandlerOptions{ReplaceAttr: withoutFirst}))
	for _, f := range h.with {
		attrs = f(attrs)
	}
	only := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool {
		only.AddAttrs(a)
		return true
	})
	if err := attrs.Handle(c, only); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.out.Write(append(bytes.TrimRight(line.Bytes(), " \n"), '\n'))
	return err
}

// withoutFirst leaves out what stands at the head of the line already.
func withoutFirst(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

// WithAttrs is the handler with attributes for every record.
func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup is the handler with a group around the attributes to come.
func (h *plainHandler) WithGroup(name string) slog.Handler {
	return h.and(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *plainHandler) and(f func(slog.Handler) slog.Handler) slog.Handler {
	other := *h
	other.with = append(other.with[:len(other.with):len(other.with)], f)
	return &other
}
