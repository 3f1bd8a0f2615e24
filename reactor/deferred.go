package reactor

// Deferred is a result that comes later, on the loop. Loop only.
type Deferred[T any] struct {
	state deferredState
	value T
	err   error
	then  []func(T, error)
}

type deferredState uint8

// NewDeferred makes a Deferred that has no result yet.
func NewDeferred[T any]() *Deferred[T] { panic("to be built") }

// Succeeded makes a Deferred that has its value already.
func Succeeded[T any](v T) *Deferred[T] { panic("to be built") }

// Failed makes a Deferred that has failed already.
func Failed[T any](err error) *Deferred[T] { panic("to be built") }

// Then has ok called with the value or fail with the error, on the loop. Either may be nil.
func (d *Deferred[T]) Then(ok func(T), fail func(error)) *Deferred[T] { panic("to be built") }

// Callback gives the value. Loop only.
func (d *Deferred[T]) Callback(v T) { panic("to be built") }

// Errback gives the error. Loop only.
func (d *Deferred[T]) Errback(err error) { panic("to be built") }

// Cancel asks whoever works on it to stop.
func (d *Deferred[T]) Cancel() { panic("to be built") }
