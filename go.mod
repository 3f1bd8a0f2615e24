module spindle

go 1.26

require (
	github.com/evanphx/wildcat v0.0.0-20141114174135-e7012f664567
	github.com/panjf2000/gnet/v2 v2.10.0
	golang.org/x/sys v0.30.0
)
