package cgi

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
)

func headWith(fields ...string) *protocol.Head {
	h := new(protocol.Head)
	for i := 0; i < len(fields); i += 2 {
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(fields[i]), Value: []byte(fields[i+1])})
	}
	return h
}

func TestAddFields(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"names", []string{"X-a-B1", "v", "host", "h"}, "HTTP_X_A_B1=v HTTP_HOST=h"},
		{"several of one name", []string{"A", "1", "B", "2", "a", "3"}, "HTTP_A=1, 3 HTTP_B=2"},
		{"cookies", []string{"Cookie", "a=1", "Cookie", "b=2"}, "HTTP_COOKIE=a=1; b=2"},
		{"Proxy", []string{"Proxy", "http://evil", "PROXY", "x", "proxy", "x"}, ""},
		{"underscores", []string{"X_Token", "evil", "X-Token", "good", "HTTP_X", "evil"}, "HTTP_X_TOKEN=good"},
		{"odd names", []string{"a.b", "1", "a!", "2", "a'", "3"}, ""},
		{"of the content", []string{"Content-Type", "t", "Content-Length", "1", "Content-Language", "de"}, "HTTP_CONTENT_LANGUAGE=de"},
		{"of the connection", []string{"Connection", "x", "Transfer-Encoding", "chunked", "TE", "x", "Upgrade", "x", "Keep-Alive", "x",
			"Trailer", "x", "Expect", "100-continue", "Proxy-Connection", "x", "Proxy-Authorization", "secret"}, ""},
		{"Authorization", []string{"Authorization", "Basic x"}, ""},
		{"empty", []string{"X", ""}, "HTTP_X="},
	} {
		var e Env
		e.AddFields(headWith(c.fields...), false)
		if got := strings.Join(e.Strings(), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	var e Env
	e.AddFields(headWith("Authorization", "Basic x"), true)
	if e.Get("HTTP_AUTHORIZATION") != "Basic x" {
		t.Error("Authorization is left out when it is asked for")
	}
}

func TestEnvRefuses(t *testing.T) {
	var e Env
	e.Add("A", "1")
	for _, v := range []string{"a\nb", "a\rb", "a\x00b"} {
		e.Add("B", v)
		e.AddBytes("C", []byte(v))
	}
	e.Add("", "x")
	e.Add("D=E", "x")
	if e.Len() != 1 || e.Bad() != "D=E" {
		t.Errorf("%q, bad %q", e.Strings(), e.Bad())
	}
	e.Reset()
	if e.Len() != 0 || e.Bad() != "" {
		t.Error("Reset")
	}
}

// TestEnvAgain: an Env that serves again allocates nothing.
func TestEnvAgain(t *testing.T) {
	var e Env
	h := headWith("Host", "example.org", "Cookie", "a=1", "Accept", "*/*")
	if n := testing.AllocsPerRun(100, func() {
		e.Reset()
		e.Add("REQUEST_METHOD", "GET")
		e.AddFields(h, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRequestHead(t *testing.T) {
	for _, c := range []struct {
		name   string
		script bool
		vars   string
		want   string
	}{
		{"nginx", false, "REQUEST_METHOD=GET REQUEST_URI=/a%20b/c?q=1 SCRIPT_NAME=/a\tb/c HTTP_HOST=x.org SERVER_PROTOCOL=HTTP/1.1",
			`GET "/a%20b/c?q=1" path "/a%20b/c" base 0 query "q=1" host "x.org" length 0 version 11`},
		{"a program", true, "REQUEST_METHOD=GET REQUEST_URI=/cgi/x.sh/a%2Fb SCRIPT_NAME=/cgi/x.sh PATH_INFO=/a/b",
			`GET "/cgi/x.sh/a%2Fb" path "/cgi/x.sh/a%2Fb" base 9 query "" host "" length 0 version 11`},
		{"a program alone", true, "REQUEST_METHOD=GET REQUEST_URI=/cgi/x.sh SCRIPT_NAME=/cgi/x.sh",
			`GET "/cgi/x.sh" path "/cgi/x.sh" base 9 query "" host "" length 0 version 11`},
		{"mounted", false, "REQUEST_METHOD=GET REQUEST_URI=/app/a SCRIPT_NAME=/app PATH_INFO=/a",
			`GET "/app/a" path "/app/a" base 4 query "" host "" length 0 version 11`},
		{"at the root", false, "REQUEST_METHOD=GET REQUEST_URI=/a SCRIPT_NAME= PATH_INFO=/a",
			`GET "/a" path "/a" base 0 query "" host "" length 0 version 11`},
		{"rewritten", false, "REQUEST_METHOD=GET REQUEST_URI=/old SCRIPT_NAME=/app PATH_INFO=/n\tw QUERY_STRING=a",
			`GET "/app/n%20w?a" path "/app/n%20w" base 4 query "a" host "" length 0 version 11`},
		{"no REQUEST_URI", true, "REQUEST_METHOD=PUT SCRIPT_NAME=/x PATH_INFO=/y QUERY_STRING=q CONTENT_LENGTH=12 CONTENT_TYPE=t",
			`PUT "/x/y?q" path "/x/y" base 2 query "q" host "" length 12 version 11`},
		{"nothing at all", true, "REQUEST_METHOD=GET", `GET "/" path "/" base 0 query "" host "" length 0 version 11`},
		{"an absolute target", false, "REQUEST_METHOD=GET REQUEST_URI=http://a.b/c?d", `GET "/c?d" path "/c" base 0 query "d" host "" length 0 version 11`},
		{"chunked, passed on as it comes", false, "REQUEST_METHOD=POST REQUEST_URI=/ HTTP_TRANSFER_ENCODING=chunked", `POST "/" path "/" base 0 query "" host "" length -1 version 11`},
		{"old", false, "REQUEST_METHOD=GET REQUEST_URI=/ SERVER_PROTOCOL=HTTP/1.0", `GET "/" path "/" base 0 query "" host "" length 0 version 10`},
		{"no method", false, "REQUEST_URI=/", "400"},
		{"a bad method", false, "REQUEST_METHOD=G(T REQUEST_URI=/", "400"},
		{"CONNECT", false, "REQUEST_METHOD=CONNECT REQUEST_URI=/", "501"},
		{"a bad path", false, "REQUEST_METHOD=GET REQUEST_URI=x", "400"},
		{"a control byte", false, "REQUEST_METHOD=GET REQUEST_URI=/a\tb", "400"},
		{"a bad length", false, "REQUEST_METHOD=GET REQUEST_URI=/ CONTENT_LENGTH=-1", "400"},
		{"a bad host", false, "REQUEST_METHOD=GET REQUEST_URI=/ HTTP_HOST=a/b", "400"},
		{"a bad field", false, "REQUEST_METHOD=GET REQUEST_URI=/ HTTP_A(B=1", "400"},
	} {
		var e Env
		for _, v := range strings.Split(c.vars, " ") {
			name, value, _ := strings.Cut(v, "=")
			e.Add(name, strings.ReplaceAll(value, "\t", " "))
		}
		if got := describe(e.Head(c.script)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func describe(h *protocol.Head, err *protocol.Error) string {
	if err != nil {
		return fmt.Sprint(err.Status)
	}
	return fmt.Sprintf("%s %q path %q base %d query %q host %q length %d version %d", h.Method, h.Target, h.Path, h.Base, h.Query,
		h.Authority, h.ContentLength, h.Version)
}

func TestRequestFields(t *testing.T) {
	var e Env
	for _, v := range []string{"REQUEST_METHOD=GET", "REQUEST_URI=/", "HTTP_X_REQUEST_ID= 1 ", "HTTP_CONNECTION=close", "HTTP_CONTENT_TYPE=twice",
		"CONTENT_TYPE=text/plain", "HTTPS=on", "REMOTE_ADDR=192.0.2.1", "REMOTE_PORT=99", "SERVER_ADDR=::1", "SERVER_PORT=443"} {
		name, value, _ := strings.Cut(v, "=")
		e.Add(name, value)
	}
	h, err := e.Head(false)
	if err != nil || len(h.Fields) != 2 || string(h.Fields[0].Name) != "X-Request-Id" || string(h.Fields[0].Value) != "1" ||
		string(h.Field("content-type")) != "text/plain" {
		t.Errorf("%q %v", h.Fields, err)
	}
	if e.Peer().String() != "192.0.2.1:99" || e.Host().String() != "[::1]:443" || e.TLS() == nil {
		t.Errorf("%v %v %v", e.Peer(), e.Host(), e.TLS())
	}
}

func FuzzRequestHead(f *testing.F) {
	f.Add("GET", "/a?b", "/a", "", "1", "x.org", true)
	f.Add("GET", "/a%2fb/%zz", "", "/a/b", "", "", false)
	f.Fuzz(func(t *testing.T, method, uri, name, info, length, host string, script bool) {
		var e Env
		e.Add("REQUEST_METHOD", method)
		e.Add("REQUEST_URI", uri)
		e.Add("SCRIPT_NAME", name)
		e.Add("PATH_INFO", info)
		e.Add("CONTENT_LENGTH", length)
		e.Add("HTTP_HOST", host)
		h, err := e.Head(script)
		if err != nil {
			return
		}
		switch {
		case h.Base < 0 || h.Base > len(h.Path):
			t.Errorf("base %d of %q", h.Base, h.Path)
		case h.Form == protocol.OriginForm && (len(h.Path) == 0 || h.Path[0] != '/'):
			t.Errorf("path %q", h.Path)
		case h.Base < len(h.Path) && h.Base > 0 && h.Path[h.Base] != '/':
			t.Errorf("base %d of %q is inside of a segment", h.Base, h.Path)
		case !protocol.IsToken(h.Method):
			t.Errorf("method %q", h.Method)
		}
	})
}
