package locals

import (
	"errors"

	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/linutil"
)

// This file is a process as Delve wants one, that does nothing.

// process is a copy. Delve's interface has methods with types of its internal packages,
// which an embedded nil provides: none of them is called where nothing runs.
type process struct {
	proc.ProcessInternal
	info   *proc.BinaryInfo
	memory *memory
	points proc.BreakpointMap
	entry  uint64
}

func (p *process) BinInfo() *proc.BinaryInfo              { return p.info }
func (p *process) EntryPoint() (uint64, error)            { return p.entry, nil }
func (p *process) FindThread(int) (proc.Thread, bool)     { return nil, false }
func (p *process) ThreadList() []proc.Thread              { return nil }
func (p *process) Breakpoints() *proc.BreakpointMap       { return &p.points }
func (p *process) Memory() proc.MemoryReadWriter          { return p.memory }
func (p *process) Valid() (bool, error)                   { return true, nil }
func (p *process) WriteBreakpoint(*proc.Breakpoint) error { return nil }
func (p *process) EraseBreakpoint(*proc.Breakpoint) error { return nil }
func (p *process) SupportsBPF() bool                      { return false }
func (p *process) FollowExec(bool) error                  { return nil }
func (p *process) MemoryMap() ([]proc.MemoryMapEntry, error) {
	return nil, errReadOnly
}
func (p *process) StartCallInjection() (func(), error) {
	return nil, errors.New("functions can not be called: the moment is over")
}

// thread stands in for the current one: no goroutine is on it.
type thread struct {
	p      *process
	common proc.CommonThread
}

func (t *thread) Breakpoint() *proc.BreakpointState { return new(proc.BreakpointState) }
func (t *thread) ThreadID() int                     { return 1 }
func (t *thread) Registers() (proc.Registers, error) {
	return linutil.NewAMD64Registers(&linutil.AMD64PtraceRegs{}, func(*linutil.AMD64Registers) error { return nil }), nil
}
func (t *thread) RestoreRegisters(proc.Registers) error  { return errReadOnly }
func (t *thread) BinInfo() *proc.BinaryInfo              { return t.p.info }
func (t *thread) ProcessMemory() proc.MemoryReadWriter   { return t.p.memory }
func (t *thread) SetCurrentBreakpoint(bool) error        { return nil }
func (t *thread) SoftExc() bool                          { return false }
func (t *thread) Common() *proc.CommonThread             { return &t.common }
func (t *thread) SetReg(uint64, *op.DwarfRegister) error { return errReadOnly }

// group does nothing, too.
type group struct{}

func (group) ContinueOnce(*proc.ContinueOnceContext) (proc.Thread, proc.StopReason, error) {
	return nil, proc.StopUnknown, errReadOnly
}
func (group) StepInstruction(int) error { return errReadOnly }
func (group) Detach(int, bool) error    { return nil }
func (group) Close() error              { return nil }
