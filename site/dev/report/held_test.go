package report

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spindle/protocol/postmortem"
)

// TestMain is the development server to this process: the socket is known before it starts.
func TestMain(m *testing.M) {
	if os.Getenv(postmortem.Variable) == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("unix", os.Getenv(postmortem.Variable))
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go see(c)
		}
	}()
	code := m.Run()
	_ = l.Close()
	os.Exit(code)
}

// see answers one report: the value of what was recovered it does not know.
func see(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	line, _ := in.ReadString('\n')
	if n, err := strconv.Atoi(strings.TrimSpace(line)); err != nil || n == 0 {
		return
	}
	_, _ = io.WriteString(c, postmortem.Seen)
	said := json.NewDecoder(in)
	var r postmortem.Report
	if said.Decode(&r) != nil || strings.HasPrefix(r.Exchange.Target, "/late") {
		return // as when its time has passed
	}
	if r.Recovered {
		_ = json.NewEncoder(c).Encode(postmortem.Place{})
		if said.Decode(&r.Causes) != nil {
			return
		}
	}
	page := "page of " + r.Causes[0].Text + " of " + r.Exchange.Target
	_ = json.NewEncoder(c).Encode(postmortem.Answer{Ticket: "T" + r.Exchange.ID, Type: "text/plain", Page: []byte(page)})
}

// recovering is a handler that has recovered a panic, and answers so.
func recovering(answer func(w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		defer func() {
			_ = recover()
			answer(w)
		}()
		nothing := func() map[string]int { return nil }
		nothing()["x"] = 1
	}
}

// again runs a test of this package in a process of its own.
func again(test, variable string) ([]byte, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable)
	return cmd.CombinedOutput()
}

