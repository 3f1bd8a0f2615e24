package resource

import "spindle/reactor"

// This file joins resources and Deferreds: answers and children that come later.

// Later answers with what d gives; return it from Render. When the client goes
// first, d is cancelled.
func (r *Request) Later(d *reactor.Deferred[[]byte]) ([]byte, error) {
	return Later(r, d, func(body []byte) ([]byte, error) { return body, nil })
}

// Later answers r with what render makes of the result of d; return it from Render:
//
//	return resource.Later(r, user, func(u User) ([]byte, error) { return r.JSON(u) })
//
// render may return whatever Render may. A failure of d is answered as if Render had
// returned it. When the client goes first, d is cancelled.
func Later[T any](r *Request, d *reactor.Deferred[T], render func(T) ([]byte, error)) ([]byte, error) {
	r.cancelWithClient(d.Cancel)
	d.Then(func(v T) {
		if !r.Finished() {
			r.Answer(render(v))
		}
	}, r.failQuietly)
	return nil, NotDoneYet
}

// cancelWithClient has f called when the client goes before the answer.
func (r *Request) cancelWithClient(f func()) {
	r.NotifyFinish(func(err error) {
		if err != nil {
			f()
		}
	})
}

// failQuietly is Fail for a result that may come after the end.
func (r *Request) failQuietly(err error) {
	if !r.Finished() {
		r.Fail(err)
	}
}

// DeferredChild is a resource that is not known yet, for a Child or a Pass that must
// ask somebody first: the walk waits for d and goes on with its result, of which nil
// means 404. A failure is answered as if Render had returned it. Until then the
// content of the request is held back. When the client goes first, d is cancelled.
func DeferredChild(d *reactor.Deferred[Resource]) Resource { return &deferredChild{d: d} }

type deferredChild struct {
	Leaf
	d *reactor.Deferred[Resource]
}

// Pass is never asked: the walk knows this type.
func (c *deferredChild) Pass(*Request) (Resource, error) { return nil, ErrNotFound }

// wait has r go on when the resource is known.
func (c *deferredChild) wait(r *Request) {
	r.kept = true
	if r.head.ContentLength != 0 {
		r.ch.PauseBody()
	}
	r.cancelWithClient(c.d.Cancel)
	c.d.Then(func(res Resource) {
		if r.phase >= failing {
			return
		}
		if r.head.ContentLength != 0 {
			r.ch.ResumeBody()
		}
		r.res = res
		r.guarded(stepGoOn)
	}, r.failQuietly)
}
