package errormail

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// This file writes mails.

const timeLayout = "2006-01-02 15:04:05 MST"

// first is the mail about the first error of a kind.
func (m *Mailer) first(n *note) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n%s\n", n.level, n.title, n.lines)
	fmt.Fprintf(&b, "At %s, on %s. Equal errors of the next %v are one more mail.\n", n.at.Format(timeLayout), m.host, m.interval())
	return m.mail(fmt.Sprintf("%s %s", n.level, n.title), b.String())
}

// more is the mail about those that came after it.
func (m *Mailer) more(k *kind) []byte {
	n := k.last
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", n.level, n.title)
	if k.count == 1 {
		fmt.Fprintf(&b, "It came once more, at %s, on %s.\n", n.at.Format(timeLayout), m.host)
	} else {
		fmt.Fprintf(&b, "It came %d more times between %s and %s, on %s.\n", k.count, k.since.Format(timeLayout), n.at.Format(timeLayout), m.host)
	}
	if len(k.ids) > 0 {
		fmt.Fprintf(&b, "Ids: %s", strings.Join(k.ids, ", "))
		if k.count > len(k.ids) {
			b.WriteString(", and more")
		}
		b.WriteString(".\n")
	}
	fmt.Fprintf(&b, "\nThe last one:\n\n%s", n.lines)
	return m.mail(fmt.Sprintf("%s (%d more) %s", n.level, k.count, n.title), b.String())
}

// otherKinds is the mail about errors that have none of their own.
func (m *Mailer) otherKinds() []byte {
	return m.mail(fmt.Sprintf("%d more errors of other kinds", m.others),
		fmt.Sprintf("Within %v there were more than %d kinds of errors on %s. The other %d errors are in its log alone.\n",
			m.interval(), m.maxKinds(), m.host, m.others))
}

// mail is a message, with the lines that every one has.
func (m *Mailer) mail(subject, text string) []byte {
	if n := m.lost.Swap(0); n > 0 {
		text += fmt.Sprintf("\nErrors before this that could not be mailed, and are in the log: %d.\n", n)
	}
	m.count++
	now := m.loop.Now()
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, oneLine(value)) }
	field("From", m.from)
	field("To", strings.Join(m.to, ", "))
	b.WriteString("Subject: " + subjectText(fmt.Sprintf("[%s on %s] %s", m.program(), m.host, subject)) + "\r\n")
	field("Date", now.Format(time.RFC1123Z))
	field("Message-ID", fmt.Sprintf("<%d.%d.%d@%s>", now.UnixNano(), os.Getpid(), m.count, m.domain()))
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "quoted-printable")
	field("Auto-Submitted", "auto-generated") // RFC 3834: nobody answers it for being away
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\n", "\r\n"))) // to memory
	_ = q.Close()
	return b.Bytes()
}

// subjectText is s in the words of RFC 2047 where that is needed, one on each line.
func subjectText(s string) string {
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", oneLine(s)), "?= =?", "?=\r\n =?")
}

// oneLine is s without what would end a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

func (m *Mailer) program() string {
	if m.Program != "" {
		return m.Program
	}
	return filepath.Base(os.Args[0])
}

// domain is that of the sender.
func (m *Mailer) domain() string {
	if a, err := mail.ParseAddress(m.from); err == nil {
		if _, domain, ok := strings.Cut(a.Address, "@"); ok {
			return domain
		}
	}
	return m.host
}
