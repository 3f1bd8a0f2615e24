package protocol

// This file tells which fields may stand in the trailers of a content (RFC 9110
// §6.5.1): none that the framing, the routing, the access or the meaning of the
// content depends on, because they come too late and past every check.

// Trailer is what becomes of a trailer field of a request.
type Trailer uint8

// What may become of one.
const (
	TrailerGood    Trailer = iota
	TrailerDropped         // left out in silence
	TrailerFraming         // refused: an attempt to change how the message is read
)

// JudgeTrailer tells what becomes of a trailer field of that name, whatever its
// case.
func JudgeTrailer[T text](name T) Trailer {
	switch len(name) {
	case 2:
		return dropIf(name, "te")
	case 3:
		return dropIf(name, "age")
	case 4:
		if EqualFold(name, "host") {
			return TrailerFraming
		}
		return dropIf(name, "date", "vary")
	case 5:
		return dropIf(name, "range")
	case 6:
		return dropIf(name, "cookie", "expect", "pragma")
	case 7:
		return dropIf(name, "expires", "trailer", "upgrade", "warning")
	case 8:
		return dropIf(name, "if-match", "if-range", "location")
	case 10:
		return dropIf(name, "connection", "keep-alive", "set-cookie")
	case 11:
		return dropIf(name, "retry-after")
	case 12:
		return dropIf(name, "content-type", "max-forwards")
	case 13:
		return dropIf(name, "authorization", "cache-control", "content-range", "if-none-match")
	case 14:
		if EqualFold(name, "content-length") {
			return TrailerFraming
		}
	case 16:
		return dropIf(name, "content-encoding", "proxy-connection", "www-authenticate")
	case 17:
		if EqualFold(name, "transfer-encoding") {
			return TrailerFraming
		}
		return dropIf(name, "if-modified-since")
	case 18:
		return dropIf(name, "proxy-authenticate")
	case 19:
		return dropIf(name, "if-unmodified-since", "proxy-authorization")
	}
	return TrailerGood
}

// dropIf drops name if it is one of names.
func dropIf[T text](name T, names ...string) Trailer {
	for _, n := range names {
		if EqualFold(name, n) {
			return TrailerDropped
		}
	}
	return TrailerGood
}
