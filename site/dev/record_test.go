package dev

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/resource"
)

// recorded is a supervisor whose program answers, and what it has recorded.
func recorded(t *testing.T) (*memory, *recorder) {
	t.Helper()
	m := supervised(t)
	m.serve("hello")
	return m, m.s.front.dash.rec
}

func TestRecordOfARequest(t *testing.T) {
	m, c := recorded(t)
	m.s.serves = echo{}
	fields := protocol.Fields{{Name: "Host", Value: "localhost:8080"}, {Name: "Cookie", Value: "a=b"}}
	x := m.Start("POST", "/a?b=1", fields, []byte("content"))
	x.Wait()
	if len(c.ring) != 1 {
		t.Fatalf("%d are kept", len(c.ring))
	}
	r := c.ring[0]
	if r.method != "POST" || r.target != "/a?b=1" || r.status != 200 || string(r.body.data) != "content" || string(r.content.data) != "content" ||
		r.generation != 1 || r.fields.Get("Cookie") != "a=b" || r.answer.Get("Content-Type") == "" || r.bytes != 7 || c.inHand != 0 {
		t.Errorf("%+v", r)
	}
	if m.get(Prefix); len(c.ring) != 1 {
		t.Error("the dashboard records itself")
	}
}

func TestRecordOfContentThatWasNotRead(t *testing.T) {
	m, c := recorded(t)
	m.s.serves = refusing{}
	m.Start("POST", "/", protocol.Fields{{Name: "Host", Value: "localhost"}}, []byte("content")).Wait()
	x := c.ring[0]
	if _, err := x.head("http", "mark"); x.status != 403 || x.body.why != leftContent || x.body.size != 7 || err == nil {
		t.Errorf("%+v, %v", x, err)
	}
}

// refusing takes no content.
type refusing struct{ echo }

func (refusing) HeadReceived(*resource.Request) error { return &resource.Error{Status: 403} }

// echo answers with what was sent.
type echo struct{ resource.Leaf }

func (echo) RenderPOST(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	return r.BodyBytes()
}

func TestRecordContentIsBounded(t *testing.T) {
	for _, row := range []struct {
		size int
		why  string
	}{{mostContent, ""}, {mostContent + 1, longContent}} {
		var k kept
		for left := row.size; left > 0; left -= 1000 {
			k.add(make([]byte, min(left, 1000)))
		}
		if k.why != row.why || k.size != int64(row.size) || (k.why == "") != (len(k.data) == row.size) {
			t.Errorf("of %d bytes %d are kept, %q", row.size, len(k.data), k.why)
		}
	}
}

// However many requests wait for their end, what is kept of them is bounded; what is in
// excess is let go, and counted no more.
func TestRecordsUnderWayAreBounded(t *testing.T) {
	m, c := recorded(t)
	all := make([]*held, 3*mostAllContents/mostContent)
	for i := range all {
		all[i] = new(held)
		m.s.serves = all[i]
		m.ask("GET", "/")
		_, _ = all[i].r.Write(make([]byte, mostContent))
		m.turn()
	}
	var kept int64
	for _, x := range c.under {
		if kept += int64(len(x.content.data)); x.content.data == nil && (x.content.why != muchContent || x.content.size != mostContent) {
			t.Errorf("%d bytes, %q", x.content.size, x.content.why)
		}
	}
	if len(c.under) != len(all) || kept != mostAllContents || c.loose != kept {
		t.Errorf("of %d there are %d bytes, counted as %d", len(c.under), kept, c.loose)
	}
	for _, h := range all {
		h.r.Finish()
	}
	m.turn()
	if c.loose != 0 || c.held != mostAllContents || len(c.under) != 0 {
		t.Errorf("after their end %d under way, %d bytes and %d in the ring", len(c.under), c.loose, c.held)
	}
}

