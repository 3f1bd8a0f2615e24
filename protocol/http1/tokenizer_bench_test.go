package http1

import (
	"strings"
	"testing"

	"github.com/evanphx/wildcat"
)

// The heads of the benchmarks: that of a load generator, and that of a browser.
const (
	smallHead   = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	browserHead = "GET /index.html?x=1 HTTP/1.1\r\n" +
		"Host: localhost:8080\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"120\", \"Not A(Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: none\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n" +
		"Cookie: session=0123456789abcdef\r\n\r\n"
)

var heads = []struct{ name, head string }{{"small", smallHead}, {"browser", browserHead}}

// BenchmarkHead is a head from bytes to protocol.Head: scan, wildcat, judgement.
func BenchmarkHead(b *testing.B) {
	for _, h := range heads {
		b.Run(h.name, func(b *testing.B) {
			s := Settings{}.resolve()
			tok, buf := newTokenizer(&s), []byte(h.head)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				var scan headScan
				n, err := tok.scan(buf, &scan)
				if err != nil || n != len(buf) {
					b.Fatal(n, err)
				}
				if _, err := tok.tokenize(buf, &scan); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScan is the guard's part of BenchmarkHead.
func BenchmarkScan(b *testing.B) {
	for _, h := range heads {
		b.Run(h.name, func(b *testing.B) {
			s := Settings{}.resolve()
			tok, buf := newTokenizer(&s), []byte(h.head)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				var scan headScan
				if n, err := tok.scan(buf, &scan); err != nil || n != len(buf) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkWildcat is wildcat's part of BenchmarkHead.
func BenchmarkWildcat(b *testing.B) {
	for _, h := range heads {
		b.Run(h.name, func(b *testing.B) {
			p, buf := wildcat.NewSizedHTTPParser(101), []byte(h.head)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				*p = wildcat.HTTPParser{Headers: p.Headers, TotalHeaders: len(p.Headers)}
				if n, err := p.Parse(buf); err != nil || n != len(buf) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkChunked is the decoder: chunks as a client with small writes makes
// them, and as one with large ones.
func BenchmarkChunked(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"16x64", strings.Repeat("40\r\n"+strings.Repeat("x", 64)+"\r\n", 16) + "0\r\n\r\n"},
		{"4x16k", strings.Repeat("4000\r\n"+strings.Repeat("x", 16<<10)+"\r\n", 4) + "0\r\n\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := Settings{}.resolve()
			d, in := new(chunked), []byte(c.in)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				d.reset(&s)
				for rest := in; !d.done; {
					n, _, err := d.read(rest)
					if err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}
