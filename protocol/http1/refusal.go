package http1

import "spindle/protocol"

// The reasons for which a request is refused. They are made once: a flood of bad
// requests makes no garbage, and tests compare them.
var (
	errTLS = &protocol.Error{Close: true,
		Reason: "a TLS handshake came to a port without TLS; did the client mean http://?"}

	// Of a connection that begins with something else, where HTTP/2 may come, too: a
	// client of that would take an answer of HTTP/1.1 for a frame.
	errNoHTTP = &protocol.Error{Close: true,
		Reason: "what came first is neither a request of HTTP/1.x nor the preface of HTTP/2"}

	errEmptyLine     = refusal(400, "more than one empty line before the request")
	errBareLF        = refusal(400, "a line does not end in CRLF")
	errMethod        = refusal(400, "the request line does not begin with a method and a space")
	errTarget        = refusal(400, "the target is missing, has a byte that may not stand there, or no space after it")
	errVersion       = refusal(400, "the request line does not end in a version")
	errMajorVersion  = refusal(505, "the version is not HTTP/1.x")
	errFold          = refusal(400, "a field line begins with a blank")
	errName          = refusal(400, "the name of a field is not a token with a colon behind it")
	errValue         = refusal(400, "the value of a field has a control byte")
	errLineTooLong   = refusal(414, "the request line is too long")
	errBlockTooLong  = refusal(431, "the fields are too long")
	errTooManyFields = refusal(431, "there are too many fields")
	errTokenizer     = refusal(400, "the head is malformed")

	errTargetForm     = refusal(400, "the target is in none of the forms that the method may have")
	errAuthority      = refusal(400, "the target has a malformed authority")
	errNoHost         = refusal(400, "there is no Host field")
	errTwoHosts       = refusal(400, "there is more than one Host field")
	errHost           = refusal(400, "the Host field is malformed")
	errTwoLengths     = refusal(400, "there is more than one Content-Length field")
	errLength         = refusal(400, "the Content-Length is not a number")
	errHugeLength     = refusal(413, "the Content-Length is beyond all measure")
	errLengthAndCode  = refusal(400, "there are both Content-Length and Transfer-Encoding")
	errCodingTooOld   = refusal(400, "there is a Transfer-Encoding in a request of HTTP/1.0")
	errCodingUnclear  = refusal(400, "the Transfer-Encoding does not end in chunked, or names it twice")
	errCodingUnknown  = refusal(501, "there is a transfer coding other than chunked")
	errExpectation    = refusal(417, "there is an expectation other than 100-continue")
	errConnectContent = refusal(400, "a CONNECT request has content")

	errChunkSize      = refusal(400, "the size of a chunk is not a hexadecimal number")
	errHugeChunk      = refusal(413, "the size of a chunk is beyond all measure")
	errChunkExtension = refusal(400, "the extension of a chunk is malformed")
	errChunkLine      = refusal(400, "the line of a chunk's size is too long")
	errChunkEnd       = refusal(400, "the data of a chunk is not followed by CRLF")
	errChunkWaste     = refusal(400, "the content is mostly chunk lines")
	errTrailer        = refusal(400, "a trailer field is malformed")
	errTrailerFraming = refusal(400, "a trailer field would change the framing")
	errTrailersLong   = refusal(431, "the trailer fields are too long")
	errManyTrailers   = refusal(431, "there are too many trailer fields")

	errHeadCut     = refusal(400, "the client closed in the middle of the head")
	errContentCut  = refusal(400, "the client closed in the middle of the content")
	errHeadSlow    = refusal(408, "the head took too long")
	errContentSlow = refusal(408, "the content came too slowly")
	errFull        = refusal(503, "there are too many connections")
)

// refusal ends the connection after an answer of that status.
func refusal(status int, reason string) *protocol.Error {
	return &protocol.Error{Status: status, Reason: reason, Close: true}
}
