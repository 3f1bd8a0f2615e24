package reactor

import (
	"crypto/tls"
	"sync/atomic"
	"testing"
	"time"
)

// Sessions are resumed by tickets whose keys change daily: one of two days ago is still
// known, one of eight days ago is not, in both versions.
func TestTLSTicketRotation(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var passed atomic.Int64 // since the first connection
		addr, config := tlsPort(t, New(), FactoryFunc(func(Addr) Protocol { return new(chopper) }), func(c *tls.Config) {
			c.MaxVersion = version
			c.Time = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		})
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		config.InsecureSkipVerify = true // the certificate lives for an hour
		for i, row := range []struct {
			days    int
			resumed bool
		}{{0, false}, {0, true}, {2, true}, {4, true}, {12, false}, {12, true}} {
			passed.Store(int64(row.days) * int64(24*time.Hour))
			c, _ := dialBoth(t, addr, config)
			echoes(t, c)
			if got := c.ConnectionState().DidResume; got != row.resumed {
				t.Errorf("%s, connection %d, day %d: resumed: %v", tls.VersionName(version), i, row.days, got)
			}
			c.Close()
		}
	}
}
