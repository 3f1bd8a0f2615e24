package resource

import "strings"

// This file calls the method of a resource that answers a request: optional
// interfaces in place of reflection.

// renders tells whether res answers anything by itself.
func renders(res Resource) bool {
	switch res.(type) {
	case GETRenderer, Renderer, POSTRenderer, PUTRenderer, PATCHRenderer, DELETERenderer, HEADRenderer,
		OPTIONSRenderer, CONNECTRenderer:
		return true
	}
	return false
}

// Render has res answer r in place of the resource that was found for it; return
// what it returns. Nothing is walked: res answers itself.
func Render(res Resource, r *Request) ([]byte, error) { return call(res, r.Method(), r) }

// call has res answer the method.
func call(res Resource, method string, r *Request) ([]byte, error) {
	switch method {
	case "GET":
		if g, ok := res.(GETRenderer); ok {
			return g.RenderGET(r)
		}
	case "HEAD":
		if h, ok := res.(HEADRenderer); ok {
			return h.RenderHEAD(r)
		}
		if g, ok := res.(GETRenderer); ok {
			return g.RenderGET(r)
		}
	case "POST":
		if p, ok := res.(POSTRenderer); ok {
			return p.RenderPOST(r)
		}
	case "PUT":
		if p, ok := res.(PUTRenderer); ok {
			return p.RenderPUT(r)
		}
	case "PATCH":
		if p, ok := res.(PATCHRenderer); ok {
			return p.RenderPATCH(r)
		}
	case "DELETE":
		if d, ok := res.(DELETERenderer); ok {
			return d.RenderDELETE(r)
		}
	case "OPTIONS":
		return callOptions(res, r)
	case "CONNECT":
		if c, ok := res.(CONNECTRenderer); ok {
			return c.RenderCONNECT(r)
		}
		return nil, refuse(res, method)
	case "TRACE":
		return nil, refuse(res, method)
	}
	if a, ok := res.(Renderer); ok {
		return a.Render(r)
	}
	return nil, refuse(res, method)
}

func callOptions(res Resource, r *Request) ([]byte, error) {
	if o, ok := res.(OPTIONSRenderer); ok {
		return o.RenderOPTIONS(r)
	}
	if a, ok := res.(Renderer); ok {
		return a.Render(r)
	}
	r.SetField("Allow", allowed(res))
	r.SetStatus(204)
	return nil, nil
}

// takes is nil when res answers the method, else what refuses it. It is asked
// before the content of a request is, so that a refusal comes early.
func takes(res Resource, method string) error {
	if answers(res, method) {
		return nil
	}
	if _, ok := res.(Renderer); ok && method != "CONNECT" && method != "TRACE" {
		return nil
	}
	return refuse(res, method)
}

// answers tells whether res has a method of its own for this one.
func answers(res Resource, method string) (ok bool) {
	switch method {
	case "GET":
		_, ok = res.(GETRenderer)
	case "HEAD":
		if _, ok = res.(HEADRenderer); !ok {
			_, ok = res.(GETRenderer)
		}
	case "POST":
		_, ok = res.(POSTRenderer)
	case "PUT":
		_, ok = res.(PUTRenderer)
	case "PATCH":
		_, ok = res.(PATCHRenderer)
	case "DELETE":
		_, ok = res.(DELETERenderer)
	case "CONNECT":
		_, ok = res.(CONNECTRenderer)
	case "OPTIONS":
		ok = true
	}
	return ok
}

// refuse is 405 with what is allowed for a method that is known, else 501
// (RFC 9110 §9.1).
func refuse(res Resource, method string) error {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "OPTIONS":
		return &Error{Status: 405, Fields: []ErrorField{{"Allow", allowed(res)}}}
	}
	return &Error{Status: 501}
}

// allMethods is what OPTIONS says of a Renderer, and of the server as a whole.
const allMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// Methods is the methods that res answers, as an Allow field lists them. For a
// resource that only leads to others it is nil.
func Methods(res Resource) []string {
	if !renders(res) {
		return nil
	}
	return strings.Split(allowed(res), ", ")
}

// allowed is the methods that res answers, as the Allow field lists them.
func allowed(res Resource) string {
	if _, ok := res.(Renderer); ok {
		return allMethods
	}
	var list []string
	for _, method := range [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT"} {
		if answers(res, method) {
			list = append(list, method)
		}
	}
	return strings.Join(append(list, "OPTIONS"), ", ")
}
