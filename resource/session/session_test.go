package session_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/resource/session"
)

type user struct{ Name string }

// app has a Sessions, and does with it what the first segment of the path says.
type app struct {
	resource.Leaf
	*session.Sessions
}

func (a app) Render(r *resource.Request) ([]byte, error) {
	switch strings.Trim(r.Path(), "/") {
	case "login":
		s := a.Regenerate(r)
		return nil, session.Set(s, user{r.ArgOr("name", "ann")})
	case "logout":
		a.Logout(r)
		return nil, nil
	case "twice":
		if s := a.Of(r); a.Of(r) != s || r.Session() != resource.Session(s) {
			return nil, fmt.Errorf("another session in the same request")
		}
		return nil, nil
	case "find":
		if s := a.Find(r); s != nil {
			return []byte("found"), nil
		}
		return []byte("none"), nil
	}
	u, ok := session.Get[user](a.Of(r))
	return fmt.Appendf(nil, "%s %t", u.Name, ok), nil
}

// browser keeps cookies as a browser does.
type browser struct {
	t       *testing.T
	server  *resourcetest.Server
	cookies map[string]string
}

func newBrowser(t *testing.T, server *resourcetest.Server) *browser {
	return &browser{t: t, server: server, cookies: make(map[string]string)}
}

func newServer(change func(*session.Sessions)) (*resourcetest.Server, *session.Sessions) {
	server := resourcetest.New(nil)
	sessions := session.New(server.Loop)
	if change != nil {
		change(sessions)
	}
	server.Root = app{Sessions: sessions}
	return server, sessions
}

func (b *browser) get(target string) (body string, set []string) {
	b.t.Helper()
	var fields protocol.Fields
	for name, value := range b.cookies {
		fields.Add("Cookie", name+"="+value)
	}
	got := b.server.Do("GET", target, fields, nil)
	if got.Status != 200 {
		b.t.Fatalf("%s: %v", target, got)
	}
	set = got.Fields.Values("Set-Cookie")
	for _, line := range set {
		name, rest, _ := strings.Cut(line, "=")
		value, attributes, _ := strings.Cut(rest, ";")
		if b.cookies[name] = value; strings.Contains(attributes, "Max-Age=0") {
			delete(b.cookies, name)
		}
	}
	return string(got.Body), set
}

func TestSessionOfAClient(t *testing.T) {
	server, sessions := newServer(nil)
	ann, bob := newBrowser(t, server), newBrowser(t, server)
	if body, set := ann.get("/"); body != " false" || len(set) != 1 {
		t.Fatal(body, set)
	}
	ann.get("/login?name=ann")
	bob.get("/login?name=bob")
	for who, want := range map[*browser]string{ann: "ann true", bob: "bob true"} {
		if body, set := who.get("/"); body != want || len(set) != 0 {
			t.Errorf("%q %q, want %q", body, set, want)
		}
	}
	if n := sessions.Len(); n != 2 {
		t.Error(n, "sessions")
	}
	stolen := ann.cookies["session"]
	ann.get("/logout")
	if len(ann.cookies) != 0 || sessions.Len() != 1 {
		t.Error("not logged out:", ann.cookies, sessions.Len())
	}
	ann.cookies["session"] = stolen
	if body, _ := ann.get("/"); body != " false" {
		t.Error("a session after its logout:", body)
	}
}

func TestOneCookieInAnAnswer(t *testing.T) {
	server, _ := newServer(nil)
	b := newBrowser(t, server)
	if _, set := b.get("/twice"); len(set) != 1 {
		t.Error(set)
	}
	if _, set := newBrowser(t, server).get("/login"); len(set) != 1 { // Of and Regenerate
		t.Error(set)
	}
	if body, set := newBrowser(t, server).get("/find"); body != "none" || len(set) != 0 {
		t.Error(body, set)
	}
}

func TestRegenerate(t *testing.T) {
	server, sessions := newServer(nil)
	b := newBrowser(t, server)
	b.get("/")
	planted := b.cookies["session"]
	b.get("/login")
	if b.cookies["session"] == planted {
		t.Fatal("a login keeps the id")
	}
	thief := newBrowser(t, server)
	thief.cookies["session"] = planted
	if body, _ := thief.get("/"); body != " false" {
		t.Error("who knew the old id has the session:", body)
	}
	if n := sessions.Len(); n != 2 {
		t.Error(n, "sessions")
	}
}

