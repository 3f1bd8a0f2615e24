package resource

import "bytes"

func (r *Request) pageType() string {
	accept := r.head.Field("Accept")
	switch {
	case bytes.Contains(accept, []byte("text/html")):
		return "text/html"
	case bytes.Contains(accept, []byte("application/json")):
		return "application/json"
	}
	return "text/plain"
}
