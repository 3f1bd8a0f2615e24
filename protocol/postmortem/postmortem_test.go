package postmortem

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// serverOf answers one report by f.
func serverOf(t *testing.T, f func(in *bufio.Reader, out io.Writer)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	socket = path
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			f(bufio.NewReader(c), c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		socket = ""
		_ = l.Close()
		<-done
	})
}

func panics(v any, x func() *Exchange) (a *Answer) {
	defer func() { a = OfPanic(recover(), x).Wait() }()
	panic(v)
}

func TestOfPanic(t *testing.T) {
	var got Report
	var goroutine string
	serverOf(t, func(in *bufio.Reader, out io.Writer) {
		goroutine, _ = in.ReadString('\n')
		_, _ = io.WriteString(out, Seen)
		_ = json.NewDecoder(in).Decode(&got)
		_ = json.NewEncoder(out).Encode(Answer{Ticket: "T", Type: "text/plain", Page: []byte("page")})
	})
	t.Setenv("SOME_TOKEN", "hush")
	a := panics(fmt.Errorf("outer: %w", errors.Join(errors.New("a"), errors.New("b"))), func() *Exchange { return &Exchange{Target: "/x"} })
	if a == nil || a.Ticket != "T" || string(a.Page) != "page" {
		t.Fatalf("%+v", a)
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(goroutine), 10, 64); err != nil || n != got.Goroutine || n == 0 {
		t.Errorf("goroutine %q, %d", goroutine, got.Goroutine)
	}
	if len(got.Causes) != 4 || got.Causes[3].Text != "b" || got.Causes[0].Type != "*fmt.wrapError" {
		t.Errorf("causes %+v", got.Causes)
	}
	if !strings.Contains(got.Stack, "postmortem.panics") || got.Exchange.Target != "/x" {
		t.Errorf("%+v", got)
	}
	text, _ := json.Marshal(got)
	if strings.Contains(string(text), "hush") {
		t.Error("a secret has left the process")
	}
}

