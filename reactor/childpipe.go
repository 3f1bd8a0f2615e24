package reactor

import (
	"errors"
	"io"
	"os"
)

// This file holds the pipes of a child process. Each is read and written by a
// goroutine, never more than one piece ahead of the loop: a pipe is rare and
// lives as long as a process, so that it needs no place in the poller.

const (
	firstPipeRead = 4 << 10  // size of the first read from a pipe
	maxPipeRead   = 64 << 10 // to which it grows while reads are full
	maxPipeWrite  = 64 << 10 // of one write to a pipe
)

// childOutput is a pipe from the child. Its goroutine reads one piece, and waits
// until the loop has delivered it.
type childOutput struct {
	c      *ChildProcess
	fd     int
	file   *os.File
	credit chan struct{} // one for each piece that was delivered; closed by close
	held   []byte        // came while paused
	closed bool
}

// read is the goroutine.
func (o *childOutput) read() {
	reason := ErrDone
	buf := make([]byte, firstPipeRead)
	for {
		n, err := o.file.Read(buf)
		if n > 0 {
			data := buf[:n]
			o.c.loop.CallFromThread(func() { o.arrived(data) })
			if _, more := <-o.credit; !more {
				break
			}
			if n == len(buf) && n < maxPipeRead {
				buf = make([]byte, 2*n)
			}
		}
		if err != nil {
			if err != io.EOF && !errors.Is(err, os.ErrClosed) {
				reason = err
			}
			break
		}
	}
	o.c.loop.CallFromThread(func() { o.lose(reason) })
}

// arrived brings the next piece to the loop.
func (o *childOutput) arrived(data []byte) {
	switch {
	case o.closed:
	case o.c.paused:
		o.held = data
	default:
		o.deliver(data)
	}
}

func (o *childOutput) deliver(data []byte) {
	o.c.tell(func() {
		switch p := o.c.proto; o.fd {
		case 1:
			p.OutReceived(data)
		case 2:
			p.ErrReceived(data)
		default:
			p.(PipeProtocol).PipeReceived(o.fd, data)
		}
	})
	if !o.closed {
		o.credit <- struct{}{}
	}
}

// close ends the reading. That it is lost is told when the goroutine has ended.
func (o *childOutput) close() {
	if !o.closed {
		o.closed, o.held = true, nil
		_ = o.file.Close()
		close(o.credit)
	}
}

// lose tells that the pipe is closed.
func (o *childOutput) lose(reason error) {
	o.close()
	o.c.pipeLost(o.fd, reason)
}

// pipeLost counts a pipe out.
func (c *ChildProcess) pipeLost(fd int, reason error) {
	if c.ended {
		return
	}
	c.open--
	if p, ok := c.proto.(PipeProtocol); ok {
		c.tell(func() { p.PipeLost(fd, reason) })
	}
	c.checkEnd()
}

// PauseReading stops the output of the child: at most one piece of each pipe has
// been read already, and is kept.
func (c *ChildProcess) PauseReading() { c.paused = true }

// ResumeReading lets it come again, from the next turn on.
func (c *ChildProcess) ResumeReading() {
	if c.paused {
		c.paused = false
		c.loop.CallFromThread(c.deliverHeld)
	}
}

func (c *ChildProcess) deliverHeld() {
	for _, o := range c.out {
		if data := o.held; data != nil && !c.paused {
			o.held = nil
			o.deliver(data)
		}
	}
}

// PauseProducing is PauseReading.
func (c *ChildProcess) PauseProducing() { c.PauseReading() }

// ResumeProducing is ResumeReading.
func (c *ChildProcess) ResumeProducing() { c.ResumeReading() }

// StopProducing is LoseConnection: nobody wants the output any more.
func (c *ChildProcess) StopProducing() { c.LoseConnection() }

// childInput is a pipe to the child. One goroutine at a time writes one piece,
// and is there only meanwhile.
type childInput struct {
	c        *ChildProcess
	fd       int
	file     *os.File
	queue    []byte // not given to a goroutine yet
	writing  int    // bytes with a goroutine
	touched  bool   // settle is to come
	closing  bool
	lost     bool
	producer Producer
	paused   bool // a push producer was told to pause
	asked    bool // a pull producer was asked, and has not written yet
}

func (in *childInput) write(data []byte) {
	if in.closing && in.producer == nil || in.lost {
		return
	}
	in.asked = false
	in.queue = append(in.queue, data...)
	in.touch()
}

// touch has settle called when the current callback is over.
func (in *childInput) touch() {
	if !in.touched {
		in.touched = true
		in.c.loop.CallFromThread(in.settle)
	}
}

