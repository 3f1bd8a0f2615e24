// Command panics measures how long it takes from a panic to its page, with the variables of
// all frames, under spindle dev, and what that costs in memory:
//
//	go build -o /tmp/spindle ./cmd/spindle
//	go run ./bench/panics -spindle /tmp/spindle -n 100
//	go run ./bench/panics -spindle /tmp/spindle -n 100 -program gin
//
// The program of gin is one that knows nothing of Spindle, and whose Recovery catches the
// panic. In both the collector runs all the time.
//
// The first panic of a run is told apart: the helper that reads variables has looked at
// nothing yet. It is measured in runs of their own, too, where it is the first request of all:
// a second after the program is ready, and at once. A page counts as there when all of it is,
// and is right when it has what is asked for.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	spindle := flag.String("spindle", "spindle", "the spindle `command`")
	n := flag.Int("n", 100, "`number` of panics")
	kind := flag.String("program", "spindle", "what the program is made with: spindle or gin")
	flag.Parse()
	if err := measure(*spindle, *kind, *n); err != nil {
		log.Fatal(err)
	}
}

// measure runs development servers of one program.
func measure(spindle, kind string, n int) error {
	dir, err := os.MkdirTemp("", "panics-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeProgram(dir, kind); err != nil {
		return err
	}
	if err := run(spindle, dir, func(base string, pid int) error { return ask(base, pid, n) }); err != nil {
		return err
	}
	for _, row := range []struct {
		name string
		wait time.Duration
	}{{"a second after the program is ready", time.Second}, {"at once", 0}} {
		var took []time.Duration
		for range firstRuns {
			if err := run(spindle, dir, func(base string, _ int) error {
				time.Sleep(row.wait)
				d, err := panicTo(base, "*/*", "2670")
				took = append(took, d)
				return err
			}); err != nil {
				return err
			}
		}
		fmt.Printf("a panic by the first request of all, %s: %v\n", row.name, summary(took))
	}
	return nil
}

// firstRuns is how many runs begin with a panic.
const firstRuns = 5

// run calls f when a development server says that the program is ready.
func run(spindle, dir string, f func(base string, pid int) error) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(spindle, "dev", "--listen", "tcp:"+port+":interface=127.0.0.1", "--keys=false", "--log", "none", "--events", "-")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	if err := ready(out); err != nil {
		return err
	}
	return f("http://"+addr, cmd.Process.Pid)
}

// ready waits until the events say that the program answers. They are read to their end.
func ready(events io.Reader) error {
	said := json.NewDecoder(events)
	for {
		var e struct{ Event, Text string }
		if err := said.Decode(&e); err != nil {
			return fmt.Errorf("the program is not ready: %w", err)
		}
		if e.Event == "ready" {
			go func() { _, _ = io.Copy(io.Discard, events) }()
			return nil
		}
	}
}

// ask asks for what panics, and prints.
func ask(base string, pid, n int) error {
	if _, err := page(base+"/", "text/html"); err != nil {
		return err
	}
	time.Sleep(restTime)
	fmt.Printf("before the first panic: server %s\n", memories(pid))
	first, err := panicTo(base, "text/html", "2670")
	if err != nil {
		return err
	}
	fmt.Printf("the first panic to its page: %v\n", first.Round(100*time.Microsecond))
	var took, waited []time.Duration
	for range n {
		d, err := panicTo(base, "text/html", "[120, 250, 75]", "4711", "2670", "express", `class="line here"`)
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	during := memories(pid)
	var tickets []struct {
		Stood time.Duration `json:"stood_ns"`
	}
	text, err := page(base+"/__spindle__/tickets/", "application/json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), &tickets); err != nil {
		return err
	}
	for _, t := range tickets {
		waited = append(waited, t.Stood)
	}
	fmt.Printf("panic to page:             %s\n", summary(took))
	fmt.Printf("of it the program stood:   %s\n", summary(waited))
	fmt.Printf("after them: server %s\n", during)
	time.Sleep(restTime)
	fmt.Printf("%v later: server %s\n", restTime, memories(pid))
	return nil
}

// restTime is how long it is quiet before memory is measured.
const restTime = 5 * time.Second

// panicTo asks for what panics, and is how long the page takes. It must have what is wanted.
func panicTo(base, accept string, want ...string) (time.Duration, error) {
	began := time.Now()
	text, err := page(base+"/bill", accept)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	for _, want := range want {
		if !strings.Contains(text, want) {
			return 0, fmt.Errorf("a page is without %s:\n%s", want, text)
		}
	}
	return took, nil
}

func page(url, accept string) (string, error) {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", accept)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	return string(text), err
}

func summary(list []time.Duration) string {
	slices.Sort(list)
	at := func(part float64) time.Duration {
		return list[min(int(part*float64(len(list))), len(list)-1)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("median %v, 95th percentile %v, slowest %v (of %d)", at(0.5), at(0.95), at(1), len(list))
}

// memories is the resident memory of a process and of those that it has started, but for
// programs in directories of their own.
func memories(pid int) string {
	text := fmt.Sprintf("%.1f MiB", float64(resident(pid))/1024)
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		list, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(list)) {
			child, _ := strconv.Atoi(word)
			text += fmt.Sprintf(", %s %.1f MiB", kind(child), float64(resident(child))/1024)
		}
	}
	return text
}

// kind is what a process of the server does.
func kind(pid int) string {
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	switch {
	case strings.Contains(string(env), "SPINDLE_DEV_INSPECT="):
		return "helper"
	case strings.Contains(string(env), "SPINDLE_DEV_KEEPER="):
		return "keeper"
	}
	return "program"
}

// resident is in KiB.
func resident(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}

// writeProgram writes a shop whose bill is wrong three calls deep.
func writeProgram(dir, kind string) error {
	switch kind {
	case "gin":
		return writeGin(dir)
	case "spindle":
		return writeSpindle(dir)
	}
	return fmt.Errorf("-program %s: it is spindle or gin", kind)
}

// writeGin writes it with gin.
func writeGin(dir string) error {
	at, err := moduleDir()
	if err != nil {
		return err
	}
	from := filepath.Join(at, "bench", "reload", "testdata", "gin")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name+".txt"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "main.go"), []byte(ginHead+orders+ginMain), 0o644)
}

