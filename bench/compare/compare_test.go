package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		want [3]float64
	}{
		{[]float64{3}, [3]float64{3, 3, 3}},
		{[]float64{4, 1, 3, 2}, [3]float64{1.75, 2.5, 3.25}},
		{[]float64{5, 1, 4, 2, 3}, [3]float64{2, 3, 4}},
	} {
		q1, m, q3 := quartiles(c.xs)
		if got := [3]float64{q1, m, q3}; got != c.want {
			t.Errorf("quartiles(%v) = %v, want %v", c.xs, got, c.want)
		}
	}
}

// TestRatio follows one server through two windows between references.
func TestRatio(t *testing.T) {
	s := &series{p: &process{server: &server{name: "x"}}}
	s.windows = append(s.windows, window{cpu: 12, load: load{Requests: 10, Seconds: 1}})
	s.divide((9 + 11) / 2.)
	s.windows = append(s.windows, window{cpu: 30, load: load{Requests: 30, Seconds: 1}, foreign: 1.5})
	s.divide((11 + 9) / 2.)
	c := s.cell()
	if c.Value != 2.1 || c.CPU != 21 || c.PerSecond != 20 || c.Noisy != 1 || c.Windows != 2 {
		t.Errorf("cell = %+v", c)
	}
	s.failed = errors.New("wrong length")
	if c = s.cell(); !strings.Contains(c.Absent, "wrong length") {
		t.Errorf("a failed server is measured: %+v", c)
	}
}

func TestRotateAndPairs(t *testing.T) {
	if got := pairs(rotate([]int{1, 2, 3, 4, 5}, 6)); !reflect.DeepEqual(got, [][]int{{2, 3}, {4, 5}, {1}}) {
		t.Errorf("pairs of the second round: %v", got)
	}
	if got := pairs(rotate([]int{}, 3)); got != nil {
		t.Errorf("pairs of nothing: %v", got)
	}
}