// asChild runs a test once more, with a development server.
func asChild(t *testing.T) bool {
	t.Helper()
	if os.Getenv(postmortem.Variable) != "" {
		return true
	}
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	out, err := again(t.Name(), postmortem.Variable+"="+filepath.Join(dir, "s"))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func TestAnswerOfWhoHasRecovered(t *testing.T) {
	if !asChild(t) {
		return
	}
	const html, any = "text/html,*/*;q=0.8", "*/*"
	for _, row := range []struct {
		name, accept string
		answer       func(w http.ResponseWriter)
		status       int
		want         string
	}{
		{"nothing said", any, func(w http.ResponseWriter) { w.WriteHeader(503) }, 503, "page of a panic whose value is not known of /x?a=1"},
		{"no more than the status", any, func(w http.ResponseWriter) { http.Error(w, "Internal Server Error", 500) }, 500, "page of"},
		{"a few words", any, func(w http.ResponseWriter) { http.Error(w, "out of paper", 500) }, 500, "out of paper"},
		{"a few words for a browser", html, func(w http.ResponseWriter) { http.Error(w, "out of paper", 500) }, 500, "page of"},
		{"JSON for a browser", html, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"message":"Internal Server Error"}`)
		}, 500, "page of"},
		{"JSON", "application/json", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(500)
			w.Header().Set("Content-Type", "text/late")
			_, _ = io.WriteString(w, `{"message":`)
			_, _ = io.WriteString(w, `"x"}`)
		}, 500, `{"message":"x"}`},
		{"a page of its own", html, func(w http.ResponseWriter) { w.WriteHeader(500); _, _ = io.WriteString(w, "<!doctype html><p>oops") }, 500, "<!doctype html><p>oops"},
		{"much", html, func(w http.ResponseWriter) { w.WriteHeader(500); _, _ = io.WriteString(w, strings.Repeat("x", 3000)) }, 500, "xxx"},
		{"a stream", html, func(w http.ResponseWriter) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "first")
			w.(http.Flusher).Flush()
		}, 500, "first"},
		{"no failure", html, func(w http.ResponseWriter) { w.WriteHeader(404) }, 404, ""},
		{"nobody has recovered", any, func(w http.ResponseWriter) { w.WriteHeader(500); panic("once more") }, 500, "page of"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := httptest.NewServer(Handler(recovering(row.answer)))
			defer s.Close()
			r, err := http.NewRequest("GET", s.URL+"/x?a=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", row.accept)
			a, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			text, _ := io.ReadAll(a.Body)
			ours := strings.HasPrefix(row.want, "page of")
			if a.StatusCode != row.status || !strings.HasPrefix(string(text), row.want) || ours != (a.Header.Get(failureField) != "") ||
				(row.status >= 500) != (a.Header.Get(ticketField) != "") || a.Header.Get("Content-Type") == "text/late" {
				t.Errorf("%d %v %s", a.StatusCode, a.Header, text)
			}
		})
	}
}

// Where the development server is late, the answer is what the program knows.
func TestPageThatIsLate(t *testing.T) {
	if !asChild(t) {
		return
	}
	for name, handler := range map[string]http.HandlerFunc{
		"recovered":     recovering(func(w http.ResponseWriter) { w.WriteHeader(500) }),
		"not recovered": func(http.ResponseWriter, *http.Request) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(Handler(handler))
			defer s.Close()
			a, err := http.Get(s.URL + "/late")
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			text, _ := io.ReadAll(a.Body)
			if a.StatusCode != 500 || !strings.HasPrefix(string(text), "Panic: ") || !strings.Contains(string(text), "held_test.go") || a.Header.Get(failureField) == "" ||
				strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%d %v %s", a.StatusCode, a.Header, text)
			}
		})
	}
}

// What net/http says of a handler and sends for it is said and sent behind the writer, too.
func TestWhatNetHTTPSays(t *testing.T) {
	if !asChild(t) {
		return
	}
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		said    string // "" for nothing
		cut     bool
		trailer string
	}{
		{"a second WriteHeader", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(404) },
			"superfluous response.WriteHeader call from spindle/site/dev/report.TestWhatNetHTTPSays", false, ""},
		{"a panic that goes on behind a 500", func(w http.ResponseWriter, _ *http.Request) {
			defer w.WriteHeader(500)
			panic("once more")
		}, "panic serving", false, ""},
		{"an answer that is cut", func(w http.ResponseWriter, _ *http.Request) {
			defer func() {
				if recover() != nil {
					w.WriteHeader(500)
					panic(http.ErrAbortHandler)
				}
			}()
			panic("first")
		}, "", true, ""},
		{"trailers", recovering(func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "X-Sum")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, strings.Repeat("x", 3000))
			w.Header().Set("X-Sum", "1")
		}), "", false, "1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var said strings.Builder
			s := httptest.NewUnstartedServer(nil)
			s.Config.ErrorLog = log.New(&said, "", 0)
			s.Config.Handler = Logged(row.handler, s.Config.ErrorLog.Printf)
			s.Start()
			a, err := http.Get(s.URL)
			if (err != nil) != row.cut {
				t.Errorf("%v, %v", a, err)
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, a.Body)
				a.Body.Close()
				if a.Trailer.Get("X-Sum") != row.trailer {
					t.Errorf("trailers %v", a.Trailer)
				}
			}
			s.Close()
			if text := said.String(); row.said == "" && text != "" || !strings.Contains(text, row.said) {
				t.Errorf("said: %s", text)
			}
		})
	}
}

func TestFailureWithoutPanic(t *testing.T) {
	if !asChild(t) {
		return
	}
	s := httptest.NewServer(Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })))
	defer s.Close()
	a, err := http.Get(s.URL)
	if err != nil || a.StatusCode != 500 || a.ContentLength != 0 || a.Header.Get(ticketField) != "" {
		t.Errorf("%v %v", a, err)
	}
}

// What handlers ask of an http.ResponseWriter beyond its methods, that of net/http has.
func TestWriterCanWhatTheInnerCan(t *testing.T) {
	if !asChild(t) {
		return
	}
	can := func(w http.ResponseWriter) (list []string) {
		for name, ok := range map[string]bool{"flush": is[http.Flusher](w), "hijack": is[http.Hijacker](w), "read from": is[io.ReaderFrom](w),
			"close": is[closeNotifier](w), "push": is[http.Pusher](w), "string": is[io.StringWriter](w)} {
			if ok {
				list = append(list, name)
			}
		}
		return list
	}
	for _, h2 := range []bool{false, true} {
		var bare, ours []string
		inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ours = can(w) })
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bare = can(w)
			Handler(inner).ServeHTTP(w, r)
		}))
		s.EnableHTTP2 = h2
		s.StartTLS()
		if _, err := s.Client().Get(s.URL); err != nil {
			t.Error(err)
		}
		s.Close()
		if len(bare) < 4 || len(bare) != len(ours) {
			t.Errorf("HTTP/2 %t: %v instead of %v", h2, ours, bare)
		}
	}
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}
