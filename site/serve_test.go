package site

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

func TestDebugIsForDevelopment(t *testing.T) {
	for _, row := range []struct {
		off        bool
		supervised string
		want       bool
	}{{false, "", false}, {false, "1", true}, {true, "", false}, {true, "1", false}} {
		t.Setenv("SPINDLE_DEV", row.supervised)
		if d := (Dev{Off: row.off}); d.debug() != row.want {
			t.Errorf("%+v", row)
		}
	}
}

// Below a development server a Site made in the usual way has the pages of Debug; who says
// Off has not.
func TestDebugBelowDevelopmentServer(t *testing.T) {
	const asked = "SPINDLE_TEST_SITE"
	if how := os.Getenv(asked); how != "" {
		s := New(new(resource.Tree))
		s.alone = how == "off"
		s.StartFactory(reactor.New())
		fmt.Printf("debug %v\n", s.requests.Debug)
		return
	}
	for _, row := range []struct{ how, probe, want string }{{"on", "", "debug false"}, {"on", "/nowhere", "debug true"}, {"off", "/nowhere", "debug false"}} {
		run := exec.Command(os.Args[0], "-test.run=^TestDebugBelowDevelopmentServer$")
		run.Env = append(os.Environ(), asked+"="+row.how, probe.Variable+"="+row.probe)
		if text, err := run.CombinedOutput(); err != nil || !strings.Contains(string(text), row.want) {
			t.Errorf("%+v: %v: %s", row, err, text)
		}
	}
}

// In production a variable does not make a keeper of the program, which would serve nothing.
func TestOffLooksAtNoVariable(t *testing.T) {
	if os.Getenv("SPINDLE_DEV_KEEPER") != "" {
		err := Serve(new(resource.Tree), Dev{Off: true, Listen: "tcp:0:interface=127.0.0.1", Setup: func(s *Site) {
			if s.Debug {
				t.Error("debug pages")
			}
			reactor.CallWhenRunning(reactor.Default().Stop)
			os.Stdout.WriteString("it serves\n")
		}})
		if err != nil {
			t.Error(err)
		}
		return
	}
	run := exec.Command(os.Args[0], "-test.run=^TestOffLooksAtNoVariable$")
	run.Env = append(os.Environ(), "SPINDLE_DEV_KEEPER=1", "SPINDLE_DEV=1")
	if text, err := run.CombinedOutput(); err != nil || !strings.Contains(string(text), "it serves") {
		t.Errorf("%v: %s", err, text)
	}
}
