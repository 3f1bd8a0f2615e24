package resource

import (
	"errors"
)

// Resource is a node of the tree. Beside Child it answers by one or more of the
// optional interfaces below (RenderGET, …, or Render for every method). All
// methods are called on the loop, so the tree needs no lock.
type Resource interface {
	// Child is the resource below this one for one path segment, decoded. nil
	// means that there is none: 404.
	Child(segment string, r *Request) Resource
}

// Leafer is a Resource that may take the whole rest of the path. Embedding Leaf
// makes one.
type Leafer interface{ IsLeaf() bool }

// Leaf, embedded, makes a resource the end of the walk: what is left of the path
// stays in Postpath.
type Leaf struct{}

// Child is nil: a leaf has none.
func (Leaf) Child(string, *Request) Resource { return nil }

// IsLeaf is true.
func (Leaf) IsLeaf() bool { return true }

// Renderer answers every method itself. What it gives back is the answer:
//
//	body, nil            the whole content, which is not changed any more; 200
//	                     unless SetStatus said otherwise
//	nil, NotDoneYet      the answer comes later, by Write and Finish
//	nil, err             an error page: the status of an *Error, 500 otherwise
type Renderer interface {
	Render(r *Request) (body []byte, err error)
}

// The methods of HTTP by optional interface. HEAD falls back to GET without its
// content; OPTIONS and the Allow field of a 405 say what is there.
type (
	GETRenderer interface {
		RenderGET(r *Request) ([]byte, error)
	}
	HEADRenderer interface {
		RenderHEAD(r *Request) ([]byte, error)
	}
	POSTRenderer interface {
		RenderPOST(r *Request) ([]byte, error)
	}
	PUTRenderer interface {
		RenderPUT(r *Request) ([]byte, error)
	}
	PATCHRenderer interface {
		RenderPATCH(r *Request) ([]byte, error)
	}
	DELETERenderer interface {
		RenderDELETE(r *Request) ([]byte, error)
	}
	OPTIONSRenderer interface {
		RenderOPTIONS(r *Request) ([]byte, error)
	}
)

// HeadReceiver is a resource that looks at the head before the content comes: it
// may refuse (return an error, then the content is not even asked for), set its
// own limit (r.SetBodyLimit), or take the content as it comes (r.StreamBody).
type HeadReceiver interface {
	HeadReceived(r *Request) error
}

// NotDoneYet is what Render returns when the answer comes later.
var NotDoneYet = errors.New("resource: not done yet")

// Error is an answer that is an error page. Err, if any, goes to the log, not to
// the client; Detail goes to the page.
type Error struct {
	Status int
	Detail string // for the client, one sentence; "" for the stock one
	Err    error  // for the log
	Fields []ErrorField
}

// ErrorField is a field that goes with an error page (WWW-Authenticate, Allow).
type ErrorField struct{ Name, Value string }

// Common errors, ready to be returned.
var (
	ErrNotFound  = &Error{Status: 404}
	ErrForbidden = &Error{Status: 403}
)