func TestIDsOfOthersAreNotTaken(t *testing.T) {
	server, _ := newServer(nil)
	for _, id := range []string{"", "x", strings.Repeat("A", 26), strings.Repeat("A", 4000)} {
		b := newBrowser(t, server)
		b.cookies["session"] = id
		if _, set := b.get("/"); len(set) != 1 || b.cookies["session"] == id {
			t.Errorf("%.10q is taken: %q", id, set)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	for _, c := range []struct {
		name   string
		secure bool
		change func(*session.Sessions)
		want   string // with ID in place of the value
	}{
		{"plain", false, nil, "session=ID; Path=/; HttpOnly; SameSite=Lax"},
		{"TLS", true, nil, "__Host-session=ID; Path=/; Secure; HttpOnly; SameSite=Lax"},
		{"path", true, func(s *session.Sessions) { s.Path = "/app" }, "__Secure-session=ID; Path=/app; Secure; HttpOnly; SameSite=Lax"},
		{"domain", true, func(s *session.Sessions) { s.Domain = "example.com" }, "__Secure-session=ID; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax"},
		{"none", false, func(s *session.Sessions) { s.SameSite = protocol.SameSiteNone }, "__Host-session=ID; Path=/; Secure; HttpOnly; SameSite=None"},
		{"name, lasting", false, func(s *session.Sessions) { s.Cookie, s.Lasting, s.Timeout = "id", true, time.Hour },
			"id=ID; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		server, _ := newServer(c.change)
		if c.secure {
			server.Secure = &tls.ConnectionState{}
		}
		b := newBrowser(t, server)
		_, set := b.get("/")
		if len(set) != 1 {
			t.Fatal(c.name, set)
		}
		name, rest, _ := strings.Cut(set[0], "=")
		id, attributes, _ := strings.Cut(rest, ";")
		if got := name + "=ID;" + attributes; got != c.want || len(id) < 26 {
			t.Errorf("%s: %s, want %s", c.name, set[0], c.want)
		}
	}
}

// A session of plain HTTP, which anybody on the way may have set, is none over TLS.
func TestSchemesDoNotShare(t *testing.T) {
	server, _ := newServer(nil)
	b := newBrowser(t, server)
	b.get("/login")
	server.Secure = &tls.ConnectionState{}
	if body, set := b.get("/"); body != " false" || len(set) != 1 {
		t.Error(body, set)
	}
}

func TestExpiry(t *testing.T) {
	server, sessions := newServer(nil)
	loop, b := server.Loop, newBrowser(t, server)
	b.get("/login")
	for range 3 { // each request puts it off
		loop.Advance(session.DefaultTimeout - time.Second)
		if body, _ := b.get("/"); body != "ann true" {
			t.Fatal("gone too early:", body)
		}
	}
	var told []string
	s := only(t, server, b, sessions)
	s.OnExpire(func() { told = append(told, "expired") })
	loop.Advance(session.DefaultTimeout - time.Millisecond)
	if len(told) != 0 || sessions.Len() != 1 {
		t.Error("too early:", told)
	}
	loop.Advance(time.Millisecond)
	if !slices.Equal(told, []string{"expired"}) || sessions.Len() != 0 || !s.Expired() {
		t.Error("not ended:", told, sessions.Len())
	}
	s.OnExpire(func() { told = append(told, "late") })
	loop.Run()
	if len(told) != 2 {
		t.Error("who came late is not told")
	}
	if session.Set(s, user{"x"}) != nil {
		t.Error("an ended session takes no value, silently")
	}
	if _, ok := session.Get[user](s); ok {
		t.Error("an ended session has a value")
	}
	if body, set := b.get("/"); body != " false" || len(set) != 1 {
		t.Error("after the end:", body, set)
	}
}

// only is the session of b.
func only(t *testing.T, server *resourcetest.Server, b *browser, sessions *session.Sessions) (s *session.Session) {
	root := server.Root
	defer func() { server.Root = root }()
	server.Root = leaf(func(r *resource.Request) { s = sessions.Find(r) })
	if b.get("/"); s == nil {
		t.Fatal("no session")
	}
	return s
}

type leaf func(*resource.Request)

func (leaf) IsLeaf() bool                                      { return true }
func (leaf) Child(string, *resource.Request) resource.Resource { return nil }
func (f leaf) Render(r *resource.Request) ([]byte, error)      { f(r); return nil, nil }

func TestTimeoutOfOne(t *testing.T) {
	server, sessions := newServer(nil)
	long, short := newBrowser(t, server), newBrowser(t, server)
	long.get("/login")
	short.get("/login")
	only(t, server, short, sessions).SetTimeout(time.Minute)
	server.Loop.Advance(2 * time.Minute)
	if body, _ := short.get("/find"); body != "none" {
		t.Error("the short one", body)
	}
	if body, _ := long.get("/find"); body != "found" {
		t.Error("the long one", body)
	}
	only(t, server, long, sessions).SetTimeout(0)
	if body, _ := long.get("/find"); body != "none" {
		t.Error("a session without time", body)
	}
}

func TestMost(t *testing.T) {
	server, sessions := newServer(func(s *session.Sessions) { s.Most = 3 })
	var all []*browser
	for i := range 5 {
		b := newBrowser(t, server)
		b.get("/login")
		all = append(all, b)
		server.Loop.Advance(time.Second)
		all[0].get("/") // the first is the one that was seen last
		if n := sessions.Len(); n > 3 || n != min(i+1, 3) {
			t.Fatal(n, "sessions")
		}
	}
	for i, want := range []string{"found", "none", "none", "found", "found"} {
		if body, _ := all[i].get("/find"); body != want {
			t.Errorf("session %d: %s", i, body)
		}
	}
}

// Clients without cookies push out each other, and nobody who has something to lose.
func TestFlood(t *testing.T) {
	server, sessions := newServer(func(s *session.Sessions) { s.Most = 10 })
	b := newBrowser(t, server)
	b.get("/login")
	for range 100 {
		server.Get("/")
		server.Loop.Advance(time.Second)
	}
	if n := sessions.Len(); n != 10 {
		t.Error(n, "sessions")
	}
	if body, _ := b.get("/"); body != "ann true" {
		t.Error("logged out:", body)
	}
}

// A request that came with the old id before the login has nothing of the new session.
func TestRegenerateUnderARequest(t *testing.T) {
	server, sessions := newServer(nil)
	b := newBrowser(t, server)
	b.get("/")
	planted := protocol.Fields{{Name: "Cookie", Value: "session=" + b.cookies["session"]}}
	var early *session.Session
	var request *resource.Request
	root := server.Root
	server.Root = later(func(r *resource.Request) { request, early = r, sessions.Of(r) })
	server.Start("GET", "/", planted, nil)
	server.Root = root
	b.get("/login")
	if u, ok := session.Get[user](early); ok || !early.Expired() {
		t.Error("who came before the login has", u)
	}
	if s := sessions.Of(request); s == early || s.ID() == b.cookies["session"] {
		t.Error("a request that came before the login has its session")
	}
}

type later func(*resource.Request)

func (later) IsLeaf() bool                                      { return true }
func (later) Child(string, *resource.Request) resource.Resource { return nil }
func (f later) Render(r *resource.Request) ([]byte, error) {
	f(r)
	return nil, resource.NotDoneYet
}

// What another host or path has set under the same name is passed over.
func TestCookiesOfOthers(t *testing.T) {
	server, _ := newServer(nil)
	b := newBrowser(t, server)
	b.get("/login")
	got := server.Do("GET", "/", protocol.Fields{{Name: "Cookie", Value: "session=junk; session=" + b.cookies["session"]}}, nil)
	if string(got.Body) != "ann true" || got.Field("Set-Cookie") != "" {
		t.Error(got)
	}
}

func TestTwoSessions(t *testing.T) {
	server := resourcetest.New(nil)
	a, b := session.New(server.Loop), session.New(server.Loop)
	b.Cookie = "other"
	server.Root = leaf(func(r *resource.Request) {
		first := a.Of(r)
		b.Of(r)
		if a.Of(r) != first {
			t.Error("another session in the same request")
		}
	})
	if got := server.Get("/"); len(got.Fields.Values("Set-Cookie")) != 2 || a.Len() != 1 || b.Len() != 1 {
		t.Error(got)
	}
}

func TestUpdate(t *testing.T) {
	server, sessions := newServer(nil)
	b := newBrowser(t, server)
	b.get("/")
	s := only(t, server, b, sessions)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				_ = session.Update(s, func(n int) int { return n + 1 })
			}
		})
	}
	group.Wait()
	if n, _ := session.Get[int](s); n != 800 {
		t.Error(n)
	}
	func() {
		defer func() { _ = recover() }()
		_ = session.Update(s, func(int) int { panic("x") })
	}()
	if n, _ := session.Get[int](s); n != 800 {
		t.Error("after a panic:", n)
	}
	s.Expire()
	_ = session.Update(s, func(int) int { t.Error("called after the end"); return 0 })
}

