package http1

import (
	"strconv"

	"spindle/protocol"
)

// This file reads the heads of answers, and writes those of requests. The lines of
// a head are found and checked by the tokenizer that reads requests; the status line is
// checked here, and what the fields mean for an answer (RFC 9112 §6.3) is judged here.

// The reasons for which an answer is refused, beside those of fields and chunks in
// refusal.go.
var (
	errStatusLine    = refusal(502, "it does not begin with a status line of HTTP/1.x")
	errStatusLong    = refusal(502, "its status line is too long")
	errAnswerCoding  = refusal(502, "it has a transfer coding other than chunked")
	errUnasked       = refusal(502, "it switches protocols and was not asked to")
	errInformational = refusal(502, "it has too many informational answers before it")
)

// checkStatusLine wants a version, a space, three digits, and a space and a reason or
// nothing (RFC 9112 §4).
func checkStatusLine(line []byte) *protocol.Error {
	if len(line) < 12 || !beginsStatus(line) || !isDigit(line[7]) || line[8] != ' ' ||
		!isDigit(line[9]) || line[9] == '0' || !isDigit(line[10]) || !isDigit(line[11]) {
		return errStatusLine
	}
	if rest := line[12:]; len(rest) > 0 && (rest[0] != ' ' || !cleanValue(rest)) {
		return errStatusLine
	}
	return nil
}

// beginsStatus tells whether part may be the beginning of a status line.
func beginsStatus(part []byte) bool {
	const start = "HTTP/1."
	n := min(len(part), len(start))
	return string(part[:n]) == start[:n]
}

// tokenizeAnswer makes the head of buf, which scan has just found to be whole. It is valid
// until the next call of scan.
func (f *ClientFactory) tokenizeAnswer(buf []byte, asked *asked) (h *protocol.ResponseHead, framing answer, err *protocol.Error) {
	h = &f.answer
	line := buf[:lineEnd(buf)]
	*h = protocol.ResponseHead{Version: protocol.HTTP11, Fields: f.tok.fields}
	if line[7] == '0' {
		h.Version = protocol.HTTP10
	}
	h.Status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	if len(line) > 13 {
		h.Reason = line[13:]
	}
	framing, err = judgeAnswer(h, asked)
	return h, framing, err
}

// lineEnd is where the first line of a head that was checked ends.
func lineEnd(buf []byte) int {
	i := 0
	for buf[i] != '\r' {
		i++
	}
	return i
}

// asked is what of a request matters to its answer, and what the answer says of the
// connection.
type asked struct {
	head, connect, upgrade bool
	closes                 bool // the connection ends with this exchange
}

// judgeAnswer finds how the content is framed, and what becomes of the connection. RFC
// 9112 §6.3, §9.3.
func judgeAnswer(h *protocol.ResponseHead, a *asked) (answer, *protocol.Error) {
	var s seen
	for i := range h.Fields {
		s.note(h.Fields[i].Name, h.Fields[i].Value)
	}
	if s.close || h.Version == protocol.HTTP10 && !s.keepAlive {
		a.closes = true
	}
	switch {
	case h.Status == 101:
		if !a.upgrade {
			return answerNone, errUnasked
		}
		h.Switching = true
		return answerEmpty, nil
	case a.connect && h.Status/100 == 2:
		h.Switching = true
		return answerEmpty, nil
	case a.head || protocol.NoContent(h.Status):
		return answerEmpty, judgeUnusedLength(&s)
	case s.codings > 0:
		return judgeAnswerCoding(h, &s)
	}
	return judgeAnswerLength(h, &s, a)
}

func judgeAnswerCoding(h *protocol.ResponseHead, s *seen) (answer, *protocol.Error) {
	switch {
	case s.lengths > 0:
		return answerNone, errLengthAndCode
	case h.Version == protocol.HTTP10:
		return answerNone, errCodingTooOld
	case !s.exactChunked:
		return answerNone, errAnswerCoding
	}
	h.ContentLength = -1
	return answerChunked, nil
}

func judgeAnswerLength(h *protocol.ResponseHead, s *seen, a *asked) (answer, *protocol.Error) {
	switch {
	case s.lengths > 1:
		return answerNone, errTwoLengths
	case s.lengths == 0:
		a.closes = true
		h.ContentLength = -1
		return answerClose, nil
	}
	n, ok, big := parseDigits(s.length)
	switch {
	case !ok:
		return answerNone, errLength
	case big:
		return answerNone, errHugeLength
	case n == 0:
		return answerEmpty, nil
	}
	h.ContentLength = n
	return answerLength, nil
}

// judgeUnusedLength refuses a length that is none where no content comes: a proxy would
// pass it on.
func judgeUnusedLength(s *seen) *protocol.Error {
	if s.lengths > 1 {
		return errTwoLengths
	}
	if s.lengths == 1 {
		if _, ok, _ := parseDigits(s.length); !ok {
			return errLength
		}
	}
	return nil
}

// appendRequest appends the head of a request (RFC 9112 §3).
func appendRequest(b []byte, h *protocol.RequestHead) []byte {
	b = append(b, h.Method...)
	b = append(b, ' ')
	switch {
	case h.Method == "CONNECT":
		b = append(b, h.Authority...)
	case h.Absolute && h.Target != "*":
		b = append(b, h.Scheme...)
		b = append(b, "://"...)
		b = append(b, h.Authority...)
		b = append(b, h.Target...)
	default:
		b = append(b, h.Target...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, h.Authority...)
	b = append(b, "\r\n"...)
	te := false
	for i := range h.Fields {
		f := &h.Fields[i]
		switch {
		case isRequestOwn(f.Name), !h.Upgrade && len(f.Name) == 7 && protocol.EqualFold(f.Name, "upgrade"):
			continue
		case len(f.Name) == 2 && protocol.EqualFold(f.Name, "te"):
			te = true
		}
		b = appendField(b, f.Name, f.Value)
	}
	return append(appendRequestFraming(b, h, te), "\r\n"...)
}

func appendRequestFraming(b []byte, h *protocol.RequestHead, te bool) []byte {
	switch {
	case h.ContentLength > 0, h.ContentLength == 0 && wantsLength(h.Method):
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, h.ContentLength, 10)
		b = append(b, "\r\n"...)
	case h.ContentLength < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if h.ExpectContinue && h.ContentLength != 0 {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	switch {
	case h.Upgrade && te:
		b = append(b, "Connection: Upgrade, TE\r\n"...)
	case h.Upgrade:
		b = append(b, "Connection: Upgrade\r\n"...)
	case te: // RFC 9110 §10.1.4
		b = append(b, "Connection: TE\r\n"...)
	}
	return b
}

// wantsLength tells whether a request of that method says that it has no content (RFC
// 9110 §8.6).
func wantsLength(method string) bool { return method == "POST" || method == "PUT" || method == "PATCH" }

// isRequestOwn tells whether a field of a request is the client's own affair.
func isRequestOwn(name string) bool {
	switch len(name) {
	case 4:
		return protocol.EqualFold(name, "host")
	case 6:
		return protocol.EqualFold(name, "expect")
	case 10:
		return protocol.EqualFold(name, "connection") || protocol.EqualFold(name, "keep-alive")
	case 14:
		return protocol.EqualFold(name, "content-length")
	case 16:
		return protocol.EqualFold(name, "proxy-connection")
	case 17:
		return protocol.EqualFold(name, "transfer-encoding")
	}
	return false
}
