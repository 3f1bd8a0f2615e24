package protocoltest

import (
	"fmt"
	"strings"

	"spindle/protocol"
)

// Answer is a protocol.ClientReceiver that records what it is told, as a transcript.
// The zero value is ready.
type Answer struct {
	// Log has a line for each call but BodyReceived: "103 Early Hints", "200 OK length 5",
	// "end", "lost: …". Fields stand behind the status.
	Log      []string
	Status   int
	Body     []byte
	Trailers protocol.Fields
	Err      error // of ExchangeLost
	Done     bool  // BodyFinished was called
	// OnHead and OnBody, when set, are called in HeadReceived and BodyReceived.
	OnHead func(h *protocol.ResponseHead)
	OnBody func(data []byte)
}

// Over tells whether the last call was made.
func (a *Answer) Over() bool { return a.Done || a.Err != nil }

// InformationalReceived notes h.
func (a *Answer) InformationalReceived(h *protocol.ResponseHead) {
	a.note("%d %s%s", h.Status, h.Reason, fieldText(h))
}

// HeadReceived notes h.
func (a *Answer) HeadReceived(h *protocol.ResponseHead) {
	a.Status = h.Status
	switching := ""
	if h.Switching {
		switching = " switching"
	}
	a.note("%d %s length %d%s%s", h.Status, h.Reason, h.ContentLength, switching, fieldText(h))
	if a.OnHead != nil {
		a.OnHead(h)
	}
}

func fieldText(h *protocol.ResponseHead) string {
	var b strings.Builder
	for _, f := range h.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Value)
	}
	return b.String()
}

// BodyReceived keeps a copy of data.
func (a *Answer) BodyReceived(data []byte) {
	a.Body = append(a.Body, data...)
	if a.OnBody != nil {
		a.OnBody(data)
	}
}

// BodyFinished notes the end.
func (a *Answer) BodyFinished(trailers protocol.Fields) {
	a.Done, a.Trailers = true, trailers
	a.note("end")
}

// ExchangeLost notes why.
func (a *Answer) ExchangeLost(err error) {
	a.Err = err
	a.note("lost: %v", err)
}

func (a *Answer) note(format string, args ...any) {
	if a.Over() && len(a.Log) > 0 && (a.Log[len(a.Log)-1] == "end" || strings.HasPrefix(a.Log[len(a.Log)-1], "lost")) {
		format = "CALLED AFTER THE END: " + format
	}
	a.Log = append(a.Log, fmt.Sprintf(format, args...))
}

// String is the transcript with the content.
func (a *Answer) String() string {
	return strings.Join(a.Log, "\n") + "\n" + string(a.Body)
}

var _ protocol.ClientReceiver = (*Answer)(nil)
