package protocoltest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

// answer is a Receiver as one may be tested with a Channel.
type answer struct{ c protocol.Channel }

func (a *answer) HeadReceived(h *protocol.Head) {
	a.c.WriteHead(200, protocol.Fields{{Name: "A", Value: "b"}}, 5)
	a.c.Write([]byte("hello, "))
	a.c.WriteShared([]byte("world"))
	a.c.Finish(protocol.Fields{{Name: "T", Value: "u"}})
}
func (a *answer) BodyReceived([]byte)          {}
func (a *answer) BodyFinished(protocol.Fields) {}
func (a *answer) ConnectionLost(error)         {}

func TestChannelRecordsTheAnswer(t *testing.T) {
	c := &protocoltest.Channel{}
	(&answer{c}).HeadReceived(&protocol.Head{})
	if c.Status != 200 || c.Length != 5 || string(c.Body) != "hello" || c.Dropped != 7 || !c.Finished ||
		c.Fields.Get("a") != "b" || c.Trailers.Get("t") != "u" {
		t.Errorf("%+v", c)
	}
	c.Write([]byte("more"))
	c.Respond(500, nil, nil)
	c.Abort(nil)
	c.Switch(nil)
	if c.Status != 200 || string(c.Body) != "hello" || c.Aborted {
		t.Errorf("after the end: %+v", c)
	}
}

func TestChannelDropsWhatHasNoPlace(t *testing.T) {
	for name, c := range map[string]*protocoltest.Channel{
		"HEAD": {HeadMethod: true, Status: 200, Length: 3},
		"204":  {Status: 204, Length: -1},
		"304":  {Status: 304, Length: 3},
	} {
		if c.Write([]byte("abc")); len(c.Body) != 0 || c.Dropped != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	c := &protocoltest.Channel{}
	if c.Write([]byte("abc")); len(c.Body) != 0 || c.Dropped != 3 {
		t.Errorf("before the head: %+v", c)
	}
}

func TestChannelEnds(t *testing.T) {
	c := &protocoltest.Channel{}
	c.Continue()
	c.WriteInformational(103, nil)
	c.Abort(reactor.ErrDone)
	if !c.Over() || c.AbortError != reactor.ErrDone || fmt.Sprint(c.Informational) != "[100 103]" {
		t.Errorf("%+v", c)
	}
	p := reactor.Protocol(nil)
	c = &protocoltest.Channel{}
	if c.Switch(p); c.Over() { // to nothing
		t.Errorf("%+v", c)
	}
	c.PauseBody()
	if !c.BodyPaused {
		t.Error("PauseBody is not recorded")
	}
	if c.ResumeBody(); c.BodyPaused {
		t.Error("ResumeBody is not recorded")
	}
}

func TestChannelSendsFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &protocoltest.Channel{}
	c.WriteHead(200, nil, -1)
	var told []error
	done := func(err error) { told = append(told, err) }
	c.SendFile(f, 2, 3, done)
	c.SendFile(f, 8, 5, done)
	if len(told) != 0 {
		t.Error("done was called from inside")
	}
	c.Loop().(interface{ Run() }).Run()
	if string(c.Body) != "23489" || len(told) != 2 || told[0] != nil || told[1] == nil {
		t.Errorf("%q, told %v", c.Body, told)
	}
}

func TestSecondProducerPanics(t *testing.T) {
	c := &protocoltest.Channel{}
	c.RegisterProducer(stopper{})
	c.UnregisterProducer()
	c.RegisterProducer(stopper{})
	defer func() {
		if recover() == nil {
			t.Error("a second producer was taken")
		}
	}()
	c.RegisterProducer(stopper{})
}

type stopper struct{}

func (stopper) ResumeProducing() {}
func (stopper) StopProducing()   {}

// complaints collects what a Client says is wrong.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Helper()           {}
func (c *complaints) Error(args ...any) { c.said = append(c.said, fmt.Sprint(args...)) }
func (c *complaints) Errorf(format string, a ...any) {
	c.said = append(c.said, fmt.Sprintf(format, a...))
}

func TestClientSeesWhatIsWrong(t *testing.T) {
	tb := &complaints{}
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("hi") }}
	c := protocoltest.Dial(tb, nil, http1.NewFactory(s, nil))
	right := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
	ask := func() { c.SendBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
	ask()
	c.Want(right)
	ask()
	c.WantStatus("200")
	c.WantOpen()
	if len(tb.said) != 0 {
		t.Fatal(tb.said)
	}
	ask()
	c.WantExactly(right) // Date is missing
	ask()
	c.Want(right + "!")
	ask()
	c.WantStatus("404")
	c.WantClosed()
	c.WantAborted()
	c.WantLingering()
	c.Lose(errors.New("cut"))
	c.WantOpen()
	c.WantClosed()
	c.WantAborted()
	c.Want("no more")
	if len(tb.said) != 10 {
		t.Errorf("%d complaints:\n%s", len(tb.said), strings.Join(tb.said, "\n"))
	}
}

// An Exchange records one request, and what became of it.
func ExampleServer() {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("got " + string(x.Body)) }}
	c := protocoltest.Dial(nil, nil, http1.NewFactory(s, nil))
	c.Send("POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
	fmt.Print(s.Last())
	// Output:
	// POST "/a?b" 11 form=0 host="x" path="/a" query="b" length=3 keep=true expect=false upgrade=false
	//   Host: "x"
	//   Content-Length: "3"
	//   body "abc" trailers [] complete true lost <nil>
}
