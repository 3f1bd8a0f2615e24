package protocol

import "fmt"

//go:generate go run chars_gen.go

// Field is one field line (RFC 9110 §5).
type Field struct {
	Name, Value string
}

// Fields is a list of fields in order, names as they were given. Names compare
// without case. The zero value is empty and ready.
type Fields []Field

// Get is the first value of that name, "" when there is none.
func (f Fields) Get(name string) string {
	if i := f.index(name); i >= 0 {
		return f[i].Value
	}
	return ""
}

// Has tells whether there is a field of that name.
func (f Fields) Has(name string) bool { return f.index(name) >= 0 }

func (f Fields) index(name string) int {
	for i := range f {
		if f[i].Name == name || EqualFold(f[i].Name, name) {
			return i
		}
	}
	return -1
}

// Values is all values of that name, in order.
func (f Fields) Values(name string) []string {
	var values []string
	for i := range f {
		if EqualFold(f[i].Name, name) {
			values = append(values, f[i].Value)
		}
	}
	return values
}

// Add appends a field.
func (f *Fields) Add(name, value string) { *f = append(*f, Field{name, value}) }

// Set replaces the fields of that name by one, in the place of the first.
func (f *Fields) Set(name, value string) {
	i := f.index(name)
	if i < 0 {
		f.Add(name, value)
		return
	}
	(*f)[i] = Field{name, value}
	f.delFrom(i+1, name)
}

// Del removes the fields of that name.
func (f *Fields) Del(name string) { f.delFrom(0, name) }

// delFrom removes the fields of that name from position i on, in place.
func (f *Fields) delFrom(i int, name string) {
	kept := (*f)[:i]
	for _, field := range (*f)[i:] {
		if !EqualFold(field.Name, name) {
			kept = append(kept, field)
		}
	}
	clear((*f)[len(kept):])
	*f = kept
}

// Check tells what is wrong with the first field that must not be sent: a name
// that is no token, a value with CR, LF, NUL or another control byte.
func (f Fields) Check() error {
	for i := range f {
		if err := CheckField(f[i].Name, f[i].Value); err != nil {
			return err
		}
	}
	return nil
}

// CheckField is Check for one field. A blank at either end of the value is wrong
// too: the other side would not see it (RFC 9110 §5.5).
func CheckField(name, value string) error {
	if !IsToken(name) {
		return fmt.Errorf("protocol: field name %s is not a token", Quote(name))
	}
	if !IsValue(value) {
		return fmt.Errorf("protocol: value %s of field %s has a control byte, or a blank at its end",
			Quote(value), Quote(name))
	}
	return nil
}
