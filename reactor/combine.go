package reactor

import "errors"

// This file makes Deferreds out of other Deferreds. Cancelling the result
// cancels what it waits for. All of it: loop only.

// Map makes a Deferred of f's result for the value of d. An error of d is
// passed on; a panic of f becomes a *PanicError.
func Map[T, U any](d *Deferred[T], f func(T) (U, error)) *Deferred[U] {
	u := NewDeferred[U]().OnCancel(d.Cancel)
	d.Then(func(v T) { u.settle(attempt(func() (U, error) { return f(v) })) }, u.Errback)
	return u
}

// Chain makes a Deferred of the result of the Deferred that f gives back for
// the value of d. An error of d is passed on; a panic of f becomes a
// *PanicError.
func Chain[T, U any](d *Deferred[T], f func(T) *Deferred[U]) *Deferred[U] {
	u := NewDeferred[U]().OnCancel(d.Cancel)
	d.Then(func(v T) {
		inner, err := attempt(func() (*Deferred[U], error) { return f(v), nil })
		switch {
		case err != nil:
			u.Errback(err)
		case inner == nil:
			u.Errback(errors.New("reactor: the function given to Chain gave no Deferred back"))
		case u.Settled(): // cancelled by f itself
			inner.Then(nil, func(error) {}).Cancel()
		default:
			u.OnCancel(inner.Cancel)
			inner.Then(u.Callback, u.Errback)
		}
	}, u.Errback)
	return u
}

// Rescue makes a Deferred whose failure is replaced by f's result for it. The
// value of d is passed on.
func (d *Deferred[T]) Rescue(f func(error) (T, error)) *Deferred[T] {
	u := NewDeferred[T]().OnCancel(d.Cancel)
	d.Then(u.Callback, func(err error) {
		u.settle(attempt(func() (T, error) { return f(err) }))
	})
	return u
}

// All waits for all of ds and gives their values in the same order. The first
// error is its failure, given at once; the others go on, and their errors are
// dropped.
func All[T any](ds ...*Deferred[T]) *Deferred[[]T] {
	values := make([]T, len(ds))
	if len(ds) == 0 {
		return Succeeded(values)
	}
	u := NewDeferred[[]T]().OnCancel(func() { cancelAll(ds) })
	left := len(ds)
	for i, d := range ds {
		d.Then(func(v T) {
			values[i] = v
			if left--; left == 0 {
				u.Callback(values)
			}
		}, func(err error) {
			if !u.Settled() {
				u.Errback(err)
			}
		})
	}
	return u
}

// Race gives the value of whichever of ds has one first, and cancels the
// others. It fails when all have failed, with all their errors joined, and when
// there is none to wait for.
func Race[T any](ds ...*Deferred[T]) *Deferred[T] {
	if len(ds) == 0 {
		return Failed[T](errors.New("reactor: a race of no Deferreds"))
	}
	u := NewDeferred[T]().OnCancel(func() { cancelAll(ds) })
	errs := make([]error, len(ds))
	left := len(ds)
	for i, d := range ds {
		d.Then(func(v T) {
			if !u.Settled() {
				u.Callback(v)
				cancelAll(ds)
			}
		}, func(err error) {
			errs[i] = err
			if left--; left == 0 && !u.Settled() {
				u.Errback(errors.Join(errs...))
			}
		})
	}
	return u
}

func cancelAll[T any](ds []*Deferred[T]) {
	for _, d := range ds {
		d.Cancel()
	}
}
