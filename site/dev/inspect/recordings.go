package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"spindle/site/dev"
)

// This file has what a program has recorded read by the spindle command, for a development
// server that can not do it itself.

// ReadVariable makes a process of the spindle command read a recording; its value says which.
const ReadVariable = "SPINDLE_DEV_READ"

// readTime is how long that may take.
const readTime = 60 * time.Second

// recording is what is to be read: a trace, or a profile.
type recording struct {
	Root    string
	Trace   string    `json:",omitempty"`
	Profile [4]string // the CPU, allocated before, after, and between
}

// Recordings reads by a process for each. It implements dev.Recordings.
type Recordings struct{ path string }

// NewRecordings makes one, of the spindle command at path.
func NewRecordings(path string) Recordings { return Recordings{path} }

// Trace reads a trace. See dev.Recordings.
func (r Recordings) Trace(path, root string) (*dev.TraceSummary, error) {
	return read[dev.TraceSummary](r.path, &recording{Root: root, Trace: path})
}

// Profile reads a profile. See dev.Recordings.
func (r Recordings) Profile(cpu, before, after, delta, root string) (*dev.ProfileSummary, error) {
	return read[dev.ProfileSummary](r.path, &recording{Root: root, Profile: [4]string{cpu, before, after, delta}})
}

// read has the command at path read what.
func read[T any](path string, what *recording) (*T, error) {
	text, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	cmd := exec.CommandContext(limit, path, "inspect") // an argument that an older command refuses
	cmd.Env = append(os.Environ(), ReadVariable+"="+string(text))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if said, _, _ := strings.Cut(errs.String(), "\n"); said != "" {
			return nil, errors.New(said)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	v := new(T)
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		return nil, fmt.Errorf("what %s says of it is not understood (is it of this version?): %w", path, err)
	}
	return v, nil
}

// AskedToRead is the recording that this process was started to read; "" when it was not.
func AskedToRead() string {
	what := os.Getenv(ReadVariable)
	_ = os.Unsetenv(ReadVariable)
	return what
}

// Read reads what AskedToRead has given by r, and writes it to out as JSON.
func Read(what string, r dev.Recordings, out io.Writer) error {
	var x recording
	if err := json.Unmarshal([]byte(what), &x); err != nil {
		return fmt.Errorf("%s=%s: %w", ReadVariable, what, err)
	}
	var v any
	var err error
	if x.Trace != "" {
		v, err = r.Trace(x.Trace, x.Root)
	} else {
		v, err = r.Profile(x.Profile[0], x.Profile[1], x.Profile[2], x.Profile[3], x.Root)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(v)
}

var _ dev.Recordings = Recordings{}
