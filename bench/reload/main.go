// Command reload measures how long it takes from the save of a file to the new answer, of
// spindle dev and of others, on the same application and in turns.
//
//	go run ./bench/reload              # all of it, 7 rounds
//	go run ./bench/reload -only gin -n 15
//
// gin is an application of gin, against air with a delay of 50 ms and against a bare go
// build; flask is one of Flask, against flask run --debug, both by the python3 of PATH. An undo gives back the text that was
// there before. page is a style sheet and a template in a directory: what is measured there
// is the time to the event that the script in the page gets, and to the new content.
// -only takes several, with commas between them.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	rounds := flag.Int("n", 7, "rounds")
	only := flag.String("only", "gin,flask,page", "what is measured")
	air := flag.String("air", "v1.67.4", "the version of air")
	flag.Parse()
	if err := measure(*rounds, *only, *air); err != nil {
		fmt.Fprintln(os.Stderr, "reload:", err)
		os.Exit(1)
	}
}

// measure runs what only names, and prints a table of each.
func measure(rounds int, only, air string) error {
	dir, err := os.MkdirTemp("", "reload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, rounds: rounds, air: air, spindle: filepath.Join(dir, "spindle")}
	defer b.stopAll()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		b.stopAll()
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}()
	if err := b.goCommand("build", "-o", b.spindle, "spindle/cmd/spindle"); err != nil {
		return err
	}
	suites := map[string]func() error{"gin": b.gin, "flask": b.flask, "page": b.page}
	for _, name := range strings.Split(only, ",") {
		suite, ok := suites[name]
		if !ok {
			return fmt.Errorf("%q is not measured: there are gin, flask and page", name)
		}
		if err := suite(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.stopAll()
	}
	return nil
}
