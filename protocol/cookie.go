package protocol

import "time"

// SameSite is the attribute of that name.
type SameSite uint8

// The values of SameSite; the zero value sends none.
const (
	SameSiteUnset SameSite = iota
	SameSiteLax
	SameSiteStrict
	SameSiteNone
)

// Cookie is a cookie to be set (RFC 6265bis).
type Cookie struct {
	Name, Value string
	Path        string
	Domain      string
	Expires     time.Time
	MaxAge      int // seconds; 0: not sent; negative: expires now
	Secure      bool
	HTTPOnly    bool
	SameSite    SameSite
	Partitioned bool
}
