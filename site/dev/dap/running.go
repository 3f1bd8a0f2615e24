package dap

import (
	"bytes"
	"encoding/json"
	"time"

	"spindle/reactor"
)

// askAgain is how often Delve is asked whether its program runs.
const askAgain = 20 * time.Millisecond

// stateRequest asks in Delve's own protocol, JSON-RPC.
const stateRequest = `{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}` + "\n"

// asking waits until the program that Delve has attached to runs: with --continue Delve
// lets it go on only after it has begun to listen, and an editor that sets the program going
// before that would have its first stop undone.
type asking struct {
	t    reactor.Transport
	rest []byte
	runs func() // once
	lost bool
}

func (a *asking) ConnectionMade(t reactor.Transport) {
	a.t = t
	a.ask()
}

func (a *asking) ask() {
	if !a.lost {
		a.t.Write([]byte(stateRequest))
	}
}

func (a *asking) DataReceived(data []byte) {
	if len(a.rest)+len(data) > mostContent {
		a.t.AbortConnection()
		return
	}
	a.rest = append(a.rest, data...)
	line, rest, whole := bytes.Cut(a.rest, []byte("\n"))
	if !whole {
		return
	}
	a.rest = append([]byte(nil), rest...)
	var answer struct {
		Result struct{ State struct{ Running bool } } `json:"result"`
	}
	if json.Unmarshal(line, &answer) == nil && answer.Result.State.Running {
		a.t.LoseConnection()
		a.runs()
		return
	}
	a.t.Loop().CallLater(askAgain, a.ask)
}

func (a *asking) ConnectionLost(error) { a.lost = true }
