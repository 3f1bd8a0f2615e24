package postmortem

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"spindle/protocol/probe"
)

// This file is what is said over the socket once the memory is copied: a line of JSON each
// way. Of a panic that somebody else has recovered from the first report has no causes: it is
// answered with a Place, and the causes follow, as a list.

// Report is what a program says of a panic or an error.
type Report struct {
	PID         int       `json:"pid"`
	Panic       bool      `json:"panic,omitempty"`
	Recovered   bool      `json:"recovered,omitempty"` // by somebody else
	Fatal       bool      `json:"fatal,omitempty"`     // the program ends
	Goroutine   int64     `json:"goroutine,omitempty"`
	Causes      []Cause   `json:"causes"` // the value itself first
	Stack       string    `json:"stack,omitempty"`
	Exchange    *Exchange `json:"exchange,omitempty"`
	Environment []Pair    `json:"environment,omitempty"` // sorted, secrets masked
}

// Cause is one link of a chain of errors.
type Cause struct {
	Type string `json:"type"`
	Text string `json:"text"`
	Link string `json:"link,omitempty"` // to one before it; "" is "because"
}

// Exchange is what was asked. Secrets are masked.
type Exchange struct {
	ID      string `json:"id,omitempty"`
	Method  string `json:"method"`
	Target  string `json:"target"`
	Version string `json:"version,omitempty"`
	Host    string `json:"host,omitempty"`
	Peer    string `json:"peer,omitempty"`
	Accept  string `json:"accept,omitempty"`
	Fields  []Pair `json:"fields,omitempty"`
	Cookies []Pair `json:"cookies,omitempty"`
	Form    []Pair `json:"form,omitempty"`
	Session []Pair `json:"session,omitempty"`
	// Said is what it has logged; nil where that is not known.
	Said *probe.Said `json:"said,omitempty"`
}

// Pair is a name with its value.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	mostCauses = 16
	mostText   = 8 << 10 // bytes of a message
	mostValue  = 1 << 10 // bytes of a value
)

// surround puts what was asked, and the environment, into r. It is called by the goroutine
// of the exchange, or its coroutine.
func (r *Report) surround(exchange func() *Exchange) {
	if exchange != nil {
		r.Exchange = exchange()
	}
	if x := r.Exchange; x != nil && x.Said == nil {
		x.Said = probe.SaidHere()
	}
	r.Environment = environment()
}

// describe puts v, and what v wraps, into r.
func (r *Report) describe(v any) {
	err, ok := v.(error)
	if !ok {
		r.Causes = []Cause{{Type: fmt.Sprintf("%T", v), Text: cut(fmt.Sprint(v), mostText)}}
		return
	}
	r.addCauses(err)
}

func (r *Report) addCauses(err error) {
	if err == nil || len(r.Causes) >= mostCauses {
		return
	}
	r.Causes = append(r.Causes, Cause{Type: fmt.Sprintf("%T", err), Text: cut(err.Error(), mostText)})
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range list.Unwrap() {
			r.addCauses(e)
		}
		return
	}
	r.addCauses(errors.Unwrap(err))
}

// cut is at most n bytes of s.
func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + " …"
	}
	return s
}

// Mask stands for a secret.
const Mask = "••••••"

// secretWords are the parts of a name by which it is taken for that of a secret.
var secretWords = []string{"API", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "AUTHORIZATION", "CREDENTIAL", "SESSID", "SESSIONID", "CSRF", "JWT", "DSN", "PRIVATE"}

// IsSecret tells whether the value of a variable, field, cookie or form field of this name
// is not shown.
func IsSecret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

// PairOf is a pair that can be shown.
func PairOf(name, value string) Pair {
	switch {
	case value == "":
	case IsSecret(name):
		value = Mask
	case strings.Contains(value, "://"):
		value = maskURL(value)
	}
	return Pair{Name: cut(name, mostValue), Value: cut(value, mostValue)}
}

// CookiePairOf is PairOf of a cookie. One that is named after a session is its id, or all of
// it: a secret.
func CookiePairOf(name, value string) Pair {
	p := PairOf(name, value)
	if value != "" && strings.Contains(strings.ToUpper(name), "SESS") {
		p.Value = Mask
	}
	return p
}

// MaskTarget is a target of a request that can be shown: of arguments in its query that are
// secret there is the name alone.
func MaskTarget(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		if name, value, _ := strings.Cut(p, "="); value != "" && IsSecret(name) {
			pairs[i] = name + "=" + Mask
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// maskURL is the address of something, without the password and the secret arguments in it.
func maskURL(value string) string {
	scheme, rest, _ := strings.Cut(value, "://")
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		if user, _, ok := strings.Cut(host[:at], ":"); ok {
			host = user + ":" + Mask + host[at:]
		}
	}
	return scheme + "://" + host + MaskTarget(path)
}

// environment is that of this process.
func environment() (list []Pair) {
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		list = append(list, PairOf(name, value))
	}
	slices.SortFunc(list, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// readAnswer reads the answer of the development server; nil when it is none.
func readAnswer(in *bufio.Reader) *Answer {
	a := new(Answer)
	if err := json.NewDecoder(io.LimitReader(in, pageBytes)).Decode(a); err != nil || a.Ticket == "" {
		return nil
	}
	return a
}
