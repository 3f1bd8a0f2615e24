package main

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestMailRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		"name who gets them with --error-mail":  {"web", "--smtp", "mail:25"},
		`"ops" is no mail address`:              {"web", "--error-mail", "ops"},
		`"mail" is no mail server: give it as `: {"wsgi", "a", "--error-mail", "ops@example.org", "--smtp", "mail"},
		`"me" is no mail address`:               {"web", "--error-mail", "ops@example.org", "--mail-from", "me"},
	} {
		if code, out, errs := capture(t, args...); code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d, said %q%q, want %q", args, code, out, errs, want)
		}
	}
}

// With mails the log reads as without.
func TestPlainHandler(t *testing.T) {
	var got, want bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&want)
	say := func(l *slog.Logger) {
		l.Debug("unseen")
		l.Info("plain")
		l.With("a", 1).WithGroup("g").With("b", "two words").Error("bad", "err", "x\ny", slog.Group("in", "c", 3))
	}
	say(slog.Default())
	say(slog.New(&plainHandler{out: &got, mu: new(sync.Mutex)}))
	stamp := regexp.MustCompile(`(?m)^\S+ \S+ `)
	if a, b := stamp.ReplaceAllString(got.String(), ""), stamp.ReplaceAllString(want.String(), ""); a != b || !strings.Contains(a, "ERROR bad a=1 g.b=") {
		t.Errorf("%s\nwant\n%s", got.String(), want.String())
	}
}

// takeMail is a mail server that gives each mail to mails.
func takeMail(t *testing.T, mails chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mails <- oneMail(c)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func oneMail(c net.Conn) string {
	in := bufio.NewReader(c)
	var text strings.Builder
	_, _ = io.WriteString(c, "220 here\r\n")
	for {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			return text.String()
		case strings.HasPrefix(line, "DATA"):
			_, _ = io.WriteString(c, "354 go on\r\n")
			for line != ".\r\n" && err == nil {
				line, err = in.ReadString('\n')
				text.WriteString(line)
			}
		case strings.HasPrefix(line, "QUIT"):
			return text.String()
		}
		_, _ = io.WriteString(c, "250 ok\r\n")
	}
}

// An upstream that is not there is an error: in the log, and in a mail.
func TestErrorsAreMailed(t *testing.T) {
	mails := make(chan string, 8)
	t.Setenv(smtpPasswordKey, "")
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0", "--cgi", "/x="+failingScript(t), "--error-mail", "ops@example.org",
		"--mail-from", "web@example.org", "--smtp", takeMail(t, mails))
	url := c.wait(localPattern)
	for range 3 {
		if status, _, _ := c.get(url + "x?token=hush"); status < 500 {
			t.Errorf("%d", status)
		}
	}
	if mail := <-mails; !strings.Contains(mail, "From: web@example.org\r\nTo: ops@example.org\r\nSubject: [spindle on ") || strings.Contains(mail, "hush") {
		t.Errorf("%s", mail)
	}
	c.wait(`(?m)^\S+ \S+ ERROR resource: request failed request="GET `)
	c.signal(syscall.SIGTERM)
	if mail := <-mails; !strings.Contains(mail, "It came 2 more times") {
		t.Errorf("%s", mail)
	}
	if state := c.end(); !state.Success() {
		t.Errorf("it ended with %v: %s", state, c.said())
	}
}

func failingScript(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"bad": "#!/bin/sh\nexit 3\n"})
	if err := syscall.Chmod(dir+"/bad", 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + "/bad"
}
