package resource

// Wrap makes a resource that has before called for every request that comes to inner
// or to anything below it, before the walk goes on there: to check who asks, to add
// fields, to count. An error is answered as if Render had returned it, and inner is
// not asked. A type that must choose another resource, or wait, implements Passer.
func Wrap(inner Resource, before func(r *Request) error) Resource {
	return &wrapped{inner: inner, before: before}
}

type wrapped struct {
	Leaf
	inner  Resource
	before func(r *Request) error
}

// Pass asks before.
func (w *wrapped) Pass(r *Request) (Resource, error) {
	if err := w.before(r); err != nil {
		return nil, err
	}
	return w.inner, nil
}

// Inner is what it stands in front of.
func (w *wrapped) Inner() Resource { return w.inner }

var _ Passer = (*wrapped)(nil)
