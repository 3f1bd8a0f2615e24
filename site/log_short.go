package site

import (
	"os"
	"strconv"
	"time"
)

// This file holds the short format, for a person who looks on.

// NewShortFormat is for development: local time, method, target, status, bytes,
// duration, in columns and, if colour is set, with the status in the colour of
// its class:
//
//	15:04:05 GET    /hello?name=you                200      12 B   0.21 ms
//
// What comes from the peer is escaped as in the combined format, so that no
// request can write to the terminal.
func NewShortFormat(colour bool) LogFormat {
	stamp := &timeText{layout: "15:04:05", zone: time.Local}
	return func(dst []byte, e *Entry) []byte { return appendShort(dst, e, stamp, paint(colour)) }
}

// ColourTerminal tells whether f shows colours: it is a terminal, not a dumb one,
// and NO_COLOR is not set (no-color.org).
func ColourTerminal(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The widths of the columns. A longer text pushes what follows to the right.
const (
	shortMethodWidth   = 6
	shortTargetWidth   = 32
	shortBytesWidth    = 8
	shortDurationWidth = 9
)

func appendShort(dst []byte, e *Entry, stamp *timeText, p paint) []byte {
	dst = p.begin(dst, dim)
	dst = stamp.append(dst, e.Time)
	dst = p.end(dst)
	dst = appendShortRequest(append(dst, ' '), e)
	dst = append(dst, ' ')
	dst = p.begin(dst, colourOf(e))
	dst = strconv.AppendInt(dst, int64(e.loggedStatus()), 10)
	dst = p.end(dst)
	dst = append(dst, ' ')
	dst = p.begin(dst, dim)
	dst = appendRight(dst, shortBytesWidth, func(b []byte) []byte { return appendSize(b, e.Bytes) })
	dst = append(dst, ' ')
	dst = appendRight(dst, shortDurationWidth, func(b []byte) []byte { return appendDuration(b, e.Duration) })
	dst = p.end(dst)
	return append(appendShortRemark(dst, e, p), '\n')
}

// appendShortRequest appends method and target, or what was received instead.
func appendShortRequest(dst []byte, e *Entry) []byte {
	at := len(dst)
	if e.Refused != "" {
		dst = append(dst, '"')
		dst = appendEscaped(dst, firstLine(e.Target))
		dst = append(dst, '"')
		return padTo(dst, at+shortMethodWidth+1+shortTargetWidth)
	}
	dst = padTo(appendEscaped(dst, e.Method), at+shortMethodWidth)
	dst = append(dst, ' ')
	at = len(dst)
	return padTo(appendEscaped(dst, e.Target), at+shortTargetWidth)
}

// appendShortRemark appends what is out of the ordinary.
func appendShortRemark(dst []byte, e *Entry, p paint) []byte {
	if e.Refused != "" {
		dst = p.text(append(dst, "  "...), yellow, e.Refused)
	}
	switch {
	case e.Stopped:
		dst = p.text(append(dst, "  "...), magenta, "ended here")
	case e.Aborted:
		dst = p.text(append(dst, "  "...), magenta, "client left")
	}
	if e.ErrorID != "" {
		dst = p.text(append(dst, "  "...), red, "error ")
		dst = p.text(dst, red, e.ErrorID)
	}
	return dst
}

func padTo(dst []byte, n int) []byte {
	for len(dst) < n {
		dst = append(dst, ' ')
	}
	return dst
}

// appendRight appends what f appends, flush right in a column.
func appendRight(dst []byte, width int, f func([]byte) []byte) []byte {
	var buf [24]byte
	text := f(buf[:0])
	dst = padTo(dst, len(dst)+width-len(text))
	return append(dst, text...)
}

// appendSize appends n bytes for a person: "12 B", "1.2 kB", "34 MB".
func appendSize(dst []byte, n int64) []byte {
	units := [...]string{" B", " kB", " MB", " GB", " TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	digits := 0
	if u > 0 && v < 9.95 {
		digits = 1
	}
	dst = strconv.AppendFloat(dst, v, 'f', digits, 64)
	return append(dst, units[u]...)
}

// appendDuration appends d for a person: "0.21 ms", "34 ms", "1.2 s".
func appendDuration(dst []byte, d time.Duration) []byte {
	v, unit := float64(d)/1e6, " ms"
	if d >= time.Second {
		v, unit = d.Seconds(), " s"
	}
	digits := 0
	switch {
	case v < 1 && unit == " ms":
		digits = 2
	case v < 10:
		digits = 1
	}
	dst = strconv.AppendFloat(dst, v, 'f', digits, 64)
	return append(dst, unit...)
}

// paint writes colours, or nothing.
type paint bool

// The colours, as the parameters of SGR.
const (
	dim     = "2"
	bold    = "1"
	green   = "32"
	cyan    = "36"
	yellow  = "33"
	red     = "1;31"
	magenta = "35"
)

func colourOf(e *Entry) string {
	switch s := e.loggedStatus(); {
	case e.Aborted:
		return magenta
	case s >= 500:
		return red
	case s >= 400:
		return yellow
	case s >= 300:
		return cyan
	case s >= 200:
		return green
	}
	return bold
}

func (p paint) begin(dst []byte, colour string) []byte {
	if !p {
		return dst
	}
	dst = append(dst, "\x1b["...)
	dst = append(dst, colour...)
	return append(dst, 'm')
}

func (p paint) end(dst []byte) []byte {
	if !p {
		return dst
	}
	return append(dst, "\x1b[0m"...)
}

func (p paint) text(dst []byte, colour, s string) []byte {
	return p.end(append(p.begin(dst, colour), s...))
}
