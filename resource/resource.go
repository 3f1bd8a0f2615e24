package resource

// This file is what an application implements: Resource and the optional
// interfaces that say how a resource answers. How they are found and called is in
// walk.go and method.go.

// Resource is a node of the tree. Beside Child it answers by one or more of the
// optional interfaces below (RenderGET, …, or Render for every method). All
// methods are called on the loop, so the tree needs no lock.
type Resource interface {
	// Child is the resource below this one for one path segment, decoded. nil
	// means that there is none: 404. "" is the segment after a last slash; if
	// there is no child for it and this resource renders, it answers itself.
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

// Passer is a Resource that the walk goes through without using up a segment:
// what Pass gives back takes its place. Authorization, virtual hosts and fields
// for a whole subtree are made so; Wrap makes the simple ones.
type Passer interface {
	Resource
	// Pass is the resource to go on with. nil means 404; an error is answered as
	// if Render had returned it. A result that comes later is DeferredChild's.
	Pass(r *Request) (Resource, error)
}

// Renderer answers every method itself (CONNECT excepted). What it gives back is
// the answer:
//
//	body, nil            the whole content, which is not changed any more; 200
//	                     unless SetStatus said otherwise
//	nil, NotDoneYet      the answer comes later, by Write and Finish, or by Answer
//	nil, err             an error page: the status of an *Error, 500 otherwise
//
// What was written before is part of the content that ends with body. Without a
// Content-Type the content is called text/plain, in UTF-8.
type Renderer interface {
	Render(r *Request) (body []byte, err error)
}

// The methods of HTTP by optional interface; they come before Render. HEAD falls
// back to GET without its content; OPTIONS and the Allow field of a 405 say what
// is there. CONNECT is answered by a CONNECTRenderer only: at the root, or when it names
// a protocol (extended CONNECT, RFC 8441) at its path.
type (
	// GETRenderer answers GET, and HEAD if there is no HEADRenderer.
	GETRenderer interface {
		RenderGET(r *Request) ([]byte, error)
	}
	// HEADRenderer answers HEAD.
	HEADRenderer interface {
		RenderHEAD(r *Request) ([]byte, error)
	}
	// POSTRenderer answers POST.
	POSTRenderer interface {
		RenderPOST(r *Request) ([]byte, error)
	}
	// PUTRenderer answers PUT.
	PUTRenderer interface {
		RenderPUT(r *Request) ([]byte, error)
	}
	// PATCHRenderer answers PATCH.
	PATCHRenderer interface {
		RenderPATCH(r *Request) ([]byte, error)
	}
	// DELETERenderer answers DELETE.
	DELETERenderer interface {
		RenderDELETE(r *Request) ([]byte, error)
	}
	// OPTIONSRenderer answers OPTIONS in place of the derived answer.
	OPTIONSRenderer interface {
		RenderOPTIONS(r *Request) ([]byte, error)
	}
	// CONNECTRenderer answers CONNECT, most often by Request.Switch.
	CONNECTRenderer interface {
		RenderCONNECT(r *Request) ([]byte, error)
	}
)

// HeadReceiver is a resource that looks at the head before the content comes: it
// may refuse (return an error, then the content is not even asked for), set its
// own limit (r.SetBodyLimit), or take the content as it comes (r.StreamBody).
type HeadReceiver interface {
	HeadReceived(r *Request) error
}
