//go:build !reactordebug

package reactor

import (
	"testing"
	"unsafe"
)

func TestLoopCheckCostsNothing(t *testing.T) {
	if n := unsafe.Sizeof(loopCheck{}); n != 0 {
		t.Errorf("loopCheck takes %d bytes without the tag", n)
	}
}
