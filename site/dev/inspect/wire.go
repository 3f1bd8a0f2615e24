package inspect

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
)

// This file is what the two say to each other.

// The questions. Each has one answer.
const (
	askPrepare = "prepare" // the file of the program comes with it
	askLook    = "look"    // the file, and the copy of the memory
	askEval    = "eval"
)

// question is what the development server asks.
type question struct {
	Ask        string      `json:"ask"`
	Path       string      `json:"path,omitempty"` // of the program
	Moment     int64       `json:"moment,omitempty"`
	Goroutine  int64       `json:"goroutine,omitempty"`
	Runs       [][2]uint64 `json:"runs,omitempty"` // address and bytes of what was copied, one after the other
	Frame      int         `json:"frame,omitempty"`
	Expression string      `json:"expression,omitempty"`
	Files      int         `json:"files,omitempty"` // descriptors that come with it
}

// answer is what the helper answers.
type answer struct {
	Error  string      `json:"error,omitempty"`
	Frames []dev.Frame `json:"frames,omitempty"`
	Value  dev.Value   `json:"value"`
	// Panicked goes with Frames.
	Panicked postmortem.Place `json:"panicked"`
}

// wire is one end of the socket.
type wire struct {
	c     *net.UnixConn
	in    *json.Decoder
	files []*os.File // that came, and nobody has taken yet
}

const mostFiles = 2

func newWire(c *net.UnixConn) *wire {
	w := &wire{c: c}
	w.in = json.NewDecoder(bufio.NewReaderSize(w, 64<<10))
	return w
}

// Read reads, and takes the descriptors that come along. It is for the decoder.
func (w *wire) Read(p []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(mostFiles*4))
	n, oobn, _, _, err := w.c.ReadMsgUnix(p, oob)
	if oobn > 0 {
		w.takeFiles(oob[:oobn])
	}
	return max(n, 0), err // negative when the other process was killed
}

func (w *wire) takeFiles(oob []byte) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			w.files = append(w.files, os.NewFile(uintptr(fd), "received"))
		}
	}
}

var errTooFew = errors.New("inspect: descriptors are missing")

// take is the descriptors that came with a question.
func (w *wire) take(n int) ([]*os.File, error) {
	if n < 0 || n > mostFiles || n > len(w.files) {
		return nil, errTooFew
	}
	files := w.files[:n:n]
	w.files = w.files[n:]
	return files, nil
}

// send says v, with descriptors, which stay the caller's.
func (w *wire) send(v any, files ...*os.File) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		n, _, err := w.c.WriteMsgUnix(line, unix.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		line = line[n:]
	}
	if len(line) > 0 {
		_, err = w.c.Write(line)
	}
	return err
}

// closeAll closes files.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
