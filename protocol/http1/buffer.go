package http1

// buffer holds what has come on a connection and could not be used yet: a part
// of a head, requests that wait for the answer in hand, content that nobody
// takes. It is taken from the factory's list when the first byte has to stay,
// and given back with the last, so an idle connection has none.
type buffer struct {
	b    []byte
	off  int // b[:off] is used up
	next *buffer
}

const (
	firstBuffer  = 2 << 10  // bytes of a new buffer
	largestKept  = 32 << 10 // a buffer that has grown beyond is left to the garbage collector
	mostKept     = 64       // buffers, and decoders, that are kept for later
	largestLine  = 4 << 10  // a decoder's line that has grown beyond is not kept
	loggedBytes  = 256      // of a refused request are shown to HeadRefused
	copiedAtMost = 16 << 10 // a content up to this long is copied behind its head
	begunAtOnce  = 64       // requests of one connection are answered in one turn
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

// takeDecoder gives a decoder for one content.
func (f *Factory) takeDecoder() *chunked {
	d := f.decoders
	if d == nil {
		d = new(chunked)
	} else {
		f.decoders = d.next
		f.decodersKept--
	}
	d.reset(&f.set)
	return d
}

// giveDecoder takes d back.
func (f *Factory) giveDecoder(d *chunked) {
	if f.decodersKept >= mostKept {
		return
	}
	if cap(d.line) > largestLine {
		d.line = nil
	}
	d.trailers = nil
	d.next, f.decoders = f.decoders, d
	f.decodersKept++
}
