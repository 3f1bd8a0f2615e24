package resource

import (
	"bytes"
	"html"

	"spindle/protocol"
)

// This file sends clients elsewhere.

// Redirect answers that the client finds it at url, which may be relative: 302
// (Found), or the status 3xx that was set before. What is no URL, or has a scheme that
// runs (javascript:), is an error; see protocol.Location. A url that a client gave is
// checked with protocol.IsLocalURL before.
func (r *Request) Redirect(url string) ([]byte, error) {
	location, err := protocol.Location(url)
	if err != nil {
		return nil, err
	}
	return r.redirect(location)
}

// redirect is Redirect to what can stand in a field.
func (r *Request) redirect(location string) ([]byte, error) {
	if r.status < 300 || r.status > 399 {
		r.SetStatus(302)
	}
	r.SetField("Location", location)
	link := html.EscapeString(location)
	return r.HTML("<!DOCTYPE html>\n<title>See there</title>\n<p>See <a href=\"" + link + "\">" + link + "</a>.</p>\n")
}

// Redirect is a resource that sends every request for it, and for what is below it,
// to URL.
type Redirect struct {
	Leaf
	URL    string // may be relative to the path of the request
	Status int    // 301, 302, 303, 307 or 308; 0 means 302
}

// Render answers with the redirect.
func (d Redirect) Render(r *Request) ([]byte, error) {
	if d.Status != 0 {
		r.SetStatus(d.Status)
	}
	return r.Redirect(d.URL)
}

// ParentRedirect is a resource that sends a request to where its path ends in the
// slash before: /a/b to /a/. At the root, which has nothing above it, it is 404.
type ParentRedirect struct{ Leaf }

// Render answers with the redirect.
func (ParentRedirect) Render(r *Request) ([]byte, error) {
	path := r.PathBytes()
	switch {
	case len(path) < 2:
		return nil, ErrNotFound
	case path[len(path)-1] == '/':
		return r.Redirect("../")
	}
	return r.Redirect("./")
}

// slashRedirect sends to the same path with a slash behind it. The reference is
// relative, so that it can not lead to another host (//evil) and holds behind a proxy
// that takes a prefix away.
type slashRedirect struct{ Leaf }

func (slashRedirect) Render(r *Request) ([]byte, error) {
	path := r.PathBytes()
	url := "./" + string(path[bytes.LastIndexByte(path, '/')+1:]) + "/"
	if query := r.QueryBytes(); query != nil {
		url += "?" + string(query)
	}
	r.SetStatus(308)
	return r.redirect(url)
}
