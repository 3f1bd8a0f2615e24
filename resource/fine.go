package resource

import "unsafe"

// fineFields remembers fields that were checked and may be sent: most of what
// resources set are constants, the same strings each time. They are known by where
// they are, which is enough, since strings do not change and those remembered are
// kept alive.
type fineFields [8]struct{ name, value string }

func (f *fineFields) slot(value string) *struct{ name, value string } {
	at := uintptr(unsafe.Pointer(unsafe.StringData(value)))
	return &f[(at>>4^at>>9)%uintptr(len(f))]
}

// knows tells whether this field was learnt.
func (f *fineFields) knows(name, value string) bool {
	s := f.slot(value)
	return same(s.value, value) && same(s.name, name)
}

func (f *fineFields) learn(name, value string) {
	*f.slot(value) = struct{ name, value string }{name, value}
}

// same tells whether a and b are the same string in the same place.
func same(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}
