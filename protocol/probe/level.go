package probe

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// This file sets the level of the program's log.

// LogLevel is a level that the development server can change: a handler is made with it as
// slog.HandlerOptions.Level. It is slog.LevelInfo to begin with.
var LogLevel = new(Level)

// Level is a slog.Leveler.
type Level struct {
	v    slog.LevelVar
	used atomic.Bool
}

// Level is the level now. Any goroutine.
func (l *Level) Level() slog.Level {
	if !l.used.Load() {
		l.used.Store(true)
	}
	return l.v.Level()
}

// Set changes it. Any goroutine.
func (l *Level) Set(to slog.Level) { l.v.Set(to) }

func level(arg string) (any, error) { return SetLogLevel(arg) }

// SetLogLevel sets the level of the log of this process, as slog.Level.UnmarshalText reads
// it, and gives the one that holds; an empty one changes nothing. It is an error where
// nothing would follow. Any goroutine.
func SetLogLevel(arg string) (now string, err error) {
	was := LogLevel.v.Level()
	if !LogLevel.used.Load() && !standardFollows(was) {
		return "", errNoLevel
	}
	if arg == "" {
		return was.String(), nil
	}
	var to slog.Level
	if err := to.UnmarshalText([]byte(arg)); err != nil {
		return "", err
	}
	LogLevel.Set(to)
	slog.SetLogLoggerLevel(to)
	return to.String(), nil
}

// standardFollows tells whether slog's default handler is the one that
// slog.SetLogLoggerLevel is for. now is the level that it has.
func standardFollows(now slog.Level) bool {
	h, c := slog.Default().Handler(), context.Background()
	slog.SetLogLoggerLevel(now + 1)
	quiet := !h.Enabled(c, now)
	slog.SetLogLoggerLevel(now)
	return quiet && h.Enabled(c, now)
}
