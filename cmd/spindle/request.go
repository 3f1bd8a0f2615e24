package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/site"
)

// This file is spindle request: one request, answered in memory, with no server that listens.

// asking is what the command line asks for.
type asking struct {
	method string
	path   string
	fields []string // Name: value
	data   []string
	json   string
	head   bool
	fail   bool

	body []byte // of data or json
}

const requestLong = `Ask an application for one path, and print the answer as 'curl -i' does. Nothing listens: a
Python application and a directory are asked in memory. A Go program, or any other, is
built and run for a moment, at a port of its own on this machine.

What the application prints, and why it fails, goes to standard error; the answer, to
standard output. It exits with 0 when there is an answer, with --fail only when its status
is below 400; else with 1.

In a test of a program of Spindle the package spindle/resource/resourcetest does the same
without a process:

  resourcetest.Get(root, "/users/5").Status`

func newRequest(out, errs *os.File) *cobra.Command {
	p, a := new(project), new(asking)
	cmd := &cobra.Command{
		Use:   "request [target] /path",
		Short: "Ask an application for a path, without a server",
		Long:  requestLong,
		Example: `  spindle request /
  spindle request app.py '/users?page=2'
  spindle request mysite.wsgi:application /login -d user=ann -d password=x
  spindle request ./cmd/web /api/users --json '{"name": "Ann"}' -H 'Authorization: Bearer t'`,
		RunE: func(_ *cobra.Command, args []string) error {
			target, err := a.take(args)
			if err != nil {
				return err
			}
			if err := p.find(target); err != nil {
				return err
			}
			return a.ask(p, out, errs)
		},
	}
	p.addTo(cmd)
	f := cmd.Flags()
	f.StringVarP(&a.method, "request", "X", "", "`method` (default GET, with content POST)")
	f.StringArrayVarP(&a.fields, "header", "H", nil, "`field` of the request, as 'Name: value'; may be given several times")
	f.StringArrayVarP(&a.data, "data", "d", nil, "`content` as forms have it; @file reads a file, @- standard input; several are joined by &")
	f.StringVar(&a.json, "json", "", "`content` of type application/json; @file and @- as with --data")
	f.BoolVarP(&a.head, "head", "I", false, "ask with HEAD")
	f.BoolVarP(&a.fail, "fail", "f", false, "exit with 1 when the status is 400 or above")
	for flag, list := range map[string]cobra.CompletionFunc{
		"request": fixed("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
		"header":  fixed("Accept: application/json", "Authorization: Bearer ", "Cookie: ", "Content-Type: "),
		"data":    cobra.NoFileCompletions, "json": cobra.NoFileCompletions,
	} {
		if err := cmd.RegisterFlagCompletionFunc(flag, list); err != nil {
			panic(err) // no such flag: a slip in this program
		}
	}
	return cmd
}

// take reads the arguments, and finds what is wrong with the command line.
func (a *asking) take(args []string) (target string, err error) {
	switch {
	case len(args) == 1:
		a.path = args[0]
	case len(args) == 2:
		target, a.path = args[0], args[1]
	case len(args) > 2:
		return "", fmt.Errorf("%q is one argument too many; give it as 'spindle request [target] /path'", args[2])
	}
	if !strings.HasPrefix(a.path, "/") || strings.ContainsAny(a.path, " \t\r\n") {
		return "", fmt.Errorf("the path begins with / and has no blanks (%%20 is one), and %q does not; as in 'spindle request app.py /users'", a.path)
	}
	a.path, _, _ = strings.Cut(a.path, "#")
	for _, text := range a.fields {
		name, value, ok := strings.Cut(text, ":")
		if !ok || protocol.CheckField(strings.TrimSpace(name), strings.TrimSpace(value)) != nil {
			return "", fmt.Errorf("--header %q: give it as 'Name: value'", text)
		}
	}
	if len(a.data) > 0 && a.json != "" {
		return "", errors.New("--data and --json contradict each other: there is one content")
	}
	if err := a.readBody(); err != nil {
		return "", err
	}
	if a.method = strings.ToUpper(a.method); a.method == "" {
		switch {
		case a.head:
			a.method = "HEAD"
		case a.body != nil:
			a.method = "POST"
		default:
			a.method = "GET"
		}
	}
	if a.head && a.method != "HEAD" {
		return "", fmt.Errorf("--head and --request %s contradict each other", a.method)
	}
	if strings.ContainsFunc(a.method, func(c rune) bool { return c < 'A' || c > 'Z' }) {
		return "", fmt.Errorf("--request %q is no method", a.method)
	}
	return target, nil
}

// readBody makes the content.
func (a *asking) readBody() error {
	if a.json != "" {
		body, err := dataOf("--json", a.json)
		a.body = body
		return err
	}
	for i, text := range a.data {
		part, err := dataOf("--data", text)
		if err != nil {
			return err
		}
		if i > 0 {
			a.body = append(a.body, '&')
		}
		a.body = append(a.body, part...)
	}
	if a.data != nil && a.body == nil {
		a.body = []byte{}
	}
	return nil
}

// dataOf is text, or what a file has that it names.
func dataOf(flag, text string) ([]byte, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, failure{fmt.Errorf("%s @%s: %w", flag, name, errors.Unwrap(err))}
	}
	return body, nil
}