// What somebody else has recovered is described once the development server says where it is.
func TestOfRecovered(t *testing.T) {
	for _, row := range []struct {
		name  string
		value any
		want  []string
	}{
		{"an error that wraps", fmt.Errorf("outer: %w", io.EOF), []string{"outer: EOF", "EOF"}},
		{"a text", "boom", []string{"boom"}},
		{"not known", nil, []string{"a panic whose value is not known"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got Report
			value := row.value
			serverOf(t, func(in *bufio.Reader, out io.Writer) {
				_, _ = in.ReadString('\n')
				_, _ = io.WriteString(out, Seen)
				said := json.NewDecoder(in)
				_ = said.Decode(&got)
				_ = json.NewEncoder(out).Encode(*(*Place)(unsafe.Pointer(&value)))
				_ = said.Decode(&got.Causes)
				_ = json.NewEncoder(out).Encode(Answer{Ticket: "T"})
			})
			a := func() (a *Answer) {
				defer func() {
					_ = recover()
					a = OfRecovered(func() *Exchange { return &Exchange{Target: "/x"} }).Wait()
				}()
				panic("x")
			}()
			if a == nil || a.Ticket != "T" || !got.Recovered || got.Goroutine == 0 || got.Exchange.Target != "/x" {
				t.Fatalf("%+v, %+v", a, got)
			}
			var texts []string
			for _, c := range got.Causes {
				texts = append(texts, c.Text)
			}
			if !slices.Equal(texts, row.want) {
				t.Errorf("%q", texts)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	for name, f := range map[string]func(*bufio.Reader, io.Writer){
		"closed at once":        func(*bufio.Reader, io.Writer) {},
		"something else":        func(_ *bufio.Reader, out io.Writer) { _, _ = io.WriteString(out, "HTTP/1.1 200 OK\r\n") },
		"closed when seen":      func(in *bufio.Reader, out io.Writer) { _, _ = io.WriteString(out, Seen) },
		"an answer that is not": func(in *bufio.Reader, out io.Writer) { _, _ = io.WriteString(out, Seen+"[1]\n") },
	} {
		t.Run(name, func(t *testing.T) {
			serverOf(t, f)
			if a := panics("x", nil); a != nil {
				t.Errorf("%+v", a)
			}
		})
		t.Run(name+", to who has asked", func(t *testing.T) {
			serverOf(t, f)
			a := panics(fmt.Errorf("outer: %w", io.EOF), func() *Exchange { return &Exchange{ID: "T7", Host: "localhost:8080", Peer: "127.0.0.1:4000"} })
			if a == nil || a.Ticket != "T7" || !strings.HasPrefix(string(a.Page), "Panic: outer: EOF (*fmt.wrapError)\nPanic: EOF (") || !strings.Contains(string(a.Page), "postmortem.panics") {
				t.Errorf("%+v", a)
			}
		})
		t.Run(name+", recovered", func(t *testing.T) {
			serverOf(t, f)
			a := func() (a *Answer) {
				defer func() {
					_ = recover()
					a = OfRecovered(func() *Exchange { return &Exchange{ID: "T8"} }).Wait()
				}()
				panic("x")
			}()
			if a == nil || a.Ticket != "T8" || !strings.HasPrefix(string(a.Page), "Panic: "+NotKnown) || !strings.Contains(string(a.Page), "TestNobodyAnswers") {
				t.Errorf("%+v", a)
			}
		})
	}
	socket = filepath.Join(t.TempDir(), "none")
	defer func() { socket = "" }()
	if a := OfError(io.EOF, nil).Wait(); a != nil {
		t.Errorf("%+v", a)
	}
}

// angry panics when it is printed.
type angry struct{}

func (angry) Error() string { panic("no") }

func TestValueThatPanics(t *testing.T) {
	serverOf(t, func(in *bufio.Reader, out io.Writer) {
		_, _ = in.ReadString('\n')
		_, _ = io.WriteString(out, Seen)
		_, _ = in.ReadString('\n')
	})
	if a := panics(angry{}, nil); a != nil {
		t.Errorf("%+v", a)
	}
}

func TestIsSecret(t *testing.T) {
	for name, want := range map[string]bool{"PATH": false, "api_key": true, "X-Auth-Token": true, "Authorization": true, "password": true, "HOME": false, "AWS_SIGNATURE": true} {
		if IsSecret(name) != want {
			t.Error(name)
		}
	}
}

func TestCookiePairOf(t *testing.T) {
	for name, want := range map[string]string{"theme": "v", "__Host-session": Mask, "PHPSESSID": Mask, "csrftoken": Mask} {
		if got := CookiePairOf(name, "v"); got.Value != want {
			t.Errorf("%s: %s", name, got.Value)
		}
	}
}

func TestMaskTarget(t *testing.T) {
	for target, want := range map[string]string{"/a": "/a", "/a?b=1&password=x&c": "/a?b=1&password=" + Mask + "&c", "/?token=": "/?token="} {
		if got := MaskTarget(target); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestPairOf(t *testing.T) {
	for _, row := range [][3]string{
		{"HOME", "/root", "/root"}, {"password", "x", Mask}, {"password", "", ""}, {"PHPSESSID", "1", Mask},
		{"DATABASE_URL", "postgres://ada:hu@sh@db:5432/shop?sslmode=off", "postgres://ada:" + Mask + "@db:5432/shop?sslmode=off"},
		{"Referer", "https://shop.example/pay?token=hush&n=1", "https://shop.example/pay?token=" + Mask + "&n=1"},
		{"REDIS", "redis://cache", "redis://cache"},
	} {
		if got := PairOf(row[0], row[1]).Value; got != row[2] {
			t.Errorf("%s=%s: %s, want %s", row[0], row[1], got, row[2])
		}
	}
}
