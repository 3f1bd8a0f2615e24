module spindle-bench-peers

go 1.26.0

require (
	github.com/evanphx/wildcat v0.0.0-20141114174135-e7012f664567
	github.com/go-chi/chi/v5 v5.2.3
	github.com/panjf2000/gnet/v2 v2.10.0
	github.com/valyala/fasthttp v1.77.0
)

require (
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/pool v0.2.1 // indirect
)

require (
	github.com/gobwas/ws v1.4.0
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/lxzan/gws v1.8.9
	github.com/molecule-man/go-brrr v1.3.0 // indirect
	github.com/panjf2000/ants/v2 v2.12.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/vektra/errors v0.0.0-20140903201135-c64d83aba85a // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	golang.org/x/sync v0.11.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
