package reactor

import "bytes"

// Defaults of a LineReceiver.
const (
	DefaultDelimiter     = "\r\n"
	DefaultMaxLineLength = 16384 // bytes, without the delimiter
)

// LineReceiver cuts what comes into lines. It is a Protocol by itself, or
// embedded in one; the fields are set before ConnectionMade. Loop only.
type LineReceiver struct {
	Framing

	// Delimiter ends a line; empty means DefaultDelimiter.
	Delimiter string
	// MaxLength bounds a line, in bytes without its delimiter; 0 means
	// DefaultMaxLineLength, negative means no bound.
	MaxLength int
	// OnLine is called with each line, without its delimiter. line is valid
	// until return. nil drops the lines.
	OnLine func(line []byte)
	// OnRaw is called with what comes in raw mode, cut as it came. data is
	// valid until return. nil drops it.
	OnRaw func(data []byte)
	// OnTooLong is called once for a line beyond MaxLength, which is then left
	// out. nil loses the connection.
	OnTooLong func()

	raw      bool
	skipping bool // inside a line that is too long
	scanned  int  // bytes of rest in which no delimiter begins
}

// DataReceived delivers the lines in data.
func (l *LineReceiver) DataReceived(data []byte) {
	if l.step == nil {
		l.step = l.next
	}
	l.feed(data)
}

// SetRawMode has everything behind the current line given to OnRaw.
func (l *LineReceiver) SetRawMode() { l.raw, l.scanned = true, 0 }

// SetLineMode goes back to lines, beginning with extra: what OnRaw was given and
// is not its own. They come when the current callback has returned.
func (l *LineReceiver) SetLineMode(extra []byte) {
	l.raw, l.scanned = false, 0
	l.unshift(extra)
}

// SendLine writes line and a delimiter.
func (l *LineReceiver) SendLine(line []byte) {
	l.Write(append(append(l.AvailableBuffer(), line...), l.delimiter()...))
}

func (l *LineReceiver) delimiter() string {
	if l.Delimiter == "" {
		return DefaultDelimiter
	}
	return l.Delimiter
}

// next delivers one line or some raw bytes.
func (l *LineReceiver) next() bool {
	if l.raw && !l.skipping {
		data := l.rest
		l.rest = nil
		if l.OnRaw != nil {
			l.OnRaw(data)
		}
		return true
	}
	delimiter := l.delimiter()
	in := l.rest
	n := bytes.Index(in[l.scanned:], []byte(delimiter))
	if n < 0 {
		l.noDelimiter(max(len(in)-len(delimiter)+1, 0))
		return false
	}
	n += l.scanned
	l.rest, l.scanned = in[n+len(delimiter):], 0
	switch {
	case l.skipping:
		l.skipping = false
	case n > orLimit(l.MaxLength, DefaultMaxLineLength):
		l.tooLong()
	case l.OnLine != nil:
		l.OnLine(in[:n])
	}
	return true
}

// noDelimiter notes that none begins in the first n bytes of rest.
func (l *LineReceiver) noDelimiter(n int) {
	l.scanned = n
	tooLong := !l.skipping && n > orLimit(l.MaxLength, DefaultMaxLineLength)
	if l.skipping || tooLong {
		l.skipping, l.rest, l.scanned = true, l.rest[n:], 0
	}
	if tooLong {
		l.tooLong()
	}
}

func (l *LineReceiver) tooLong() {
	if l.OnTooLong == nil {
		l.LoseConnection()
		return
	}
	l.OnTooLong()
}

var _ Protocol = (*LineReceiver)(nil)