// settle does what follows from what was written, sent and asked for.
func (in *childInput) settle() {
	in.touched = false
	if in.lost {
		return
	}
	if in.writing == 0 && len(in.queue) > 0 {
		in.send()
	}
	in.tellProducer()
	if in.closing && in.producer == nil && in.buffered() == 0 {
		in.lose(ErrDone)
	}
}

func (in *childInput) buffered() int { return len(in.queue) + in.writing }

// send gives a piece of the queue to a goroutine.
func (in *childInput) send() {
	piece := in.queue
	if len(piece) > maxPipeWrite {
		piece = piece[:maxPipeWrite:maxPipeWrite]
	}
	if in.queue = in.queue[len(piece):]; len(in.queue) == 0 {
		in.queue = nil
	}
	in.writing = len(piece)
	go func() {
		_, err := in.file.Write(piece)
		in.c.loop.CallFromThread(func() { in.sent(err) })
	}()
}

// sent tells that a piece is with the kernel, or will never be.
func (in *childInput) sent(err error) {
	in.writing = 0
	if in.lost {
		return
	}
	if err != nil {
		in.stopProducer()
		in.lose(err)
		return
	}
	in.touch()
}

func (in *childInput) tellProducer() {
	if in.producer == nil {
		return
	}
	push, isPush := in.producer.(PushProducer)
	switch n := in.buffered(); {
	case !isPush && n == 0 && !in.asked:
		in.asked = true
		in.c.tell(in.producer.ResumeProducing)
	case isPush && !in.paused && n > highWater:
		in.paused = true
		in.c.tell(push.PauseProducing)
	case isPush && in.paused && n <= lowWater:
		in.paused = false
		in.c.tell(push.ResumeProducing)
	}
}

// stopProducer tells the producer, in a later turn, that nobody reads.
func (in *childInput) stopProducer() {
	if p := in.producer; p != nil {
		in.producer = nil
		in.c.loop.CallFromThread(func() { in.c.tell(p.StopProducing) })
	}
}

// closeSoon closes the pipe when all is with the kernel.
func (in *childInput) closeSoon() {
	in.closing = true
	in.touch()
}

// lose closes the pipe now.
func (in *childInput) lose(reason error) {
	if in.lost {
		return
	}
	in.lost, in.queue = true, nil
	_ = in.file.Close()
	in.c.loop.CallFromThread(func() { in.c.pipeLost(in.fd, reason) })
}

// input is the pipe to a descriptor of the child, nil when there is none.
func (c *ChildProcess) input(fd int) *childInput {
	for _, in := range c.in {
		if in.fd == fd {
			return in
		}
	}
	return nil
}

// WriteToChild queues a copy of data for a descriptor of the child. It never
// blocks and never fails: what comes after the pipe is closed is dropped.
func (c *ChildProcess) WriteToChild(fd int, data []byte) {
	if in := c.input(fd); in != nil {
		in.write(data)
	}
}

// Write is WriteToChild for its standard input.
func (c *ChildProcess) Write(data []byte) { c.WriteToChild(0, data) }

// CloseStdin closes its standard input when it has taken what was written, and
// the producer has been unregistered.
func (c *ChildProcess) CloseStdin() { c.CloseChildFD(0) }

// CloseChildFD closes the pipe to or from a descriptor of the child: one that it
// reads when all is written, one that it writes at once.
func (c *ChildProcess) CloseChildFD(fd int) {
	if in := c.input(fd); in != nil {
		in.closeSoon()
	}
	for _, out := range c.out {
		if out.fd == fd {
			out.close()
		}
	}
}

// Buffered is the number of bytes that wait for the child to read them from its
// standard input.
func (c *ChildProcess) Buffered() int {
	if in := c.input(0); in != nil {
		return in.buffered()
	}
	return 0
}

// RegisterProducer makes p the producer of the standard input. A second one
// panics. When that is closed, p.StopProducing is called in the next turn.
func (c *ChildProcess) RegisterProducer(p Producer) {
	in := c.input(0)
	switch {
	case in == nil || in.lost || c.exited:
		c.loop.CallFromThread(func() { c.tell(p.StopProducing) })
	case in.producer != nil:
		panic("reactor: RegisterProducer: there is a producer already; unregister it first")
	default:
		in.producer, in.paused, in.asked = p, false, false
		in.touch()
	}
}

// UnregisterProducer ends that. It does nothing if there is none.
func (c *ChildProcess) UnregisterProducer() {
	if in := c.input(0); in != nil && in.producer != nil {
		in.producer = nil
		in.touch()
	}
}

var (
	_ Consumer     = (*ChildProcess)(nil)
	_ PushProducer = (*ChildProcess)(nil)
)
