//go:build spindle_dev && linux && (amd64 || arm64)

package postmortem

import (
	"syscall"
	"unsafe"
)

// This file tells of a panic that nobody recovers from, and of what the runtime ends a
// program for: while it prints why, the frames are there. The runtime lets its writes be
// taken over; when it comes to the number of the goroutine, the development server is told,
// and copies the memory before the program ends.
//
// All of it runs on the system stack of a program that is about to end: it may allocate
// nothing, write no pointer, wait for nothing but the kernel, and is not instrumented.

//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32

// What was printed last, of what is looked for.
const (
	nothingFatal   = iota
	fatalText      // what it ends for
	fatalGoroutine // the word in front of the number
	fatalTold
)

const (
	mostFatal   = 4 << 10 // bytes of the text
	socketBytes = 108     // of a path, with the 0 behind it

	setMask = 2 // SIG_SETMASK
)

// fatal is what is known of the end of this process. It is used while the runtime holds the
// lock of what it prints.
var fatal struct {
	state   int
	thrown  bool // by the runtime, which no deferred function sees
	text    [mostFatal]byte
	length  int
	message [8 * mostFatal]byte
	said    int
	address syscall.RawSockaddrUnix
	seen    [16]byte
	wait    syscall.Timeval
	all     uint64 // signals
	before  uint64 // that were blocked
}

func init() {
	if !Wanted() || len(socket) >= socketBytes || overrideWrite != nil {
		return
	}
	fatal.address.Family = syscall.AF_UNIX
	for i := range len(socket) {
		fatal.address.Path[i] = int8(socket[i])
	}
	fatal.wait = syscall.NsecToTimeval(int64(waitSeen))
	fatal.all = ^uint64(0)
	overrideWrite = writeFatal
}

// writeFatal writes what the runtime prints, and looks at it.
//
//go:norace
//go:nocheckptr
func writeFatal(fd uintptr, p unsafe.Pointer, n int32) int32 {
	written, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if errno != 0 {
		return -int32(errno)
	}
	if fd == 2 && n > 0 && fatal.state != fatalTold {
		hearFatal(unsafe.Slice((*byte)(p), int(n)))
	}
	return int32(written)
}

// hearFatal takes the next piece: the runtime prints each argument of print by itself.
//
//go:norace
//go:nocheckptr
func hearFatal(p []byte) {
	switch {
	case fatal.state == fatalGoroutine:
		fatal.state = fatalTold
		// The runtime interrupts this thread again and again, which it takes for busy.
		mask, before := uintptr(unsafe.Pointer(&fatal.all)), uintptr(unsafe.Pointer(&fatal.before))
		syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, mask, before, unsafe.Sizeof(fatal.all), 0, 0)
		tellFatal(p)
		syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, before, 0, unsafe.Sizeof(fatal.all), 0, 0)
	case isFatal(p, "panic: ") && (fatal.length == 0 || fatal.text[fatal.length-1] == '\n'):
		fatal.state, fatal.thrown, fatal.length = fatalText, false, 0
	case isFatal(p, "fatal error: "):
		fatal.state, fatal.thrown, fatal.length = fatalText, true, 0
	case fatal.state == fatalText && isFatal(p, "goroutine "):
		fatal.state = fatalGoroutine
	case fatal.state == fatalText:
		for i := 0; i < len(p) && fatal.length < mostFatal; i++ {
			fatal.text[fatal.length] = p[i]
			fatal.length++
		}
	}
}

//go:norace
//go:nocheckptr
func isFatal(p []byte, what string) bool {
	if len(p) != len(what) {
		return false
	}
	for i := range len(what) {
		if p[i] != what[i] {
			return false
		}
	}
	return true
}

// tellFatal has the development server copy the memory, and tells it what is known.
//
//go:norace
//go:nocheckptr
func tellFatal(goroutine []byte) {
	s, _, errno := syscall.RawSyscall(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return
	}
	for _, option := range [...]uintptr{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, s, syscall.SOL_SOCKET, option, uintptr(unsafe.Pointer(&fatal.wait)), unsafe.Sizeof(fatal.wait), 0)
	}
	if _, _, errno = syscall.RawSyscall(syscall.SYS_CONNECT, s, uintptr(unsafe.Pointer(&fatal.address)), unsafe.Sizeof(fatal.address)); errno != 0 {
		return
	}
	sayBytes(goroutine)
	sayText("\n" + `{"panic":true,"fatal":true,"goroutine":`)
	sayBytes(goroutine)
	if fatal.thrown {
		sayText(`,"causes":[{"type":"fatal error","text":"`)
	} else {
		sayText(`,"causes":[{"type":"panic","text":"`)
	}
	sayQuoted(fatal.text[:fatalLength()])
	sayText("\"}]}\n")
	syscall.RawSyscall(syscall.SYS_WRITE, s, uintptr(unsafe.Pointer(&fatal.message)), uintptr(fatal.said))
	syscall.RawSyscall(syscall.SYS_READ, s, uintptr(unsafe.Pointer(&fatal.seen)), unsafe.Sizeof(fatal.seen))
}

// fatalLength is that of the text without what the runtime says of a signal, and without the
// ends of lines behind it.
//
//go:norace
//go:nocheckptr
func fatalLength() int {
	n := fatal.length
	for i := 0; i+len("[signal ") < n; i++ {
		if isFatal(fatal.text[i:i+len("[signal ")], "[signal ") && i > 0 && fatal.text[i-1] == '\n' {
			n = i
		}
	}
	for n > 0 && fatal.text[n-1] == '\n' {
		n--
	}
	return n
}

//go:norace
//go:nocheckptr
func sayByte(c byte) {
	if fatal.said < len(fatal.message) {
		fatal.message[fatal.said] = c
		fatal.said++
	}
}

//go:norace
//go:nocheckptr
func sayText(text string) {
	for i := range len(text) {
		sayByte(text[i])
	}
}

//go:norace
//go:nocheckptr
func sayBytes(text []byte) {
	for i := range len(text) {
		sayByte(text[i])
	}
}

// sayQuoted says a text within quotes, for JSON.
//
//go:norace
//go:nocheckptr
func sayQuoted(text []byte) {
	const digits = "0123456789abcdef"
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			sayByte('\\')
			sayByte(c)
		case c < ' ':
			sayText(`\u00`)
			sayByte(digits[c>>4])
			sayByte(digits[c&15])
		default:
			sayByte(c)
		}
	}
}
