// Package zstd decodes the content coding zstd (RFC 8878) for an agent.Agent:
//
//	a.Decoders = map[string]agent.Decoder{"zstd": zstd.Decoder, "gzip": agent.Gzip}
package zstd

import (
	"io"

	"github.com/klauspost/compress/zstd"

	"spindle/protocol/agent"
)

// window is the most that a content may have the decoder keep (RFC 9659 §3).
const window = 8 << 20

// Decoder is the decoder of zstd. It starts no goroutines of its own.
var Decoder agent.Decoder = func(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
}