func TestValues(t *testing.T) {
	server, sessions := newServer(nil)
	b := newBrowser(t, server)
	b.get("/login?name=%3Cb%3E")
	s := only(t, server, b, sessions)
	if err := session.Set(s, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for name, value := range s.Values() {
		list[name] = value
	}
	if list["spindle/resource/session_test.user"] != "{Name:<b>}" || list["[]int"] != "[1 2]" || len(list) != 2 {
		t.Error(list)
	}
	session.Delete[user](s)
	if _, ok := session.Get[user](s); ok {
		t.Error("deleted, and there")
	}
}

func stored(t *testing.T, dir string, loop *reactortest.Loop) (*session.Sessions, error) {
	t.Helper()
	store, err := session.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return session.NewStored(loop, store)
}

// serverOn is a server whose sessions are kept in dir.
func serverOn(t *testing.T, dir string) *resourcetest.Server {
	t.Helper()
	server := resourcetest.New(nil)
	server.Loop.SyncThreads = true
	sessions, err := stored(t, dir, server.Loop)
	if err != nil {
		t.Fatal(err)
	}
	server.Root = app{Sessions: sessions}
	return server
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	first := serverOn(t, dir)
	ann, bob, out := newBrowser(t, first), newBrowser(t, first), newBrowser(t, first)
	ann.get("/login?name=ann")
	bob.get("/login?name=bob")
	out.get("/login?name=out")
	first.Loop.Advance(time.Second)
	out.get("/logout")
	ann.get("/login?name=anna") // another id, another value
	first.Loop.Advance(time.Second)
	files, _ := os.ReadDir(dir)
	if len(files) != 2 {
		t.Fatal(files)
	}
	for _, f := range files {
		data, _ := os.ReadFile(filepath.Join(dir, f.Name()))
		for _, b := range []*browser{ann, bob} {
			if strings.Contains(f.Name()+string(data), b.cookies["session"]) {
				t.Error("the id is in the file:", string(data))
			}
		}
		if info, _ := f.Info(); info.Mode().Perm() != 0o600 {
			t.Error(info.Mode())
		}
	}

	second := serverOn(t, dir)
	ann.server, bob.server, out.server = second, second, second
	if body, set := ann.get("/"); body != "anna true" || len(set) != 0 {
		t.Error(body, set)
	}
	if body, _ := out.get("/find"); body != "none" {
		t.Error("back after the logout:", body)
	}
	second.Loop.Advance(session.DefaultTimeout + time.Second)
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Error("ended sessions stay:", files)
	}
}

