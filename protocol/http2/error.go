package http2

import (
	"errors"
	"fmt"
	"io"

	"spindle/protocol"
)

// errCode is an error code (RFC 9113 §7).
type errCode uint32

const (
	codeNo           errCode = 0x0
	codeProtocol     errCode = 0x1
	codeInternal     errCode = 0x2
	codeFlowControl  errCode = 0x3
	codeStreamClosed errCode = 0x5
	codeFrameSize    errCode = 0x6
	codeRefused      errCode = 0x7
	codeCancel       errCode = 0x8
	codeCompression  errCode = 0x9
	codeCalm         errCode = 0xb
)

// connError ends the connection with a GOAWAY. The reason goes to the client, as
// debug data, and to the server's log.
type connError struct {
	code   errCode
	reason string
}

// Error makes it what ConnectionLost is told.
func (e *connError) Error() string { return "http2: " + e.reason }

// The errors of a connection. They are made once, so that a flood of bad frames
// makes no garbage.
var (
	errPreface        = &connError{codeProtocol, "the connection does not begin with the preface of HTTP/2"}
	errNoSettings     = &connError{codeProtocol, "the first frame is not SETTINGS"}
	errFrameSize      = &connError{codeFrameSize, "a frame has a length that its type can not have"}
	errFrameTooLong   = &connError{codeFrameSize, "a frame is longer than 16 KiB"}
	errPadding        = &connError{codeProtocol, "the padding is longer than the frame"}
	errOnZero         = &connError{codeProtocol, "a frame that belongs to a stream came on stream 0"}
	errNotOnZero      = &connError{codeProtocol, "a frame that belongs to the connection came on a stream"}
	errIdle           = &connError{codeProtocol, "a frame came on a stream that is idle"}
	errIdleOnItself   = &connError{codeProtocol, "an idle stream depends on itself"}
	errFromServer     = &connError{codeProtocol, "a server can not send this"}
	errStreamID       = &connError{codeProtocol, "a client's stream has an even number"}
	errClosedStream   = &connError{codeStreamClosed, "a frame came on a stream that its client has closed"}
	errContinuation   = &connError{codeProtocol, "a header block is interrupted, or goes on without having begun"}
	errPush           = &connError{codeProtocol, "a client can not push, and a server was told not to"}
	errCompression    = &connError{codeCompression, "a header block can not be decoded"}
	errBlockTooLong   = &connError{codeCalm, "a header block is much longer than it may be"}
	errBlockSlow      = &connError{codeCalm, "a header block took too long"}
	errNuisance       = &connError{codeCalm, "too many frames that bring no work forward"}
	errSetting        = &connError{codeProtocol, "a setting has a value that it can not have"}
	errInitialWindow  = &connError{codeFlowControl, "the initial window is too large"}
	errWindowTooLarge = &connError{codeFlowControl, "the window of the connection is too large"}
	errWindowZero     = &connError{codeProtocol, "the window of the connection grows by nothing"}
	errWindowExceeded = &connError{codeFlowControl, "there is more data than the window of the connection has room for"}
	errFull           = &connError{codeCalm, "there are too many connections"}
	errSlowPreface    = &connError{codeProtocol, "the preface took too long"}
)

// refusal is an answer that the protocol gives itself.
func refusal(status int, reason string) *protocol.Error {
	return &protocol.Error{Status: status, Reason: reason}
}

// Requests that are answered with a status.
var (
	errPathTooLong   = refusal(414, "the path is too long")
	errListTooLong   = refusal(431, "the fields are too long")
	errManyFields    = refusal(431, "there are too many fields")
	errPath          = refusal(400, "the path is in none of the forms that the method may have, or has a byte that may not stand there")
	errNoAuthority   = refusal(400, "there is neither :authority nor Host")
	errAuthority     = refusal(400, "the authority is malformed")
	errTwoAuthority  = refusal(400, "there are different authorities")
	errHugeLength    = refusal(413, "the Content-Length is beyond all measure")
	errExpectation   = refusal(417, "there is an expectation other than 100-continue")
	errNoConnect     = refusal(501, "an extended CONNECT is not taken here")
	errContentSlow   = refusal(408, "the content came too slowly")
	errContentCut    = refusal(400, "the client closed in the middle of the content")
	errTooManyOpen   = refusal(503, "there are too many streams")
	errInformational = refusal(502, "there are too many informational answers")
	errSwitching     = refusal(502, "HTTP/2 has no status 101")
	errNoHead        = refusal(502, "there is content before the head")
	errTrailersLong  = refusal(431, "the trailer fields are too long")
)

// Requests that are malformed (RFC 9113 §8.1.1): the stream is reset.
var (
	errName            = refusal(400, "the name of a field is not a token in lower case")
	errValue           = refusal(400, "the value of a field has a control byte, or a blank at its end")
	errPseudoOrder     = refusal(400, "a pseudo-header field follows a field, or stands in trailers")
	errPseudoTwice     = refusal(400, "a pseudo-header field is there twice")
	errPseudoUnknown   = refusal(400, "there is an unknown pseudo-header field")
	errPseudoMissing   = refusal(400, "a pseudo-header field is missing, or empty")
	errPseudoConnect   = refusal(400, "a CONNECT request has a pseudo-header field that it may not have")
	errStatus          = refusal(502, "the status is not a number of three digits")
	errMethod          = refusal(400, "the method is not a token")
	errScheme          = refusal(400, "the scheme is malformed")
	errConnectionField = refusal(400, "a field is there that belongs to connections of HTTP/1")
	errTE              = refusal(400, "TE has a member other than trailers")
	errLength          = refusal(400, "the Content-Length is not one number")
	errLengthMismatch  = refusal(400, "the content is not as long as Content-Length says")
	errTrailerEnd      = refusal(400, "trailers do not end the stream")
	errTrailerFraming  = refusal(400, "a trailer field would change the framing")
	errDependsOnItself = refusal(400, "a stream depends on itself")
	errStreamEnded     = refusal(400, "there is content after the end of the stream")
	errStreamWindow    = refusal(400, "there is more data than the window of the stream has room for")
	errWindowOverflow  = refusal(400, "the window of a stream is too large, or grows by nothing")
)

// What a Receiver is told of the end of its stream.
var (
	errStalled = errors.New("http2: the client opened no window for the answer in time")
	errReset   = errors.New("http2: the client has reset the stream")
	errShort   = fmt.Errorf("http2: a file is shorter than promised: %w", io.ErrUnexpectedEOF)
)