// moduleDir is where this module is.
func moduleDir() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "spindle").Output()
	return strings.TrimSpace(string(root)), err
}

// writeSpindle writes it with Spindle.
func writeSpindle(dir string) error {
	at, err := moduleDir()
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(at, "go.sum"))
	if err != nil {
		return err
	}
	text := strings.Replace(string(mod), "module spindle\n", "module shop\n", 1) + "\nrequire spindle v0.0.0\n\nreplace spindle => " + at + "\n"
	for name, text := range map[string]string{"go.mod": text, "go.sum": string(sum), "main.go": spindleHead + orders + spindleMain} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const spindleHead = `package main

import (
	"fmt"
	"log"
	"runtime"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)
`

// orders is what the programs have in common.
const orders = `
type Item struct {
	Name  string
	Price int
	Tags  []string
}

type Order struct {
	ID    int
	Items []*Item
	Stock map[string]int
}

func total(prices []int, upTo int) int {
	double := func(n int) int { return 2 * n * len(prices) }
	sum := 0
	for i := 0; i <= upTo; i++ {
		sum += double(prices[i])
	}
	return sum
}

func checkout(order *Order, discount float64) int {
	var local [3]int
	prices := local[:0]
	for _, item := range order.Items {
		prices = append(prices, item.Price)
	}
	note := map[string]bool{"gift": true}
	note["express"] = discount > 1
	return total(prices, len(prices))
}

func bill() int {
	order := &Order{ID: 4711, Items: []*Item{{"spindle", 120, []string{"wood", "beech"}}, {"distaff", 250, nil}, {"wool", 75, nil}},
		Stock: map[string]int{"spindle": 3, "wool": 12}}
	return checkout(order, 0.15)
}

func collect() {
	for {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
`

const ginHead = `package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"github.com/gin-gonic/gin"
)
`

const ginMain = `
func main() {
	go collect()
	gin.SetMode(gin.ReleaseMode)
	r := gin.Default()
	r.GET("/", func(c *gin.Context) { c.String(200, "the shop\n") })
	r.GET("/bill", func(c *gin.Context) { c.String(200, fmt.Sprintln(bill())) })
	log.Fatal(r.Run("127.0.0.1:" + os.Getenv("PORT")))
}
`

const spindleMain = `
type page struct{ resource.Leaf }

func (page) RenderGET(r *resource.Request) ([]byte, error) { return fmt.Appendln(nil, bill()), nil }

type front struct{ resource.Leaf }

func (front) RenderGET(r *resource.Request) ([]byte, error) { return r.Text("the shop\n") }

func main() {
	go collect()
	root := new(resource.Tree)
	root.PutChild("", front{})
	root.PutChild("bill", page{})
	if _, err := reactor.ListenTCP(8080, site.New(root)); err != nil {
		log.Fatal(err)
	}
	log.Fatal(reactor.Run())
}
`
