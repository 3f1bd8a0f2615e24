package locals

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
	"golang.org/x/sys/unix"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
	"spindle/site/dev/inspect"
)

// This file finds the frames of a goroutine in a copy.

// Reader looks into copies. It implements inspect.Debugger. One goroutine.
type Reader struct {
	programs []*program // the one that was told of last first
}

// program is what is known of a program's file. Delve looks at one moment at a time: what it
// finds out for a process is dear, and the same for all copies.
type program struct {
	path    string
	stamp   string   // of the file
	modules []string // that somebody may edit: that it was built of, others of a workspace or by replace
	exe     *os.File
	file    []span
	process *process
	target  *proc.Target // nil while it rests
	at      *moment      // that the target shows
	runs    bool         // it is the one that was told of last
}

// keptPrograms is how many programs' debug information is kept while something happens: that
// of the one that goes, beside that of the one that comes.
const keptPrograms = 2

// limits is how much of a value is read: what somebody asks for, and what frames of the
// program's own module have. Those of libraries have libraryLimits: they lead to all that
// there is.
var (
	limits        = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 2, MaxStringLen: 64, MaxArrayValues: 8, MaxStructFields: 40, MaxMapBuckets: 256}
	libraryLimits = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 0, MaxStringLen: 64, MaxArrayValues: 4, MaxStructFields: 12, MaxMapBuckets: 16}
)

// Prepare reads the debug information of a program.
func (r *Reader) Prepare(path string, exe *os.File) error {
	return guarded(func() error {
		p, err := r.program(path, exe)
		if err == nil {
			for _, q := range r.programs {
				q.runs = q == p
			}
			r.programs = slices.DeleteFunc(r.programs, func(q *program) bool { return q == p })
			r.programs = slices.Insert(r.programs, 0, p)
		}
		return err
	})
}

// Rest lets go of programs that have most likely ended. Moments keep theirs.
func (r *Reader) Rest() { r.keep(1) }

// keep keeps the first n programs.
func (r *Reader) keep(n int) { r.programs = slices.Clone(r.programs[:min(len(r.programs), n)]) }

// guarded keeps a mistake of the debugger from ending this process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a file that is mapped may be cut
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the debugger failed: %v", p)
		}
	}()
	return f()
}

// program is what is known of the program at path, whose file is exe: at path there may be
// another one by now.
func (r *Reader) program(path string, exe *os.File) (*program, error) {
	info, err := exe.Stat()
	if err != nil {
		return nil, err
	}
	stamp := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	for _, p := range r.programs {
		if p.path == path && p.stamp == stamp {
			return p, nil
		}
	}
	p := &program{path: path, stamp: stamp}
	if err := p.open(exe); err != nil {
		return nil, err
	}
	r.keep(keptPrograms - 1)
	r.programs = append(r.programs, p)
	return p, nil
}

