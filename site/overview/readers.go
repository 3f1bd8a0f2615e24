package overview

import (
	"slices"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// Readers is requests whose answers go on, fed by one timer. There is no timer while
// there is no reader. Loop only.
type Readers struct {
	loop  reactor.Loop
	every time.Duration
	beat  func(rs *Readers)
	all   []*resource.Request
	timer *reactor.DelayedCall
}

// maxBehind is how many bytes may wait for a reader before it misses some.
const maxBehind = 64 << 10

// NewReaders has beat called every so often while there are readers. When the
// reactor stops their answers end, so that it need not wait for them.
func NewReaders(loop reactor.Loop, every time.Duration, beat func(rs *Readers)) *Readers {
	rs := &Readers{loop: loop, every: every, beat: beat}
	loop.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		for _, r := range slices.Clone(rs.all) {
			r.Finish()
		}
		return nil
	})
	return rs
}

// Len is how many there are.
func (rs *Readers) Len() int { return len(rs.all) }

// Add makes r one of them, until its client leaves. Its head is set; its Render answers
// resource.NotDoneYet.
func (rs *Readers) Add(r *resource.Request) {
	rs.all = append(rs.all, r)
	r.NotifyFinish(func(error) { rs.remove(r) })
	if rs.timer == nil {
		rs.timer = rs.loop.CallLater(rs.every, rs.tick)
	}
}

func (rs *Readers) remove(r *resource.Request) {
	if i := slices.Index(rs.all, r); i >= 0 {
		rs.all = slices.Delete(rs.all, i, i+1)
	}
	if len(rs.all) == 0 && rs.timer != nil {
		rs.timer.Cancel()
		rs.timer = nil
	}
}

// tick keeps the pace: the next beat is due by the last one's time, unless that is
// over already.
func (rs *Readers) tick() {
	next := rs.timer.Time().Add(rs.every).Sub(rs.loop.Now())
	rs.timer = rs.loop.CallLater(next, rs.tick)
	rs.beat(rs)
}

// Write gives p to every reader that keeps up. The caller keeps p.
func (rs *Readers) Write(p []byte) {
	for _, r := range rs.all {
		if r.Buffered() <= maxBehind {
			_, _ = r.Write(p) // a reader that is gone takes itself out
		}
	}
}
