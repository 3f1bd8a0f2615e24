package resource

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// This file sends clients elsewhere.

// Redirect answers that the client finds it at url, which may be relative: 302
// (Found), or the status 3xx that was set before. Bytes that a URL can not have are
// escaped; control bytes are an error.
func (r *Request) Redirect(url string) ([]byte, error) {
	location, err := cleanURL(url)
	if err != nil {
		return nil, err
	}
	if r.status < 300 || r.status > 399 {
		r.SetStatus(302)
	}
	r.SetField("Location", location)
	return r.HTML("<!DOCTYPE html>\n<title>See there</title>\n<p>See <a href=\"" + html.EscapeString(location) +
		"\">" + html.EscapeString(location) + "</a>.</p>\n")
}

// cleanURL escapes what can not stand in a URL and refuses control bytes.
func cleanURL(url string) (string, error) {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(url); i++ {
		switch c := url[i]; {
		case c < ' ' || c == 0x7f:
			return "", fmt.Errorf("resource: Redirect(%.80q): a control byte", url)
		case c == ' ' || c >= 0x80 || strings.IndexByte(`"<>\^`+"`{|}", c) >= 0:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
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
	return r.Redirect(url)
}
