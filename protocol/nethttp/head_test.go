package nethttp

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// tell is what a head says.
func tell(req *http.Request) string {
	h := headOf(req)
	var fields []string
	for _, f := range h.Fields {
		fields = append(fields, string(f.Name)+"="+string(f.Value))
	}
	return fmt.Sprintf("%s %q form %d, %q %q, path %q query %q %v, version %d, length %d, %v %v %v, %q, %v", h.Method, h.Target, h.Form,
		h.Scheme, h.Authority, h.Path, h.Query, h.Query == nil, h.Version, h.ContentLength, h.ExpectContinue, h.KeepAlive, h.Upgrade, h.Protocol, fields)
}

func TestHead(t *testing.T) {
	for raw, want := range map[string]string{
		"GET /a%2Fb/?x=1 HTTP/1.1\r\nHost: h\r\nX-B: 1\r\nX-A: 2\r\nX-B: 3\r\n\r\n": `GET "/a%2Fb/?x=1" form 0, "" "h", path "/a%2Fb/" query "x=1" false, version 11, length 0, false true false, "", [Host=h X-A=2 X-B=1 X-B=3]`,
		"GET /? HTTP/1.0\r\n\r\n":                    `GET "/?" form 0, "" "", path "/" query "" false, version 10, length 0, false false false, "", []`,
		"GET http://u/a HTTP/1.1\r\nHost: u\r\n\r\n": `GET "http://u/a" form 1, "http" "u", path "/a" query "" true, version 11, length 0, false true false, "", [Host=u]`,
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n":      `OPTIONS "*" form 3, "" "h", path "*" query "" true, version 11, length 0, false true false, "", [Host=h]`,
		"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n":  `CONNECT "h:1" form 2, "" "h:1", path "" query "" true, version 11, length 0, false true false, "", [Host=h:1]`,
		"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n": `POST "/" form 0, "" "h", path "/" query "" true, version 11, length 3, true false false, "", [Host=h Connection=close Content-Length=3 Expect=100-Continue]`,
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n":                                     `POST "/" form 0, "" "h", path "/" query "" true, version 11, length -1, false true false, "", [Host=h]`,
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: w\r\nConnection: keep-alive, Upgrade\r\n\r\n":                   `GET "/" form 0, "" "h", path "/" query "" true, version 11, length 0, false true true, "", [Host=h Connection=keep-alive, Upgrade Upgrade=w]`,
	} {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if got := tell(req); got != want {
			t.Errorf("%q:\n got %s\nwant %s", raw, got, want)
		}
	}
}

// TestHeadOfPrograms: requests that nobody has received.
func TestHeadOfPrograms(t *testing.T) {
	made, _ := http.NewRequest("GET", "http://h/a?b", nil)
	connect := httptest.NewRequest("CONNECT", "/ws", nil)
	connect.ProtoMajor, connect.ProtoMinor = 2, 0
	connect.Header[":protocol"] = []string{"websocket"}
	stripped := httptest.NewRequest("GET", "/app/x%2Fy", nil)
	var seen *http.Request
	http.StripPrefix("/app", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).ServeHTTP(nil, stripped)
	for want, req := range map[string]*http.Request{
		`GET "/a?b" form 0, "" "h", path "/a" query "b" false, version 11, length 0, false true false, "", [Host=h]`:                                    made,
		`GET "/app/x%2Fy" form 0, "" "example.com", path "/x%2Fy" query "" true, version 11, length 0, false true false, "", [Host=example.com]`:        seen,
		`CONNECT "/ws" form 0, "http" "example.com", path "/ws" query "" true, version 20, length 0, false true false, "websocket", [Host=example.com]`: connect,
	} {
		if got := tell(req); got != want {
			t.Errorf(" got %s\nwant %s", got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	req := httptest.NewRequest("GET", "/", nil)
	for remote, want := range map[string]string{"127.0.0.1:5": "127.0.0.1:5", "[::ffff:1.2.3.4]:5": "1.2.3.4:5", "@": "unix:", "": "unix:"} {
		req.RemoteAddr = remote
		if got := peerOf(req).String(); got != want {
			t.Errorf("%q: %s", remote, got)
		}
	}
}
