package errormail

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"spindle/protocol/postmortem"
)

// This file makes notes of records. It runs on the goroutine that logs.

// maxNoteBytes is what is kept of a record's values.
const maxNoteBytes = 32 << 10

// ownWords begins what a Mailer logs itself, which is never mailed.
const ownWords = "errormail: "

// note is what a mail says of an error.
type note struct {
	key   string // the same for errors that are equal
	level slog.Level
	title string // one line
	lines string // attributes, one or more lines each
	id    string // on the page of the error; "" without
	at    time.Time
}

// handler is a Mailer in the way of records.
type handler struct {
	m      *Mailer
	next   slog.Handler
	prefix string // of the keys: groups
	attrs  []attr // by WithAttrs
}

// attr is an attribute as a mail shows it.
type attr struct{ key, value string }

// Handler passes records on to next, and mails those of Level and above. Any goroutine.
func (m *Mailer) Handler(next slog.Handler) slog.Handler { return &handler{m: m, next: next} }

// Enabled tells whether one of the two wants records of this level.
func (h *handler) Enabled(c context.Context, level slog.Level) bool {
	return level >= h.m.level() || h.next.Enabled(c, level)
}

// Handle takes a record. Its result is that of the handler that it is passed on to.
func (h *handler) Handle(c context.Context, r slog.Record) error {
	if r.Level >= h.m.level() && !strings.HasPrefix(r.Message, ownWords) {
		h.m.take(func() *note { return h.note(&r) })
	}
	if !h.next.Enabled(c, r.Level) {
		return nil
	}
	return h.next.Handle(c, r)
}

// WithAttrs is the handler with attributes for every record.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	other := *h
	other.next = h.next.WithAttrs(attrs)
	other.attrs = append([]attr(nil), h.attrs...)
	for _, a := range attrs {
		other.attrs = appendAttr(other.attrs, h.prefix, a)
	}
	return &other
}

// WithGroup is the handler with a group around the attributes to come.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	other := *h
	other.next = h.next.WithGroup(name)
	other.prefix = h.prefix + name + "."
	return &other
}

// appendAttr adds an attribute, of a group each that is in it.
func appendAttr(list []attr, prefix string, a slog.Attr) []attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return append(list, attr{prefix + a.Key, masked(a.Key, v.String())})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, inner := range v.Group() {
		list = appendAttr(list, prefix, inner)
	}
	return list
}

// note renders a record.
func (h *handler) note(r *slog.Record) *note {
	list := append([]attr(nil), h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		list = appendAttr(list, h.prefix, a)
		return true
	})
	n := &note{level: r.Level, title: masked("", r.Message), at: r.Time}
	var key, lines strings.Builder
	fmt.Fprintf(&key, "%v %s", r.Level, r.Message)
	for _, a := range list {
		switch name := a.key[strings.LastIndexByte(a.key, '.')+1:]; name {
		case "id":
			n.id = a.value
		case "err", "error", "panic", "status":
			fmt.Fprintf(&key, "\n%s=%s", name, a.value)
			if name != "status" && !strings.Contains(n.title, ": "+a.value) {
				n.title += ": " + a.value
			}
		}
		if room := maxNoteBytes - lines.Len(); room > 0 {
			writeAttr(&lines, a, room)
		}
	}
	n.key, n.lines = key.String(), lines.String()
	n.title = firstLine(n.title)
	return n
}

// writeAttr writes an attribute on a line, or indented on lines of its own.
func writeAttr(b *strings.Builder, a attr, room int) {
	value := strings.TrimRight(a.value, "\n")
	if len(value) > room {
		value = strings.ToValidUTF8(value[:room], "") + " …"
	}
	if !strings.Contains(value, "\n") {
		fmt.Fprintf(b, "%s: %s\n", a.key, value)
		return
	}
	fmt.Fprintf(b, "%s:\n", a.key)
	for line := range strings.Lines(value) {
		b.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
	}
}

// firstLine is the first line of s, cut.
func firstLine(s string) string {
	const most = 200
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}

// masked is a value without what is secret by its name, or by that of an argument in an URL of
// it, and without the passwords of URLs. It is what development pages leave out, too.
func masked(name, value string) string {
	if name != "" && value != "" && postmortem.IsSecret(name) {
		return postmortem.Mask
	}
	if !strings.ContainsAny(value, "?/") {
		return value
	}
	var b strings.Builder
	for value != "" {
		w := value
		if i := strings.IndexAny(value, " \n"); i >= 0 {
			w = value[:i+1]
		}
		value = value[len(w):]
		if strings.Contains(w, "://") || strings.Contains(w, "?") {
			w = maskedWord(w)
		}
		b.WriteString(w)
	}
	return b.String()
}

// maskedWord is a word that may be a URL or a target, perhaps quoted.
func maskedWord(w string) string {
	word := strings.TrimRight(w, " \n\"',;)")
	tail := w[len(word):]
	if strings.Contains(word, "://") {
		return postmortem.PairOf("", word).Value + tail
	}
	return postmortem.MaskTarget(word) + tail
}
