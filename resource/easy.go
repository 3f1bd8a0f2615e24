package resource

import (
	"encoding/json"
	"fmt"
)

// This file holds the answers of one line, to be returned from Render, or given to
// Answer.

// JSON answers with v as JSON and a line feed.
func (r *Request) JSON(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("resource: JSON: %w", err)
	}
	r.SetField("Content-Type", "application/json")
	return append(body, '\n'), nil
}

// HTML answers with a page in UTF-8. What of s comes from a client must be escaped.
func (r *Request) HTML(s string) ([]byte, error) {
	r.SetField("Content-Type", "text/html; charset=utf-8")
	return []byte(s), nil
}

// Text answers with plain text in UTF-8.
func (r *Request) Text(s string) ([]byte, error) {
	r.SetField("Content-Type", textPlain)
	return []byte(s), nil
}
