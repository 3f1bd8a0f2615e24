package site

import (
	"context"
	"io"
	"log/slog"
	"math"
	"time"
)

// This file holds the structured format, made by log/slog.

// NewJSONFormat is one JSON object a line:
//
//	{"time":…,"level":"INFO","msg":"request","peer":"192.0.2.7","peer_port":51234,
//	 "method":"GET","target":"/a","protocol":"HTTP/1.1","status":200,"bytes":512,
//	 "duration_ms":0.213,"referer":…,"agent":…}
//
// referer, agent, error_id, aborted and refused are there only when they say
// something. An answer of 500 and above has level ERROR.
func NewJSONFormat() LogFormat {
	return NewSlogFormat(func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
}

// NewSlogFormat has the lines written by a handler of the caller's: make is
// called once, with the writer that the handler must write to.
func NewSlogFormat(make func(w io.Writer) slog.Handler) LogFormat {
	w := new(appendWriter)
	h := make(w)
	return func(dst []byte, e *Entry) []byte {
		w.dst = dst
		r := slogRecord(e)
		if h.Enabled(context.Background(), r.Level) {
			_ = h.Handle(context.Background(), r) // appendWriter does not fail
		}
		dst, w.dst = w.dst, nil
		return dst
	}
}

func slogRecord(e *Entry) slog.Record {
	level, message := slog.LevelInfo, "request"
	if e.Status >= 500 {
		level = slog.LevelError
	}
	if e.Refused != "" {
		message = "request refused"
	}
	r := slog.NewRecord(e.Time, level, message, 0)
	r.AddAttrs(slog.String("peer", e.Peer.HostText()), slog.Int("peer_port", int(e.Peer.Port)))
	if e.Refused != "" {
		r.AddAttrs(slog.String("received", string(e.Target)))
	} else {
		r.AddAttrs(slog.String("method", e.Method), slog.String("target", string(e.Target)),
			slog.String("protocol", e.Version.Dotted()))
	}
	r.AddAttrs(slog.Int("status", e.loggedStatus()), slog.Int64("bytes", e.Bytes),
		slog.Float64("duration_ms", milliseconds(e.Duration)))
	addText(&r, "referer", string(e.Referer))
	addText(&r, "agent", string(e.Agent))
	addText(&r, "error_id", e.ErrorID)
	addText(&r, "refused", e.Refused)
	if e.Aborted {
		r.AddAttrs(slog.Bool("aborted", true))
	}
	return r
}

func addText(r *slog.Record, key, value string) {
	if value != "" {
		r.AddAttrs(slog.String(key, value))
	}
}

// milliseconds is d in ms, to the microsecond.
func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// appendWriter appends what is written to a slice.
type appendWriter struct{ dst []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.dst = append(w.dst, p...)
	return len(p), nil
}
