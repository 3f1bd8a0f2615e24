package http2

// buffer holds the front of a frame that has not come whole. It is taken from the
// factory's list when the first byte has to stay, and given back with the last, so
// an idle connection has none.
type buffer struct {
	b    []byte
	off  int // b[:off] is used up
	next *buffer
}

const (
	firstBuffer  = 2 << 10  // bytes of a new buffer
	largestKept  = 32 << 10 // a buffer that has grown beyond is left to the garbage collector
	mostKept     = 64       // buffers and blocks that are kept for later
	mostStreams  = 512      // streams that are
	loggedBytes  = 256      // of a refused request are shown to HeadRefused
	copiedAtMost = 8 << 10  // content up to this long is copied behind its frame header
)

// unread is the bytes that are left.
func (b *buffer) unread() []byte { return b.b[b.off:] }

// add appends data and returns all that is left. The bytes that unread returned
// before are moved when there is no room.
func (b *buffer) add(data []byte) []byte {
	if b.off > 0 && len(b.b)+len(data) > cap(b.b) {
		b.b = b.b[:copy(b.b, b.b[b.off:])]
		b.off = 0
	}
	b.b = append(b.b, data...)
	return b.unread()
}

// takeBuffer gives an empty buffer.
func (f *Factory) takeBuffer() *buffer {
	b := f.buffers
	if b == nil {
		return &buffer{b: make([]byte, 0, firstBuffer)}
	}
	f.buffers, b.next = b.next, nil
	f.buffersKept--
	return b
}

// giveBuffer takes b back.
func (f *Factory) giveBuffer(b *buffer) {
	if f.buffersKept >= mostKept || cap(b.b) > largestKept {
		return
	}
	b.b, b.off = b.b[:0], 0
	b.next, f.buffers = f.buffers, b
	f.buffersKept++
}

// takeBlock gives a header block to be filled.
func (f *Factory) takeBlock() *block {
	b := f.blocks
	if b == nil {
		return new(block)
	}
	f.blocks, b.next = b.next, nil
	f.blocksKept--
	return b
}

// giveBlock takes b back.
func (f *Factory) giveBlock(b *block) {
	if f.blocksKept >= mostKept {
		return
	}
	b.reset()
	b.next, f.blocks = f.blocks, b
	f.blocksKept++
}

// takeStream gives a Stream for one exchange.
func (f *Factory) takeStream() *Stream {
	s := f.streams
	if s == nil {
		return new(Stream)
	}
	f.streams, s.next = s.next, nil
	f.streamsKept--
	return s
}

// giveStream takes s back. Nobody may hold it.
func (f *Factory) giveStream(s *Stream) {
	if f.streamsKept >= mostStreams {
		return
	}
	*s = Stream{f: f, next: f.streams}
	f.streams = s
	f.streamsKept++
}
