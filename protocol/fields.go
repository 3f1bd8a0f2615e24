package protocol

// Field is one field line (RFC 9110 §5).
type Field struct {
	Name, Value string
}

// Fields is a list of fields in order, names as they were given. Names compare
// without case. The zero value is empty and ready.
type Fields []Field

// Get is the first value of that name, "" when there is none.
func (f Fields) Get(name string) string { panic("to be built") }

// Has tells whether there is a field of that name.
func (f Fields) Has(name string) bool { panic("to be built") }

// Values is all values of that name, in order.
func (f Fields) Values(name string) []string { panic("to be built") }

// Add appends a field.
func (f *Fields) Add(name, value string) { panic("to be built") }

// Set replaces the fields of that name by one, in the place of the first.
func (f *Fields) Set(name, value string) { panic("to be built") }

// Del removes the fields of that name.
func (f *Fields) Del(name string) { panic("to be built") }

// Check tells what is wrong with the first field that must not be sent: a name
// that is no token, a value with CR, LF, NUL or another control byte.
func (f Fields) Check() error { panic("to be built") }

// CheckField is Check for one field.
func CheckField(name, value string) error { panic("to be built") }
