package errormail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// outbox is a Mailer on a loop in memory, and the mails that it sends.
type outbox struct {
	*Mailer
	t    *testing.T
	loop *reactortest.Loop
	log  *slog.Logger
	next bytes.Buffer // what the handler before has written

	mu    sync.Mutex
	texts []string
	fails []error // of the tries to come
}

func newOutbox(t *testing.T) *outbox {
	o := &outbox{t: t, loop: reactortest.NewLoop()}
	o.loop.SyncThreads = true
	t.Cleanup(o.loop.Close)
	o.Mailer = New(o.loop, "mail.test:25", "shop@example.org", "ops@example.org", "Ada <ada@example.org>")
	o.Program, o.Mailer.host = "shop", "web1"
	o.Mailer.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	o.post = func(text []byte) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.fails) > 0 {
			err := o.fails[0]
			o.fails = o.fails[1:]
			if err != nil {
				return err
			}
		}
		o.texts = append(o.texts, string(text))
		return nil
	}
	o.log = slog.New(o.Handler(slog.NewTextHandler(&o.next, &slog.HandlerOptions{Level: slog.LevelWarn})))
	o.loop.Run()
	return o
}

// mails takes what was sent: subject and text of each.
func (o *outbox) mails() (list []string) {
	o.t.Helper()
	o.loop.Run()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, text := range o.texts {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			o.t.Fatalf("%v in %s", err, text)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil {
			o.t.Error(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			o.t.Error(err)
		}
		list = append(list, subject+"\n"+strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	o.texts = nil
	return list
}

// want compares with the parts that each mail has to have.
func (o *outbox) want(mails ...[]string) {
	o.t.Helper()
	got := o.mails()
	if len(got) != len(mails) {
		o.t.Fatalf("%d mails, want %d: %q", len(got), len(mails), got)
	}
	for i, parts := range mails {
		for _, part := range parts {
			if !strings.Contains(got[i], part) {
				o.t.Errorf("mail %d has no %q:\n%s", i+1, part, got[i])
			}
		}
	}
}

func TestFirstErrorIsMailedAtOnce(t *testing.T) {
	o := newOutbox(t)
	o.log.Info("quiet")
	o.log.Warn("a warning")
	o.log.With("shop", 7).WithGroup("req").Error("request failed", "request", `GET "/ä?n=1&token=hush"`, "id", "ABC", "err", "dial postgres://ada:hush@db/x failed\nsecond",
		"api_key", "hush", slog.Group("in", "n", 1))
	got := o.mails()
	if len(got) != 1 {
		t.Fatalf("%d mails: %q", len(got), got)
	}
	for _, want := range []string{
		"[shop on web1] ERROR request failed: dial postgres://ada:••••••@db/x failed\n", "shop: 7\n", "req.request: GET \"/ä?n=1&token=••••••\"\n",
		"req.id: ABC\n", "req.err:\n    dial postgres://ada:••••••@db/x failed\n    second\n", "req.api_key: ••••••\n", "req.in.n: 1\n", "on web1. Equal errors of the next 10m0s are one more mail.",
	} {
		if !strings.Contains(got[0], want) {
			t.Errorf("no %q in\n%s", want, got[0])
		}
	}
	if strings.Contains(got[0], "hush") {
		t.Errorf("a secret is in\n%s", got[0])
	}
	if next := o.next.String(); strings.Contains(next, "quiet") || !strings.Contains(next, "a warning") || !strings.Contains(next, "shop=7 req.request=") {
		t.Errorf("the handler before has %s", next)
	}
}

func TestEqualErrorsAreOneMail(t *testing.T) {
	o := newOutbox(t)
	for i := range 30 {
		o.log.Error("request failed", "request", fmt.Sprintf("GET /%d", i), "id", fmt.Sprintf("ID%02d", i), "err", "no database")
	}
	o.log.Error("request failed", "id", "OTHER", "err", "no disk")
	o.want([]string{"ERROR request failed: no database", "id: ID00"}, []string{"no disk"})
	o.loop.Advance(10 * time.Minute)
	o.want([]string{"ERROR (29 more) request failed: no database", "It came 29 more times between", "Ids: ID01, ID02,", "ID20, and more.", "request: GET /29"})
	o.loop.Advance(9 * time.Minute)
	o.log.Error("request failed", "err", "no database")
	o.want()
	o.loop.Advance(time.Minute)
	o.want([]string{"(1 more)", "It came once more, at "})
	o.loop.Advance(20 * time.Minute) // none for an interval: the next is a first one
	o.log.Error("request failed", "err", "no database")
	o.want([]string{"[shop on web1] ERROR request failed"})
}

func TestKindsAreLimited(t *testing.T) {
	o := newOutbox(t)
	o.MaxKinds = 2
	for i := range 5 {
		o.log.Error("failed", "err", i)
	}
	o.want([]string{"failed: 0"}, []string{"failed: 1"})
	o.loop.Advance(10 * time.Minute)
	o.want([]string{"3 more errors of other kinds", "more than 2 kinds"})
}

// A burst costs the loop no more than its bound, and is told.
func TestBurst(t *testing.T) {
	o := newOutbox(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range maxPosted {
				o.log.Error("failed")
			}
		})
	}
	all.Wait()
	o.want([]string{"ERROR failed", "could not be mailed, and are in the log: "})
	o.loop.Advance(10 * time.Minute)
	o.want([]string{fmt.Sprintf("It came %d more times", maxPosted-1)})
}

func TestTriedAgain(t *testing.T) {
	o := newOutbox(t)
	o.fails = []error{errors.New("no route"), &textproto.Error{Code: 451, Msg: "greylisted"}, nil, &textproto.Error{Code: 550, Msg: "no such user"}}
	o.log.Error("one")
	o.want()
	o.loop.Advance(30 * time.Second)
	o.want()
	o.loop.Advance(59 * time.Second)
	o.want()
	o.loop.Advance(time.Second)
	o.want([]string{"ERROR one"})
	o.log.Error("two")
	o.log.Error("three")
	o.want([]string{"ERROR three"}) // the other one is not wanted
}

// What is queued stays within a bound while the server is away.
func TestQueueIsBounded(t *testing.T) {
	o := newOutbox(t)
	o.MaxKinds = 2 * maxQueue
	o.fails = []error{errors.New("away")}
	for i := range maxQueue + 7 {
		o.log.Error("failed", "err", i)
		o.loop.Run()
	}
	o.loop.Advance(firstRetry)
	if got := o.mails(); len(got) != maxQueue {
		t.Errorf("%d mails", len(got))
	}
	o.log.Error("another")
	o.want([]string{"could not be mailed, and are in the log: 7."})
}

func TestSentBeforeTheEnd(t *testing.T) {
	o := newOutbox(t)
	o.log.Error("one")
	o.log.Error("one")
	o.want([]string{"ERROR one"})
	over := false
	o.loop.Fire(reactor.Shutdown, func() { over = true })
	o.want([]string{"It came once more"})
	if !over {
		t.Error("the end waits for nothing")
	}
}

// A server that is away does not hold the end up.
func TestEndGivesUp(t *testing.T) {
	o := newOutbox(t)
	o.fails = []error{errors.New("away"), errors.New("away"), errors.New("away")}
	o.log.Error("one")
	o.log.Error("two")
	o.loop.Run()
	over := false
	o.loop.Fire(reactor.Shutdown, func() { over = true })
	o.want()
	if !over {
		t.Error("it is not over")
	}
}

// text is the first mail as it is sent.
func (o *outbox) text() string {
	o.t.Helper()
	o.loop.Run()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.texts) == 0 {
		o.t.Fatal("there is no mail")
	}
	return o.texts[0]
}