func TestVerdict(t *testing.T) {
	peers := []cell{{Server: "net/http", Value: 1.28}, {Server: "fasthttp", Value: 1.14}}
	for _, c := range []struct {
		name  string
		bar   bar
		cells []cell
		want  verdict
	}{
		{"at the bar", bar{Max: 1.18}, []cell{{Server: ours, Value: 1.1849}}, pass},
		{"beyond it", bar{Max: 1.18}, []cell{{Server: ours, Value: 1.19}}, miss},
		{"absent", bar{Max: 1.18}, []cell{{Server: ours, Absent: "does not build"}}, unknown},
		{"as the better peer", bar{Peers: []string{"net/http", "fasthttp"}}, append(peers, cell{Server: ours, Value: 1.14}), pass},
		{"between the peers", bar{Peers: []string{"net/http", "fasthttp"}}, append(peers, cell{Server: ours, Value: 1.2}), miss},
		{"no peers", bar{Peers: []string{"net/http"}}, []cell{{Server: ours, Value: 1}}, unknown},
	} {
		if got := (&result{Bar: c.bar, Cells: c.cells}).verdict(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestNoGoroutine checks a bar that is two.
func TestNoGoroutine(t *testing.T) {
	for want, each := range map[verdict]float64{pass: .002, miss: 1} {
		r := &result{Bar: bar{Max: 8192, NoGoroutine: true}, Cells: []cell{{Server: ours, Value: 4000, Goroutines: &each}}}
		if got := r.verdict(); got != want {
			t.Errorf("%v goroutines each: %v, want %v", each, got, want)
		}
	}
}

const h2loadOutput = `starting benchmark...
spawning thread #0: 16 total client(s). Timing-based test with 0s of warm-up time and 1s of main duration for measurements.
Warm-up started for thread #0.
Main benchmark duration is over for thread #0. Stopping all clients.
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2

finished in 1.08s, 315984.00 req/s, 1.23GB/s
requests: 315984 total, 316496 started, 315984 done, 315984 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 316000 2xx, 0 3xx, 0 4xx, 0 5xx
`

func TestParseH2load(t *testing.T) {
	l, err := parseH2load(h2loadOutput, h2)
	if want := (load{Requests: 315984, Seconds: 1.08}); err != nil || l != want {
		t.Errorf("parseH2load = %+v, %v; want %+v", l, err, want)
	}
	for _, bad := range []struct {
		out string
		as  wire
	}{
		{"unable to connect", h2},
		{h2loadOutput, https},
		{strings.Replace(h2loadOutput, "TLSv1.3", "TLSv1.2", 1), h2},
		{strings.Replace(h2loadOutput, "0 failed", "3 failed", 1), h2},
	} {
		if l, err := parseH2load(bad.out, bad.as); err == nil {
			t.Errorf("no error as %v from %q: %+v", bad.as, bad.out, l)
		}
	}
}

const wrkOutput = `Running 1s test @ http://127.0.0.1:9801/plaintext
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     7.28ms   14.27ms  92.64ms   91.71%
    Req/Sec    15.60k     5.00k   19.37k    80.00%
  Latency Distribution
     50%  790.00us
     75%    6.07ms
     90%   14.74ms
     99%    1.20s
  16042 requests in 1.08s, 1.99MB read
Requests/sec:  14807.76
Transfer/sec:      1.84MB
`

func TestParseWrk(t *testing.T) {
	l, err := parseWrk(wrkOutput)
	if want := (load{Requests: 16042, Seconds: 1.08, P50: 790, P99: 1.2e6}); err != nil || l != want {
		t.Errorf("parseWrk = %+v, %v; want %+v", l, err, want)
	}
	for _, bad := range []string{
		"unable to connect",
		wrkOutput + "  Non-2xx or 3xx responses: 3\n",
		wrkOutput + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
	} {
		if l, err := parseWrk(bad); err == nil {
			t.Errorf("no error from %q: %+v", bad, l)
		}
	}
}

func TestParseStat(t *testing.T) {
	const stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 20 30 1000 500 4 6 7 0 0\ncpu10 1 1 1 1 1 1 1 1 0 0\n"
	busy, stolen, err := parseStat(stat, 0)
	if err != nil || busy != 700*time.Millisecond || stolen != 70*time.Millisecond {
		t.Errorf("parseStat = %v, %v, %v", busy, stolen, err)
	}
	if _, _, err := parseStat(stat, 1); err == nil {
		t.Error("core 1 was found, and is not there")
	}
}

func TestParentOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "42", "stat")
	os.Mkdir(filepath.Dir(path), 0o755)
	os.WriteFile(path, []byte("42 (a) S (b c) S 7 42 42 0"), 0o644)
	if pid, parent, ok := parentOf(path); pid != 42 || parent != 7 || !ok {
		t.Errorf("parentOf = %d, %d, %v", pid, parent, ok)
	}
}

func TestRequests(t *testing.T) {
	for _, w := range workloads(nil, nil) {
		head, content, _ := bytes.Cut(w.request.bytes(), []byte("\r\n\r\n"))
		if w.id == "browser" && len(head)+4 != 600 {
			t.Errorf("the browser-like head has %d bytes, not 600", len(head)+4)
		}
		if !bytes.Equal(content, w.request.content) {
			t.Errorf("%s: content %q", w.id, content)
		}
	}
}

// TestWorkloads checks that what everybody is divided by can take part.
func TestWorkloads(t *testing.T) {
	all := servers(&workspace{}, nil)
	for _, w := range workloads(nil, nil) {
		for _, name := range []string{ours, w.reference} {
			i := slices.IndexFunc(all, func(s *server) bool { return s.name == name })
			if w.kind == cpuPerRequest && (i < 0 || all[i].speaks&w.wire == 0) {
				t.Errorf("%s can not take part in %s", name, w.id)
			}
		}
	}
}

func TestChooseServers(t *testing.T) {
	all := servers(&workspace{}, nil)
	some, err := chosen(all, "spindle", references(sockets()))
	if got := serverNames(some); err != nil || got != "spindle, gobwas/ws, write(2)" {
		t.Errorf("chosen = %s, %v", got, err)
	}
	if _, err := chosen(all, "spindel", references(sockets())); err == nil {
		t.Error("spindel was chosen")
	}
}

func TestChoose(t *testing.T) {
	all := workloads(nil, nil)
	some, err := choose(all, "echo, plaintext")
	if err != nil || !reflect.DeepEqual(ids(some), []string{"echo", "plaintext"}) {
		t.Errorf("choose = %v, %v", ids(some), err)
	}
	if _, err := choose(all, "echo,ecco"); err == nil {
		t.Error("ecco was chosen")
	}
}

// TestDrawing checks that the SVG is well-formed, and tells all that is there.
func TestDrawing(t *testing.T) {
	rep := &report{Results: []*result{
		{Title: "one & <two>", Bar: bar{Max: 1.2}, Cells: []cell{
			{Server: limitName, Value: 1}, {Server: ours, Value: 1.3}, {Server: "net/http", Value: 26},
			{Server: "nginx", Absent: "not installed"}}},
		{Title: "nobody", Bar: bar{Peers: []string{"chi"}}},
	}}
	svg := drawSVG(rep)
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if s, ok := token.(xml.CharData); ok {
			text.Write(s)
		}
	}
	for _, want := range []string{"one & <two>", "1.30 MISS", "26.00", "not measured: nginx", "nobody"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the drawing does not say %q", want)
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, &result{ID: "echo", Bar: bar{Max: 1.25}, Cells: []cell{
		{Server: ours, Value: 1.1, Q1: 1.05, Q3: 1.2, CPU: 9.5, PerSecond: 80000, P50: 700, P99: 1500, Windows: 5, Noisy: 1},
		{Server: "nginx", Absent: "cannot echo\nmore"}}})
	for _, want := range []string{"1.10  1.05–1.20", "700 µs  1.50 ms", "pass (1 of 5 windows noisy)", "not measured: nginx: cannot echo\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, out.String())
		}
	}
}