func TestRecordRing(t *testing.T) {
	m, c := recorded(t)
	for i := range 3 * listedRequests {
		m.get(fmt.Sprintf("/%d", i))
	}
	if len(c.ring) != listedRequests || c.total != 3*listedRequests {
		t.Fatalf("%d of %d", len(c.ring), c.total)
	}
	first, last := c.ring[0], c.ring[listedRequests-1]
	if c.find(last.id) != last || c.find(first.id) != first || c.find(first.id-1) != nil || c.find(last.id+1) != nil || c.find(0) != nil {
		t.Error("they are not found by their numbers")
	}
	for i, x := range c.ring {
		if whole := i >= listedRequests-recordedWhole; x.whole != whole || (x.fields != nil) != whole || (len(x.content.data) > 0) != whole {
			t.Fatalf("%d of %d: %+v", i, listedRequests, x)
		}
	}
	if want := int64(recordedWhole * len(last.content.data)); c.held != want {
		t.Errorf("%d bytes are held, not %d", c.held, want)
	}
	if m.s.front.dash.clear(); len(c.ring) != 0 || c.held != 0 || c.find(last.id) != nil {
		t.Error("it is not empty")
	}
	m.get("/")
	if len(c.ring) != 1 || c.find(last.id+1) == nil {
		t.Error("after it was cleared nothing is found")
	}
}

func TestRecordAllContentsAreBounded(t *testing.T) {
	_, c := recorded(t)
	for i := range recordedWhole {
		c.last++
		c.keep(&record{c: c, id: c.last, method: "GET", whole: true, content: kept{data: make([]byte, mostContent), size: mostContent}})
		if c.held > mostAllContents {
			t.Fatalf("after %d %d bytes are held", i, c.held)
		}
	}
	if k := c.ring[0].content; k.why != oldContent || k.data != nil || c.ring[len(c.ring)-1].content.why != "" {
		t.Errorf("the oldest has %q", k.why)
	}
}

func TestTraffic(t *testing.T) {
	var c traffic
	now := time.Unix(1_000_000, 0)
	c.add(now, false)
	c.add(now, true)
	c.add(now.Add(2*time.Second), false)
	if got := c.last(now.Add(2*time.Second), 4); !slices.Equal(got, [][2]int32{{0, 0}, {2, 1}, {0, 0}, {1, 0}}) {
		t.Errorf("%v", got)
	}
	if got := c.last(now.Add(trafficSeconds*time.Second), 1); !slices.Equal(got, [][2]int32{{0, 0}}) {
		t.Errorf("what is old comes again: %v", got)
	}
}

func TestMaskedFields(t *testing.T) {
	got := maskedFields(protocol.Fields{{Name: "cookie", Value: "a=1"}, {Name: "AUTHORIZATION", Value: "Basic x"}, {Name: "Set-Cookie", Value: "sid=secret; Path=/; HttpOnly"},
		{Name: "Set-Cookie", Value: "odd"}, {Name: "Accept", Value: "*/*"}})
	want := []string{masked, masked, "sid=" + masked + "; Path=/; HttpOnly", "odd=" + masked, "*/*"}
	for i, f := range got {
		if f.Value != want[i] {
			t.Errorf("%s: %s", f.Name, f.Value)
		}
	}
}

func TestDiffLines(t *testing.T) {
	for _, row := range []struct{ old, fresh, want string }{
		{"a\nb\nc", "a\nb\nc", "=a =b =c"},
		{"a\nb\nc", "a\nx\nc", "=a -b +x =c"},
		{"a\nb\nc", "a\nc", "=a -b =c"},
		{"a\nc", "a\nb\nc", "=a +b =c"},
		{"a", "b", "-a +b"},
		{"a\nb\nc\nd", "b\nx\nd\ne", "-a =b -c +x =d +e"},
		{"a\r\nb", "a\nb\n", "=a =b"},
		{"a\na", "a", "=a -a"},
	} {
		list, note := diffLines(row.old, row.fresh)
		var words []string
		for _, d := range list {
			words = append(words, d.Op+d.Text)
		}
		if got := strings.Join(words, " "); got != row.want || note != "" {
			t.Errorf("%q, %q: %s %s", row.old, row.fresh, got, note)
		}
	}
	if list, note := diffLines(strings.Repeat("a\n", mostDiffLines), "b\n"); list != nil || note == "" {
		t.Error("too much is compared")
	}
	many := func(format string) string {
		var b strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	if list, _ := diffLines(many("a%d\n"), many("b%d\n")); len(list) != 6000 || list[0].Op != "-" || list[5999].Op != "+" {
		t.Errorf("%d lines", len(list))
	}
}

func TestShellQuote(t *testing.T) {
	for _, s := range []string{"", "plain", "it's", `"$HOME" \n`, "a\nb", "@file", "`id`", "ä;rm", "-x", "a b"} {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+shellQuote(s)).Output()
		if s == "-x" {
			continue // an option of printf, and never the first letter of ours
		}
		if err != nil || string(out) != s {
			t.Errorf("%q becomes %s, which is %q, %v", s, shellQuote(s), out, err)
		}
	}
}

