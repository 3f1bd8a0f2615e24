package http2

import (
	"bytes"

	"spindle/protocol"
)

// This file judges the fields of a request together: whom it is for, and how long
// its content is. It makes the same head of a request as HTTP/1 does.

// judge completes b.head. The first result says that the request is malformed (RFC
// 9113 §8.1.1), the second that it is to be answered with an error.
func (f *Factory) judge(b *block) (malformed, refused *protocol.Error) {
	h := &b.head
	h.Version = protocol.HTTP2
	h.KeepAlive = true
	if err := b.judgePseudo(); err != nil {
		return err, nil
	}
	if err := b.judgeLength(); err != nil {
		if err == errHugeLength {
			return nil, err
		}
		return err, nil
	}
	h.ExpectContinue = b.expect && h.ContentLength != 0
	if err := b.judgeAuthority(); err != nil {
		return nil, err
	}
	if err := f.judgeTarget(b); err != nil {
		return nil, err
	}
	if len(b.fields) > f.set.MaxFields {
		return nil, errManyFields
	}
	if b.cookies > 1 {
		f.joinCookies(b)
	}
	if b.hosts == 0 {
		b.addHost()
	}
	h.Fields = b.fields
	return nil, nil
}

// judgePseudo wants the pseudo-header fields that the method asks for (RFC 9113
// §8.3.1, §8.5, RFC 8441 §4).
func (b *block) judgePseudo() *protocol.Error {
	h := &b.head
	switch {
	case b.seen&hasMethod == 0:
		return errPseudoMissing
	case !protocol.IsToken(h.Method):
		return errMethod
	case b.seen&hasProtocol != 0 && (h.Method != "CONNECT" || !protocol.IsToken(h.Protocol)):
		return errPseudoConnect
	case h.Method == "CONNECT" && b.seen&hasProtocol == 0:
		if b.seen != hasMethod|hasAuthority {
			return errPseudoConnect
		}
		return nil
	case b.seen&(hasScheme|hasPath) != hasScheme|hasPath || len(b.path) == 0:
		return errPseudoMissing
	case !isScheme(h.Scheme):
		return errScheme
	}
	return nil
}

// isScheme tells whether s is a scheme (RFC 3986 §3.1).
func isScheme(s []byte) bool {
	for i, c := range s {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(s) > 0
}

// judgeLength finds how long the content is (RFC 9113 §8.1.1).
func (b *block) judgeLength() *protocol.Error {
	h := &b.head
	h.ContentLength = -1
	if b.lengths > 1 {
		return errLength
	}
	if b.lengths == 1 {
		n, ok, big := parseLength(b.length)
		switch {
		case !ok:
			return errLength
		case b.end && (n != 0 || big):
			return errLengthMismatch
		case big:
			return errHugeLength
		}
		h.ContentLength = n
	}
	if b.end || h.Method == "CONNECT" { // what follows a CONNECT is no content
		h.ContentLength = 0
	}
	return nil
}

// parseLength reads digits. big: more than fit.
func parseLength(s []byte) (n int64, ok, big bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		if n > (1<<63-10)/10 {
			big = true
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(s) > 0, big
}

// judgeAuthority finds whom the request is for. Host may repeat it.
func (b *block) judgeAuthority() *protocol.Error {
	h := &b.head
	switch {
	case b.hosts > 1:
		return errTwoAuthority
	case b.seen&hasAuthority == 0 && b.hosts == 0:
		return errNoAuthority
	case b.seen&hasAuthority == 0:
		h.Authority = b.host
	case b.hosts == 1 && !protocol.EqualFold(h.Authority, b.host):
		return errTwoAuthority
	}
	if !protocol.ValidAuthority(h.Authority) {
		return errAuthority
	}
	return nil
}

// judgeTarget takes the path apart.
func (f *Factory) judgeTarget(b *block) *protocol.Error {
	h := &b.head
	switch {
	case h.Method == "CONNECT" && b.seen&hasProtocol == 0:
		if _, port := protocol.SplitAuthority(h.Authority); len(port) == 0 {
			return errAuthority
		}
		h.Form = protocol.AuthorityForm
		h.Target = h.Authority
		return nil
	case b.seen&hasProtocol != 0 && !f.set.ExtendedConnect:
		return errNoConnect
	case len(b.path) > f.set.MaxRequestLineBytes:
		return errPathTooLong
	case !isTarget(b.path):
		return errPath
	}
	h.Target = b.path
	switch {
	case b.path[0] == '/':
		h.Form = protocol.OriginForm
		h.Path, h.Query = cutQuery(b.path)
	case h.Method == "OPTIONS" && len(b.path) == 1 && b.path[0] == '*':
		h.Form = protocol.AsteriskForm
		h.Path = b.path
	default:
		return errPath
	}
	return nil
}

// isTarget tells whether the bytes may stand in a target: all but blanks,
// control bytes and the mark of a fragment, as HTTP/1 has it.
func isTarget(s []byte) bool {
	for _, c := range s {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// cutQuery divides what is before and after the first "?". The query is nil
// when there is no "?".
func cutQuery(target []byte) (path, query []byte) {
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		return target[:i:i], target[i+1:]
	}
	return target, nil
}

var hostName = []byte("host")

// addHost puts :authority among the fields, where those who ask for Host look for
// it (RFC 9113 §8.3.1).
func (b *block) addHost() {
	b.fields = append(b.fields, protocol.RawField{Name: hostName, Value: b.head.Authority})
}

// joinCookies makes one field of several (RFC 9113 §8.2.3), in the place of the
// first.
func (f *Factory) joinCookies(b *block) {
	joined := f.scratch[:0]
	first := -1
	kept := b.fields[:0]
	for _, field := range b.fields {
		if string(field.Name) != "cookie" {
			kept = append(kept, field)
			continue
		}
		if first < 0 {
			first = len(kept)
			kept = append(kept, field)
		} else {
			joined = append(joined, "; "...)
		}
		joined = append(joined, field.Value...)
	}
	clear(b.fields[len(kept):])
	kept[first].Value = joined
	b.fields, f.scratch = kept, joined
}
