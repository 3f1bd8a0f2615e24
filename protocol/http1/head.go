package http1

import (
	"bytes"

	"spindle/protocol"
)

// This file judges the tokens of a head: how long the content is, whom the
// request is for, what becomes of the connection. Whatever can be read in two
// ways is refused.

// seen collects what the fields say of the message itself.
type seen struct {
	host, length                   []byte
	hosts, lengths, codings        int
	exactChunked, lastChunked      bool // of Transfer-Encoding
	chunked, twice, otherCoding    bool
	close, keepAlive, wantsUpgrade bool // of Connection
	hasUpgrade                     bool
	oddExpect, expectContinue      bool
}

// judge fills in h from the fields that scan has found.
func (t *tokenizer) judge(h *protocol.Head) *protocol.Error {
	var s seen
	h.Fields = t.fields
	for i := range h.Fields {
		s.note(h.Fields[i].Name, h.Fields[i].Value)
	}
	if s.hosts == 1 && t.hostIsKnown(s.host) {
		h.Authority = s.host
	} else if err := t.judgeHost(h, &s); err != nil {
		return err
	}
	if err := judgeTarget(h); err != nil {
		return err
	}
	if s.lengths+s.codings > 0 {
		if err := judgeLength(h, &s); err != nil {
			return err
		}
	}
	return judgeConnection(h, &s)
}

// note takes in a field if it is one of those that concern the message itself.
func (s *seen) note(name, value []byte) {
	switch len(name) {
	case 4:
		if string(name) == "Host" || isName(name, "host") {
			s.host = value
			s.hosts++
		}
	case 6:
		if isName(name, "expect") {
			s.noteExpect(value)
		}
	case 7:
		if isName(name, "upgrade") {
			s.hasUpgrade = s.hasUpgrade || len(value) > 0
		}
	case 10:
		if isName(name, "connection") {
			s.noteConnection(value)
		}
	case 14:
		if isName(name, "content-length") {
			s.length = value
			s.lengths++
		}
	case 17:
		if isName(name, "transfer-encoding") {
			s.noteCoding(value)
		}
	}
}

// isName tells whether name is lower but for the case of letters. lower is in
// lower case and as long as name.
func isName(name []byte, lower string) bool {
	for i := range name {
		if c := name[i]; c != lower[i] && (c-'A' > 'Z'-'A' || c|0x20 != lower[i]) {
			return false
		}
	}
	return true
}

// is is isName for a text of any length.
func is(text []byte, lower string) bool { return len(text) == len(lower) && isName(text, lower) }

// cutList takes the first member off a comma-separated list (RFC 9110 §5.6.1).
func cutList(list []byte) (member, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return protocol.TrimBlank(list[:i]), list[i+1:]
	}
	return protocol.TrimBlank(list), nil
}

func (s *seen) noteConnection(list []byte) {
	for len(list) > 0 {
		var option []byte
		option, list = cutList(list)
		switch {
		case is(option, "keep-alive"):
			s.keepAlive = true
		case is(option, "close"):
			s.close = true
		case is(option, "upgrade"):
			s.wantsUpgrade = true
		}
	}
}

func (s *seen) noteExpect(list []byte) {
	for len(list) > 0 {
		var member []byte
		member, list = cutList(list)
		switch {
		case is(member, "100-continue"):
			s.expectContinue = true
		case len(member) > 0:
			s.oddExpect = true
		}
	}
}

// noteCoding takes in the list of a Transfer-Encoding field. Several fields are
// one list. An empty one counts as a coding that is none.
func (s *seen) noteCoding(list []byte) {
	s.codings++
	s.exactChunked = s.codings == 1 && is(list, "chunked")
	s.lastChunked = false
	for len(list) > 0 {
		var coding []byte
		coding, list = cutList(list)
		if s.lastChunked = is(coding, "chunked"); !s.lastChunked {
			s.otherCoding = true
		} else if s.chunked {
			s.twice = true
		} else {
			s.chunked = true
		}
	}
}

// judgeHost wants one Host field in HTTP/1.1, and at most one in HTTP/1.0 (RFC
// 9112 §3.2).
func (t *tokenizer) judgeHost(h *protocol.Head, s *seen) *protocol.Error {
	switch {
	case s.hosts > 1:
		return errTwoHosts
	case s.hosts == 0 && h.Version == protocol.HTTP11:
		return errNoHost
	case len(s.host) > 0 && !t.hostIsFine(s.host):
		return errHost
	}
	h.Authority = s.host
	return nil
}

// hostIsKnown tells whether host is the last one that was found fine: nearly all requests of
// a loop name the same.
func (t *tokenizer) hostIsKnown(host []byte) bool {
	return len(host) > 0 && bytes.Equal(host, t.host)
}

// hostIsFine is protocol.ValidAuthority, and remembers it.
func (t *tokenizer) hostIsFine(host []byte) bool {
	if !protocol.ValidAuthority(host) {
		return false
	}
	t.host = append(t.host[:0], host...)
	return true
}

// judgeLength finds how the content is framed (RFC 9112 §6.3), where a field says so.
func judgeLength(h *protocol.Head, s *seen) *protocol.Error {
	switch {
	case s.codings > 0:
		if err := judgeCoding(h, s); err != nil {
			return err
		}
		h.ContentLength = -1
	case s.lengths > 1:
		return errTwoLengths
	case s.lengths == 1:
		n, ok, big := parseDigits(s.length)
		if !ok {
			return errLength
		}
		if big {
			return errHugeLength
		}
		h.ContentLength = n
	}
	if h.ContentLength != 0 && h.Form == protocol.AuthorityForm {
		return errConnectContent
	}
	return nil
}

// judgeCoding wants chunked and nothing else (RFC 9112 §6.1).
func judgeCoding(h *protocol.Head, s *seen) *protocol.Error {
	switch {
	case s.lengths > 0:
		return errLengthAndCode
	case h.Version == protocol.HTTP10:
		return errCodingTooOld
	case s.exactChunked:
		return nil
	case s.lastChunked && s.otherCoding && !s.twice:
		return errCodingUnknown
	}
	return errCodingUnclear
}

// judgeConnection finds what the client wants of the connection (RFC 9112 §9.3,
// RFC 9110 §7.8, §10.1.1).
func judgeConnection(h *protocol.Head, s *seen) *protocol.Error {
	if h.Version == protocol.HTTP10 {
		h.KeepAlive = s.keepAlive && !s.close
		return nil
	}
	if s.oddExpect {
		return errExpectation
	}
	h.KeepAlive = !s.close
	h.ExpectContinue = s.expectContinue && h.ContentLength != 0
	h.Upgrade = s.wantsUpgrade && s.hasUpgrade
	return nil
}