// A store that fails is asked again, and what was never in it is not removed from it.
func TestStoreThatFails(t *testing.T) {
	store := &failing{fail: true, records: make(map[string]session.Record)}
	server := resourcetest.New(nil)
	server.Loop.SyncThreads = true
	sessions, err := session.NewStored(server.Loop, store)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	sessions.Log = slog.New(slog.NewTextHandler(&log, nil))
	server.Root = app{Sessions: sessions}
	b, gone := newBrowser(t, server), newBrowser(t, server)
	b.get("/login")
	gone.get("/login")
	server.Loop.Advance(time.Second)
	if len(store.records) != 0 || !strings.Contains(log.String(), "disk full") {
		t.Fatal(store.records, log.String())
	}
	store.fail = false
	server.Loop.Advance(10 * time.Second)
	if len(store.records) != 2 {
		t.Error(len(store.records), "records after the store has recovered")
	}
	store.fail = true
	gone.get("/logout")
	server.Loop.Advance(time.Second)
	store.fail = false
	server.Loop.Advance(10 * time.Second)
	if len(store.records) != 1 {
		t.Error("a logout is forgotten")
	}
	asked := store.asked
	for range 5 { // come and go within the moment
		brief := newBrowser(t, server)
		brief.get("/login")
		brief.get("/logout")
	}
	server.Loop.Advance(10 * time.Second)
	if store.asked != asked || sessions.Len() != 1 {
		t.Error("what was never kept is removed:", store.asked-asked)
	}
}