func TestLinesOfAMail(t *testing.T) {
	o := newOutbox(t)
	o.log.Error("bad\r\nBcc: all@example.org " + strings.Repeat("é", 300) + strings.Repeat("long ", 300))
	text := o.text()
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for line := range strings.Lines(text) {
		if len(line) > 200 || strings.HasPrefix(line, "Bcc") && strings.Contains(head, line) {
			t.Errorf("a line %q", line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"From": "shop@example.org", "To": "ops@example.org, Ada <ada@example.org>", "Auto-Submitted": "auto-generated"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := m.Header.Date(); err != nil || !strings.HasSuffix(m.Header.Get("Message-ID"), "@example.org>") {
		t.Errorf("%v, %v", err, m.Header)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct{ server, from, to, want string }{
		{"localhost:25", "a@b", "c@d", ""},
		{"localhost", "a@b", "c@d", `"localhost" is no mail server: give it as host:port`},
		{"localhost:smtp", "a@b", "c@d", "is no mail server"},
		{"localhost:25", "a", "c@d", `"a" is no mail address`},
		{"localhost:25", "a@b", "c@d\r\nX: y", "is no mail address"},
	} {
		err := Check(test.server, test.from, test.to)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if err := Check("h:25", "a@b"); err == nil {
		t.Error("nobody to write to is fine")
	}
}
