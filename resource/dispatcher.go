package resource

import (
	"log/slog"
	"net/netip"

	"spindle/protocol"
	"spindle/reactor"
)

// Dispatcher makes the Request of each exchange and hands it to the resource that
// the tree has for it. site.Site has one for each loop; a test makes one by itself.
// The fields are set before it is used and not changed afterwards.
type Dispatcher struct {
	Root Resource

	// MaxBodyBytes bounds the content of a request; above it the answer is 413.
	// 0 means 32 MiB; negative means no limit.
	MaxBodyBytes int64
	// MemoryBodyBytes is how much of a content stays in memory; what is longer
	// goes to a temporary file without a name. 0 means 64 KiB; negative means
	// that it always stays in memory.
	MemoryBodyBytes int
	// MaxFormFields limits the fields of a form; 1000. Beyond: 413.
	MaxFormFields int
	// MaxFormValueBytes limits the value of a field that is not a file; 1 MiB.
	// Beyond: 413.
	MaxFormValueBytes int64
	// TempDir is where temporary files are made; "" means that of the system.
	TempDir string
	// TrustedProxies are those whose word about the client is taken: the fields
	// X-Forwarded-For and X-Forwarded-Proto.
	TrustedProxies []netip.Prefix
	// Forwarded tells that they write the field Forwarded (RFC 7239), and those
	// two, which a client can then forge, are not looked at.
	Forwarded bool
	// ErrorPage makes the page of an error in place of the stock one. It sets
	// Content-Type itself; nil as a result asks for the stock page.
	ErrorPage func(r *Request, e *Error) []byte
	// Finished is told of each exchange when it is over, for log and statistics.
	// err is nil when it was answered.
	Finished func(r *Request, err error)
	// ErrorLog takes what goes wrong; nil means slog.Default().
	ErrorLog *slog.Logger
	// Debug shows causes and stacks on error pages, and logs each use of a
	// Request after its end.
	Debug bool
	// Watch, if set, is asked at each head who wants to know when what happens to the
	// exchange; nil is nobody. It may take fields out of the head. For development.
	Watch func(r *Request) Watcher
	// NewID makes the id of a request; nil means 10 random letters and digits.
	NewID func() string

	// spare is the Request for the next exchange: nil while it is in use, or
	// given away.
	spare *Request
	fine  fineFields
	grown bool // the stack of the loop; see prepareWitness
}

// The defaults of a Dispatcher.
const (
	DefaultMaxBodyBytes    = 32 << 20
	DefaultMemoryBodyBytes = 64 << 10
)

// NewReceiver makes the Request for an exchange on c. Loop only.
func (d *Dispatcher) NewReceiver(c protocol.Channel) protocol.Receiver {
	d.prepareWitness()
	r := d.spare
	if r == nil {
		r = &Request{d: d}
	}
	d.spare = nil
	r.reset(c)
	return r
}

// reclaim takes back a Request that nobody can hold any more.
func (d *Dispatcher) reclaim(r *Request) {
	if d.spare == nil {
		d.spare = r
	}
}

func (d *Dispatcher) log() *slog.Logger {
	if d.ErrorLog != nil {
		return d.ErrorLog
	}
	return slog.Default()
}

// HeadRefused does nothing: the protocol has answered. It makes a Dispatcher a
// protocol.Server.
func (d *Dispatcher) HeadRefused(reactor.Addr, *protocol.Error, []byte) {}

var _ protocol.Server = (*Dispatcher)(nil)
