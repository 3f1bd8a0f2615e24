// Package brotli decodes the content coding br (RFC 7932) for an agent.Agent:
//
//	a.Decoders = map[string]agent.Decoder{"br": brotli.Decoder, "gzip": agent.Gzip}
package brotli

import (
	"io"

	"github.com/andybalholm/brotli"

	"spindle/protocol/agent"
)

// Decoder is the decoder of br.
var Decoder agent.Decoder = func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }
