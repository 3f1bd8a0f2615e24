package static

// This file chooses among the codings of a file by Accept-Encoding (RFC 9110
// §12.5.3), without an allocation.

// codings is by the extension of a sibling.
var codings = map[string]string{".br": "br", ".zst": "zstd", ".gz": "gzip"}
