package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
)

// The differential target: what this server and net/http make of one request
// must be the same, but for the exceptions below, each of which has a name and a
// reason. What only net/http accepts is refused here for being readable in two
// ways; there is little that only this server accepts.

// stricter are refusals of things that net/http lets through.
var stricter = map[*protocol.Error]string{
	errBareLF:         "net/http takes LF for CRLF",
	errFold:           "net/http joins folded lines",
	errValue:          "net/http.ReadRequest leaves values to the server above it",
	errName:           "net/http.ReadRequest drops or keeps odd names",
	errMethod:         "net/http reads the request line with any blanks",
	errTarget:         "net/http keeps a fragment, and blanks, in the target",
	errTargetForm:     "net/http takes any URI for any method",
	errAuthority:      "net/http takes a user, and any host, in an absolute target",
	errMajorVersion:   "net/http.ReadRequest leaves the version to the server above it",
	errVersion:        "net/http takes any digits for a version",
	errNoHost:         "net/http.ReadRequest leaves Host to the server above it",
	errTwoHosts:       "net/http.ReadRequest leaves Host to the server above it",
	errHost:           "net/http.ReadRequest leaves Host to the server above it",
	errTwoLengths:     "net/http takes equal lengths for one",
	errLength:         "net/http takes an empty length for none",
	errLengthAndCode:  "net/http drops the length",
	errCodingTooOld:   "net/http ignores the coding",
	errCodingUnclear:  "net/http.ReadRequest ignores an empty coding",
	errConnectContent: "net/http takes content with CONNECT",
	errExpectation:    "net/http.ReadRequest leaves Expect to the server above it",
	errEmptyLine:      "net/http.ReadRequest skips no empty line, but says so in another way",
	errLineTooLong:    "the limits differ",
	errBlockTooLong:   "the limits differ",
	errTooManyFields:  "the limits differ",
	errChunkLine:      "the limits differ",
	errTrailersLong:   "the limits differ",
	errManyTrailers:   "the limits differ",
	errChunkWaste:     "the limits differ",
	errChunkSize:      "net/http takes blanks behind a chunk size",
	errChunkExtension: "net/http ignores extensions",
	errTrailer:        "net/http takes more for a trailer",
	errTrailerFraming: "net/http drops the trailer",
	errHugeLength:     "net/http takes all of an int64",
	errHugeChunk:      "net/http takes all of a uint64",
}

// laxer are what only this server accepts.
var laxer = []struct {
	name string
	is   func(in string, x *protocoltest.Exchange) bool
}{
	{"an empty line in front (RFC 9112 §2.2)", func(in string, x *protocoltest.Exchange) bool {
		return strings.HasPrefix(in, "\r\n")
	}},
	{"a target that is no URI to package url", func(in string, x *protocoltest.Exchange) bool {
		_, err := http.NewRequest("GET", string(x.Head.Target), nil)
		return err != nil || bytes.ContainsAny(x.Head.Target, "%:[]\\\"<>^`{|}")
	}},
	{"a Host or authority that is no host to package url", func(in string, x *protocoltest.Exchange) bool {
		_, err := http.NewRequest("GET", "http://"+string(x.Head.Authority), nil)
		return err != nil
	}},
	{"quoted strings and bytes above ASCII in a chunk extension", func(in string, x *protocoltest.Exchange) bool {
		return x.Head.ContentLength == -1 && strings.Contains(in, ";")
	}},
	{"an HTTP/1.0 request with an empty or odd Trailer field", func(in string, x *protocoltest.Exchange) bool {
		return strings.Contains(strings.ToLower(in), "trailer")
	}},
	{"a method of bytes that net/http does not take", func(in string, x *protocoltest.Exchange) bool {
		return x.Head.Method == "PRI"
	}},
}

func FuzzDifferential(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Abort(nil) }}
		c := protocoltest.Dial(t, nil, NewFactory(s, &Settings{}))
		c.Deliver(in)
		c.DeliverEOF()
		ours, refusal := ourReading(s)
		theirs, err := theirReading(in)
		switch {
		case refusal == errHeadCut || refusal == errContentCut || len(in) == 0:
			if err == nil && refusal != nil && !cutForThemToo(in) {
				t.Errorf("%q: not complete here, to net/http it is\n%s", in, theirs)
			}
		case refusal == nil && err == nil:
			if ours != theirs {
				t.Errorf("%q is read in two ways:\n%s\nby net/http:\n%s", in, ours, theirs)
			}
		case refusal != nil && err == nil:
			if stricter[refusal] == "" {
				t.Errorf("%q: refused here: %s; by net/http it is read:\n%s", in, refusal.Reason, theirs)
			}
		case refusal == nil && err != nil && len(s.Exchanges) > 0:
			for _, e := range laxer {
				if e.is(string(in), s.Exchanges[0]) {
					return
				}
			}
			t.Errorf("%q: accepted here:\n%s\nby net/http it is refused: %v", in, ours, err)
		}
	})
}

// cutForThemToo tells whether there is something that net/http takes for the end
// of a line, or of a size, and we do not.
func cutForThemToo(in []byte) bool {
	return bytes.Contains(bytes.ReplaceAll(in, []byte("\r\n"), nil), []byte("\n"))
}

// ourReading tells what the first request was, or why there was none.
func ourReading(s *protocoltest.Server) (string, *protocol.Error) {
	if len(s.Exchanges) == 0 {
		if len(s.Refused) == 0 {
			return "", nil
		}
		return "", s.Refused[0]
	}
	x := s.Exchanges[0]
	if e, ok := x.Lost.(*protocol.Error); ok {
		return "", e
	}
	// The first Host field, as the authority of an absolute target would hide
	// the difference.
	host := string(x.Head.Authority)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q host %q length %d body %q\n", x.Head.Method, x.Head.Target, host, x.Head.ContentLength, x.Body)
	for _, f := range x.Head.Fields {
		switch name := http.CanonicalHeaderKey(string(f.Name)); name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer":
		default:
			fmt.Fprintf(&b, "%s: %q\n", name, f.Value)
		}
	}
	return b.String(), nil
}

// theirReading is the same by net/http.
func theirReading(in []byte) (string, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	host := r.Host
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q host %q length %d body %q\n", r.Method, r.RequestURI, host, r.ContentLength, body)
	// net/http forgets the order between names; ours is put in the same one.
	for _, line := range bytes.Split(in, []byte("\r\n"))[1:] {
		if len(line) == 0 {
			break
		}
		name, _, _ := strings.Cut(string(line), ":")
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer":
			continue
		}
		if v := r.Header[name]; len(v) > 0 {
			fmt.Fprintf(&b, "%s: %q\n", name, v[0])
			r.Header[name] = v[1:]
		}
	}
	return b.String(), nil
}