// bytes is the request as it is sent. What --header says wins over what stands here.
func (a *asking) bytes() []byte {
	own := map[string]bool{}
	for _, text := range a.fields {
		name, _, _ := strings.Cut(text, ":")
		own[strings.ToLower(strings.TrimSpace(name))] = true
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", a.method, a.path)
	add := func(name, value string) {
		if !own[strings.ToLower(name)] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	add("Host", "localhost")
	add("User-Agent", "spindle-request")
	accept, kind := "*/*", "application/x-www-form-urlencoded"
	if a.json != "" {
		accept, kind = "application/json", "application/json"
	}
	add("Accept", accept)
	if a.body != nil {
		add("Content-Type", kind)
		add("Content-Length", strconv.Itoa(len(a.body)))
	}
	add("Connection", "close")
	for _, text := range a.fields {
		name, value, _ := strings.Cut(text, ":")
		fmt.Fprintf(&b, "%s: %s\r\n", strings.TrimSpace(name), strings.TrimSpace(value))
	}
	b.WriteString("\r\n")
	b.Write(a.body)
	return b.Bytes()
}

// ask has p answer.
func (a *asking) ask(p *project, out, errs *os.File) error {
	p.options.NoReload = true // the answer as it is
	return runOnce(p, errs, func(x *once) *reactor.Deferred[struct{}] {
		done := reactor.NewDeferred[struct{}]()
		ours, theirs, err := reactor.SocketPair()
		if err != nil {
			return reactor.Failed[struct{}](failure{err})
		}
		s := site.New(x.root())
		s.Debug = true
		s.StartFactory(x.loop) // no port does
		if err := x.loop.AdoptConnection(ours, s); err != nil {
			_ = theirs.Close()
			return reactor.Failed[struct{}](failure{err})
		}
		go func() {
			status, err := a.over(theirs, out)
			x.loop.CallFromThread(func() {
				switch {
				case err != nil:
					done.Errback(failure{fmt.Errorf("there is no whole answer: %w", err)})
				case a.fail && status >= 400:
					done.Errback(errTold)
				default:
					done.Callback(struct{}{})
				}
			})
		}()
		return done
	})
}

// over asks over f, which it closes, and prints what comes. Blocks: not on the loop.
func (a *asking) over(f *os.File, out io.Writer) (status int, err error) {
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	go func() { _, _ = c.Write(a.bytes()) }() // an answer may come before the end of the content
	in := bufio.NewReader(c)
	for {
		head, err := readHead(in)
		if err != nil {
			return 0, err
		}
		if _, err := out.Write(bytes.ReplaceAll(head, []byte("\r\n"), []byte("\n"))); err != nil {
			return 0, err
		}
		r, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), in)), &http.Request{Method: a.method})
		if err != nil {
			return 0, err
		}
		if r.StatusCode >= 200 || r.StatusCode == 101 {
			_, err = io.Copy(out, r.Body)
			return r.StatusCode, err
		}
	}
}

// readHead reads a head, with the empty line behind it.
func readHead(in *bufio.Reader) (head []byte, err error) {
	for {
		line, err := in.ReadBytes('\n')
		head = append(head, line...)
		if err != nil || len(line) <= 2 {
			return head, err
		}
	}
}
