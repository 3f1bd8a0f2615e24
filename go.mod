module spindle

go 1.26

require (
	github.com/panjf2000/gnet/v2 v2.10.0
	golang.org/x/sys v0.30.0
)

require (
	github.com/evanphx/wildcat v0.0.0-20141114174135-e7012f664567
	github.com/vektra/errors v0.0.0-20140903201135-c64d83aba85a
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
