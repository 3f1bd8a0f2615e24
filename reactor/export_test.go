package reactor

import "time"

// This file lets the tests outside this package reach what they need of it.

// TestCert is testCert.
var TestCert = testCert

// HoldAlways has every answer wait until the turn is over. Loop only.
func (r *Reactor) HoldAlways() { r.crowd.many, r.crowd.least, r.crowd.atMost = true, 0, time.Hour }
