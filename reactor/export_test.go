package reactor

// This file lets the tests outside this package reach what they need of it.

// TestCert is testCert.
var TestCert = testCert