// failing is a Store in memory.
type failing struct {
	fail    bool
	asked   int // calls of Delete
	records map[string]session.Record
}

var errFull = errors.New("disk full")

func (f *failing) LoadAll(yield func(session.Record) bool) error {
	for _, r := range f.records {
		if !yield(r) {
			break
		}
	}
	return nil
}

func (f *failing) Save(r session.Record) error {
	if f.fail {
		return errFull
	}
	f.records[r.Key] = r
	return nil
}

func (f *failing) Delete(key string) error {
	f.asked++
	if f.fail {
		return errFull
	}
	delete(f.records, key)
	return nil
}

// Most is set after the sessions were loaded, and holds from the next one on.
func TestMostOfStored(t *testing.T) {
	store := &failing{records: make(map[string]session.Record)}
	server := resourcetest.New(nil)
	for i := range 20 {
		key := fmt.Sprint(i)
		store.records[key] = session.Record{Key: key, Touched: server.Loop.Now(), Timeout: time.Hour}
	}
	sessions, err := session.NewStored(server.Loop, store)
	if err != nil || sessions.Len() != 20 {
		t.Fatal(err, sessions.Len())
	}
	sessions.Most = 5
	server.Root = app{Sessions: sessions}
	if server.Get("/"); sessions.Len() != 5 {
		t.Error(sessions.Len(), "sessions")
	}
}

// What was changed last is saved when the program ends.
func TestStoreAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	server := serverOn(t, dir)
	b := newBrowser(t, server)
	b.get("/login")
	over := false
	server.Loop.Fire(reactor.Shutdown, func() { over = true })
	server.Loop.WaitFor(func() bool { return over })
	b.server = serverOn(t, dir)
	if body, _ := b.get("/"); body != "ann true" {
		t.Error(body)
	}
}

func TestBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	server := serverOn(t, dir)
	b := newBrowser(t, server)
	b.get("/login")
	server.Loop.Advance(time.Second)
	for name, text := range map[string]string{"half.session": `{"key":"ha`, "other.session": `{"key":"x"}`, "note.txt": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := resourcetest.New(nil)
	sessions, err := stored(t, dir, again.Loop)
	if err == nil || !strings.Contains(err.Error(), "half.session is no session") || !strings.Contains(err.Error(), "other.session is no session") {
		t.Error(err)
	}
	if sessions.Len() != 1 {
		t.Error(sessions.Len(), "sessions beside the broken ones")
	}
	if _, err := session.Dir(filepath.Join(dir, "note.txt")); err == nil {
		t.Error("a file is taken for a directory")
	}
}

func TestValueThatCanNotBeKept(t *testing.T) {
	server := serverOn(t, t.TempDir())
	b := newBrowser(t, server)
	b.get("/login")
	s := only(t, server, b, server.Root.(app).Sessions)
	if err := session.Set(s, func() {}); err == nil || !strings.Contains(err.Error(), "func()") {
		t.Error(err)
	}
	if f, ok := session.Get[func()](s); !ok || f == nil {
		t.Error("not even in memory")
	}
}

// Sessions are shared by the loops of a group, and by whoever has one.
func TestFromManyGoroutines(t *testing.T) {
	server := serverOn(t, t.TempDir())
	b := newBrowser(t, server)
	b.get("/login")
	s := only(t, server, b, server.Root.(app).Sessions)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 100 {
				_ = session.Set(s, user{fmt.Sprint(i)})
				session.Get[user](s)
				for range s.Values() {
				}
				s.SetTimeout(time.Hour)
			}
			s.Expire()
		})
	}
	group.Wait()
	server.Loop.Run()
	if !s.Expired() {
		t.Error("not ended")
	}
}

func Example() {
	server := resourcetest.New(nil)
	sessions := session.New(server.Loop) // of a reactor: session.New(reactor.Default())
	server.Root = leaf(func(r *resource.Request) {
		s := sessions.Of(r)
		_ = session.Update(s, func(n int) int { return n + 1 })
		n, _ := session.Get[int](s)
		r.Write(fmt.Appendf(nil, "visit %d", n))
	})
	first := server.Get("/")
	cookie, _, _ := strings.Cut(first.Field("Set-Cookie"), ";")
	second := server.Do("GET", "/", protocol.Fields{{Name: "Cookie", Value: cookie}}, nil)
	fmt.Println(string(first.Body), string(second.Body))
	// Output: visit 1 visit 2
}
