package resource

import (
	"crypto/sha256"
	"encoding/base64"
)

// Data is a resource with fixed content, of which a client that has it already is told
// so (304).
type Data struct {
	Leaf
	content     []byte
	contentType string
	etag        string
}

// NewData makes a Data. contentType "" means plain text in UTF-8. content must not be
// changed afterwards.
func NewData(content []byte, contentType string) *Data {
	if contentType == "" {
		contentType = textPlain
	}
	sum := sha256.Sum256(content)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return &Data{content: content, contentType: contentType, etag: etag}
}

// RenderGET answers with the content.
func (d *Data) RenderGET(r *Request) ([]byte, error) {
	r.SetField("Content-Type", d.contentType)
	if r.SetETag(d.etag) {
		return nil, nil
	}
	return d.content, nil
}