func exampleRecord() *record {
	return &record{method: "POST", target: "/notes/[1]?q=it's", scheme: "http", authority: "localhost:8080", status: 201, whole: true,
		fields: protocol.Fields{{Name: "Host", Value: "localhost:8080"}, {Name: "Cookie", Value: "sid=secret"}, {Name: "Content-Type", Value: "application/json"},
			{Name: "Content-Length", Value: "9"}, {Name: "Accept-Encoding", Value: "gzip"}, {Name: "X-Empty", Value: ""}},
		body:    kept{data: []byte("{\"a\":\n1}'"), size: 9},
		answer:  protocol.Fields{{Name: "Content-Type", Value: "text/plain"}, {Name: "Set-Cookie", Value: "sid=secret"}},
		content: kept{data: []byte("made\n`it`\n"), size: 10}}
}

// A secret is in none of what a record is written down as, wherever it was sent.
func TestRecordWithoutSecrets(t *testing.T) {
	x := exampleRecord()
	x.target = "/pay?n=1&token=hush"
	x.fields = protocol.Fields{{Name: "X-Access-Token", Value: "hush"}, {Name: "Referer", Value: "http://x/?api_key=hush&n=1"},
		{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
	x.body = kept{data: []byte("user=ada&password=hush"), size: 22}
	v := x.show(nil)
	for what, text := range map[string]string{"curl": v.Curl, "test": v.Test, "address": v.FullURL, "line": v.Target, "fields": fmt.Sprint(v.Fields)} {
		if strings.Contains(text, "hush") {
			t.Errorf("%s: %s", what, text)
		}
	}
	if !strings.Contains(v.Curl, "user=ada&password=%5Bmasked%5D") || !strings.Contains(v.Curl, "/pay?n=1&token=%5Bmasked%5D") || v.RawBody != "user=ada&password=hush" {
		t.Errorf("%s\n%q", v.Curl, v.RawBody)
	}
}

func TestCurl(t *testing.T) {
	got := exampleRecord().curl()
	want := "curl -i -g --compressed -X POST 'http://localhost:8080/notes/[1]?q=it'\\''s' \\\n  -H 'Cookie: [masked]' \\\n  -H 'Content-Type: application/json' \\\n" +
		"  -H 'X-Empty;' \\\n  --data-raw '{\"a\":\n1}'\\'''\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	x := exampleRecord()
	x.body = kept{size: 2 << 20, why: longContent}
	if got := x.curl(); !strings.Contains(got, "--data-binary @body # the content was too large") {
		t.Errorf("%s", got)
	}
	if got := (&record{method: "HEAD", target: "/", scheme: "https", authority: "x"}).curl(); got != "curl -i -I https://x/\n" {
		t.Errorf("%s", got)
	}
}

func TestGoTest(t *testing.T) {
	for _, x := range []*record{exampleRecord(), {method: "GET", target: "/", status: 200, authority: "x", whole: true},
		{method: "PROPFIND", target: "/ä/%2e/9-a_b", status: 404, body: kept{size: 9, why: longContent}}} {
		text := x.test()
		if _, err := parser.ParseFile(token.NewFileSet(), "x_test.go", text, 0); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
		if strings.Contains(text, "secret") {
			t.Errorf("it has a secret:\n%s", text)
		}
	}
	if text := exampleRecord().test(); !strings.Contains(text, "func TestPostNotes1(") || !strings.Contains(text, `"{\"a\":`) && !strings.Contains(text, "`{\"a\":") {
		t.Errorf("%s", text)
	}
}

func TestDraft(t *testing.T) {
	x := exampleRecord()
	y, err := (&draft{Method: " PUT ", Target: "/b", Fields: "Host: other\nCookie: " + masked + "\n\nA:b: c\n"}).apply(x)
	if err != nil || y.method != "PUT" || y.authority != "other" || y.fields.Get("Cookie") != "sid=secret" || y.fields.Get("A") != "b: c" || string(y.body.data) != string(x.body.data) {
		t.Errorf("%+v, %v", y, err)
	}
	empty := ""
	if y, _ := (&draft{Method: "GET", Target: "/", Body: &empty}).apply(x); y.body.size != 0 {
		t.Errorf("%+v", y)
	}
	if _, err := (&draft{Fields: "no field"}).apply(x); err == nil {
		t.Error("a line that is no field is taken")
	}
	for target, good := range map[string]bool{"/": true, "/__spindle": true, "/__spindle__": false, "/__spindle__/x": false, "x": false, "/a b": false, "/a\r\nX: y": false} {
		if _, err := (&record{method: "GET", target: target, authority: "x"}).head("http", "m"); (err == nil) != good {
			t.Errorf("%q: %v", target, err)
		}
	}
}

func TestShownContent(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(`{"a":1}`))
	_ = w.Close()
	for _, row := range []struct {
		data       []byte
		kind, code string
		want       string
		binary     bool
	}{
		{[]byte("<b>"), "text/html", "", "<b>", false},
		{[]byte(`{"a":1}`), "application/json", "", "{\n  \"a\": 1\n}", false},
		{[]byte(`{"a":`), "application/json", "", `{"a":`, false},
		{z.Bytes(), "application/json", "gzip", "{\n  \"a\": 1\n}", false},
		{[]byte{0, 1, 'a'}, "", "", "000000  00 01 61                                         ..a\n", true},
	} {
		k := kept{data: row.data, size: int64(len(row.data))}
		if c := k.show(protocol.Fields{{Name: "Content-Type", Value: row.kind}, {Name: "Content-Encoding", Value: row.code}}); c.Text != row.want || c.Binary != row.binary {
			t.Errorf("%q: %+v", row.data, c)
		}
	}
	bomb := new(bytes.Buffer)
	w = gzip.NewWriter(bomb)
	_, _ = w.Write(make([]byte, 8*mostContent))
	_ = w.Close()
	if _, ok := gunzip(bomb.Bytes()); ok {
		t.Error("more is unpacked than is kept")
	}
}

func TestRecordPage(t *testing.T) {
	m, c := recorded(t)
	m.ask("GET", "/x", "Cookie", "a=secret").Wait()
	var v struct {
		Method, Curl string
		Content      struct{ Text string }
	}
	text := m.get(fmt.Sprintf(Prefix+"requests/%d", c.last))
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Method != "GET" || v.Content.Text != "hello" || v.Curl == "" || strings.Contains(text, "secret") {
		t.Errorf("%v: %s", err, text)
	}
	for _, path := range []string{"requests", "requests/99", "requests/x", "requests/1/open", "requests/1/send/x", "requests/-1"} {
		if x := m.ask("GET", Prefix+path); x.Status != 404 {
			t.Errorf("%s: %d", path, x.Status)
		}
	}
	send := fmt.Sprintf(Prefix+"requests/%d/send", c.last)
	if x := m.ask("POST", send); x.Status != 403 {
		t.Errorf("without the token: %d", x.Status)
	}
	if x := m.ask("GET", send); x.Status != 403 && x.Status != 405 {
		t.Errorf("by GET: %d", x.Status)
	}
}