// open reads the file, and keeps it open.
func (p *program) open(exe *os.File) error {
	fd, err := unix.FcntlInt(exe.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	p.exe = os.NewFile(uintptr(fd), p.path)
	f, err := elf.NewFile(p.exe)
	if err != nil {
		return err
	}
	if f.Type != elf.ET_EXEC {
		return errors.New("the program is position independent; without -buildmode=pie its variables can be read")
	}
	if f.Section(".debug_info") == nil && f.Section(".zdebug_info") == nil {
		return errStripped
	}
	if b, err := buildinfo.Read(p.exe); err == nil {
		p.modules = edited(b)
	}
	text, err := mapFile(p.exe)
	if err != nil {
		return err
	}
	runtime.AddCleanup(p, func(text []byte) { _ = unix.Munmap(text) }, text)
	p.file = fileSpans(f, text)
	return p.load(f.Entry)
}

// load reads the debug information.
func (p *program) load(entry uint64) (err error) {
	p.process = &process{info: proc.NewBinaryInfo("linux", "amd64", true), memory: &memory{file: p.file}, points: proc.NewBreakpointMap(), entry: entry}
	_, add := proc.NewGroup(group{}, proc.NewTargetGroupConfig{})
	p.target, err = add(p.process, someProcess, &thread{p: p.process}, fmt.Sprintf("/proc/self/fd/%d", p.exe.Fd()), proc.StopAttached, "")
	return err
}

// show has the target show m.
func (p *program) show(m *moment) {
	if p.at != m {
		p.process.memory, p.at = m.memory, m
		p.target.ClearCaches()
	}
}

// errStripped is why there is nothing to read.
var errStripped = errors.New("the program is linked without debug information; without -s and -w in its -ldflags its variables can be read")

// edited is the paths of the modules of a program that are in a directory of somebody's.
func edited(b *buildinfo.BuildInfo) (paths []string) {
	for _, m := range append([]*debug.Module{&b.Main}, b.Deps...) {
		of := m
		if m.Replace != nil {
			of = m.Replace
		}
		if m.Path != "" && (m == &b.Main || of.Version == "(devel)") {
			paths = append(paths, m.Path)
		}
	}
	return paths
}

// owns tells whether a function is of the program's own modules.
func (p *program) owns(function string) bool {
	return strings.HasPrefix(function, "main.") || slices.ContainsFunc(p.modules, func(module string) bool {
		rest, ok := strings.CutPrefix(function, module)
		return ok && rest != "" && (rest[0] == '.' || rest[0] == '/')
	})
}

// Look finds the frames of a goroutine.
func (r *Reader) Look(path string, exe *os.File, c inspect.Memory, goroutine int64) (dev.Moment, error) {
	m := &moment{goroutine: goroutine}
	err := guarded(func() (err error) {
		if m.p, err = r.program(path, exe); err != nil {
			return err
		}
		m.memory = memoryOf(c)
		m.memory.file = m.p.file
		return m.wake()
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// moment is a copy in which a goroutine was found. It implements dev.Moment.
type moment struct {
	p         *program
	memory    *memory
	goroutine int64
	g         *proc.G
	frames    []proc.Stackframe
	shown     []int // indexes of the frames that are of interest
}

const (
	mostFrames  = 64
	someProcess = 1 // its number says nothing: it is not asked
)

// scanned is a bit of the status of a goroutine whose stack the collector reads.
const scanned = 0x1000

// wake has the target show m, whose program may have been let go of.
func (m *moment) wake() error {
	if m.p.target == nil {
		if err := m.p.load(m.p.process.entry); err != nil {
			return err
		}
	}
	m.p.show(m)
	if m.g != nil {
		return nil
	}
	return m.find()
}

// Rest lets go of what is known of the program, unless it runs, and of what stands on that. It
// is found again when it is asked for.
func (m *moment) Rest() {
	if !m.p.runs {
		m.g, m.frames, m.shown = nil, nil, nil
		m.p.process, m.p.target, m.p.at = &process{entry: m.p.process.entry}, nil, nil
	}
}

// find finds the goroutine and its frames.
func (m *moment) find() (err error) {
	m.shown = nil
	if m.g, err = proc.FindGoroutine(m.p.target, m.goroutine); err != nil {
		return err
	}
	if m.g == nil || m.g.Status&^scanned != proc.Gwaiting && !m.ends() {
		return fmt.Errorf("goroutine %d does not wait", m.goroutine)
	}
	if m.frames, err = proc.GoroutineStacktrace(m.p.target, m.g, mostFrames, 0); err != nil {
		return err
	}
	first := firstFrame(m.frames)
	if first == 0 && m.ends() {
		first = pastRuntime(m.frames, 0)
	}
	for i := first; i < len(m.frames); i++ {
		f := m.frames[i]
		if f.Call.Fn == nil || f.Bottom || f.Call.Fn.Name == "runtime.goexit" {
			break
		}
		if f.Call.File != "<autogenerated>" && !dev.OfWitness(f.Call.Fn.Name) {
			m.shown = append(m.shown, i)
		}
	}
	return nil
}

// ends tells whether the goroutine has left its stack for good: the runtime, on that of the
// system, says why the program ends.
func (m *moment) ends() bool {
	at := m.p.target.BinInfo().PCToFunc(m.g.PC)
	return m.g.Status&^scanned == proc.Grunning && at != nil && at.Name == "runtime.systemstack_switch"
}

// firstFrame is the place of the panic: behind what the runtime does with it.
func firstFrame(frames []proc.Stackframe) int {
	for i, f := range frames {
		if f.Call.Fn == nil || f.Call.Fn.Name != "runtime.gopanic" {
			continue
		}
		return pastRuntime(frames, i+1)
	}
	return 0
}

// pastRuntime is the first frame from i on that is not the runtime's.
func pastRuntime(frames []proc.Stackframe, i int) int {
	for ; i < len(frames)-1; i++ {
		if fn := frames[i].Call.Fn; fn == nil || !strings.HasPrefix(fn.Name, "runtime.") {
			break
		}
	}
	return i
}

// Panicked reads where the value of the panic is from the frame of runtime.gopanic. A
// version of Go whose frame is another one leaves it unknown.
func (m *moment) Panicked() (at postmortem.Place) {
	_ = guarded(func() error {
		if err := m.wake(); err != nil {
			return err
		}
		for i, f := range m.frames {
			if f.Call.Fn == nil || f.Call.Fn.Name != "runtime.gopanic" {
				continue
			}
			v, err := m.scope(i).EvalExpression("p.arg", libraryLimits)
			if err != nil || v.Kind != reflect.Interface || v.Addr == 0 {
				return err
			}
			var words [16]byte
			if _, err := m.memory.ReadMemory(words[:], v.Addr); err != nil {
				return err
			}
			at.Type = uintptr(binary.LittleEndian.Uint64(words[:]))
			at.Data = uintptr(binary.LittleEndian.Uint64(words[8:]))
			return nil
		}
		return nil
	})
	return at
}

// Frames is the frames from the panic on, with what they hold.
func (m *moment) Frames() (list []dev.Frame, err error) {
	err = guarded(func() error {
		if err := m.wake(); err != nil {
			return err
		}
		read := 0
		for _, i := range m.shown {
			f := m.frame(i, m.frames[i], read)
			for _, vars := range [][]dev.Value{f.Args, f.Locals} {
				read += count(vars)
			}
			list = append(list, f)
		}
		return nil
	})
	return list, err
}

// scope is where names of a frame mean something.
func (m *moment) scope(i int) *proc.EvalScope {
	return proc.FrameToScope(m.p.target, m.memory, m.g, someProcess, m.frames[i:]...)
}

// mostFull is how many values are read before those of one's own frames are no longer read
// further than those of libraries: far from the panic they are seldom looked at, and a page of
// all that a framework holds, which is edited with the program, has a megabyte.
const mostFull = 1000

// limitsOf is how much is read of a frame when so many values were; own: it is of the program.
func limitsOf(own bool, read int) proc.LoadConfig {
	if own && read < mostFull {
		return limits
	}
	return libraryLimits
}

// count is how many values there are in all.
func count(list []dev.Value) int {
	n := len(list)
	for i := range list {
		n += count(list[i].Parts)
	}
	return n
}

// frame reads one, when so many values were read before it.
func (m *moment) frame(i int, f proc.Stackframe, read int) dev.Frame {
	d := dev.Frame{Function: f.Call.Fn.Name, File: f.Call.File, Line: f.Call.Line}
	scope := m.scope(i)
	most := limitsOf(m.p.owns(d.Function), read)
	args, err := scope.FunctionArguments(most)
	if err != nil {
		d.Why = err.Error()
	}
	vars, err := scope.LocalVariables(most)
	if err != nil {
		d.Why = err.Error()
	}
	d.Args, d.Locals = values(args), values(vars)
	return d
}

// Eval evaluates an expression in a frame.
func (m *moment) Eval(frame int, expression string) (v dev.Value, err error) {
	err = guarded(func() error {
		if err := m.wake(); err != nil {
			return err
		}
		if frame < 0 || frame >= len(m.shown) {
			return errors.New("there is no such frame")
		}
		found, err := m.scope(m.shown[frame]).EvalExpression(expression, limits)
		if err != nil {
			return err
		}
		v = valueOf(found, "", false)
		return nil
	})
	return v, err
}

var (
	_ dev.Moment       = (*moment)(nil)
	_ inspect.Debugger = (*Reader)(nil)
)
