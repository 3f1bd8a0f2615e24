package http1

import (
	"testing"
	"unsafe"
)

func TestSizeOfAnIdleConnection(t *testing.T) {
	if n := unsafe.Sizeof(Channel{}); n > 200 {
		t.Errorf("a Channel has %d bytes, which is more than 200", n)
	}
}
